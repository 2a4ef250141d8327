//! A connection that comes back: what a good client does when its network or its gateway goes.
//!
//! It comes back to another gateway after a short pause with jitter, resumes its session with what it has seen, and sends
//! again, with the same ids, the requests that have had no reply, in order. It says where it has got to now and then, notices a
//! gateway that has fallen silent, leaves one that asks for it, and waits as long as it is told to before it repeats a
//! request that could not be served.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::bell::Bell;
use super::diary::{Diary, Note};
use super::greeting::{code_of, comes_back, greet};
use super::queue::{PATIENCE, Queue};
use crate::client::{Seat, upgrade};
use crate::codec::Codec;
use crate::dice::Dice;
use crate::shape::with;
use crate::token;

pub(super) type Socket = WebSocketStream<TcpStream>;

/// A gateway that does not take a connection within this time is passed over.
const TAKES: Duration = Duration::from_secs(2);
/// A `hello` without an answer for so long is given up.
const GREETS: Duration = Duration::from_secs(5);
/// After so much silence a client asks for a sign of life ...
const QUIET: Duration = Duration::from_secs(1);
/// ... and after so much it takes the connection for dead.
const SILENT: Duration = Duration::from_secs(4);
/// For so long a call that has ended is still named in `hello`: its end may not have been noted as told.
const NAMED: Duration = Duration::from_secs(60);

/// Whether a `hello` names calls that have just ended, too. By the protocol page it need not.
fn names_ended() -> bool {
    std::env::var("CHAOS_SEEN").map_or(true, |seen| seen != "live")
}

/// The longest pause between two attempts to come back.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What comes over the line.
#[derive(Debug)]
pub enum Turn {
    /// An event of a call.
    Event(Value),
    /// The reply to a request: ack or error. An error without a code: the session it was sent in is gone.
    Reply(u64, Result<Value, Value>),
    /// The connection is back: whether with continuity, and the calls it named.
    Back(bool, Vec<Value>),
    /// The bell has rung.
    Rung,
    /// Time is over.
    Time,
}

/// One device's line.
pub struct Line {
    /// What it writes down.
    pub diary: Arc<Diary>,
    bell: Arc<Bell>,
    seat: Seat,
    doors: Arc<Vec<u16>>,
    dice: Dice,
    socket: Option<Socket>,
    /// The gateway it is at, or was last.
    here: usize,
    session: Option<String>,
    seen: BTreeMap<String, u64>,
    over: HashSet<String>,
    /// The last numbers of calls that have ended, the newest last, for a client that names those, too.
    ended: VecDeque<(Instant, String, u64)>,
    next_id: u64,
    waiting: Queue,
    ready: VecDeque<Turn>,
    heard: Instant,
    pinged: bool,
    leave_at: Option<Instant>,
    failures: u32,
}

impl Line {
    /// A line for a device, not connected yet. `doors` are the gateways' ports.
    pub fn new(
        diary: Arc<Diary>,
        bell: Arc<Bell>,
        codec: Codec,
        doors: Arc<Vec<u16>>,
        mut dice: Dice,
    ) -> Self {
        let here = dice.below(doors.len());
        let seat = Seat {
            user: diary.user.clone(),
            device: Some(diary.device.clone()),
            port: doors[here],
            codec,
            token: token::good(&diary.user),
            names_protocol: true,
        };
        Self {
            diary,
            bell,
            seat,
            doors,
            dice,
            socket: None,
            here,
            session: None,
            seen: BTreeMap::new(),
            over: HashSet::new(),
            ended: VecDeque::new(),
            next_id: 1,
            waiting: Queue::default(),
            ready: VecDeque::new(),
            heard: Instant::now(),
            pinged: false,
            leave_at: None,
            failures: 0,
        }
    }

    /// Sends a request, now or as soon as the connection is back, and returns its id.
    pub async fn post(&mut self, kind: &str, fields: Value) -> u64 {
        let id = self.new_id();
        let mut frame = with(json!({"type": kind, "id": id}), fields);
        if !self.seen.is_empty() && self.dice.below(8) == 0 {
            frame["seen"] = json!(self.seen);
        }
        // Behind one of the same call that has to be sent again it waits for its turn.
        if self.waiting.add(id, frame.clone()) {
            self.send(frame).await;
        }
        id
    }

    /// Waits for what comes next, at most until `until`.
    pub async fn turn(&mut self, until: Instant) -> Turn {
        loop {
            if let Some(turn) = self.ready.pop_front() {
                return turn;
            }
            if self.socket.is_none() {
                self.come_back().await;
                if self.socket.is_none() && Instant::now() >= until {
                    return Turn::Time;
                }
                continue;
            }
            self.do_what_is_due().await;
            let wake = self.next_due().min(until);
            let Some(socket) = &mut self.socket else { continue };
            tokio::select! {
                frame = socket.next() => self.take(frame).await,
                () = self.bell.listen() => {
                    if !self.bell.take_cut() {
                        return Turn::Rung;
                    }
                    self.lose("cut by the test");
                }
                () = sleep_until(wake) => {
                    if Instant::now() >= until {
                        return Turn::Time;
                    }
                }
            }
        }
    }

    /// Says goodbye.
    pub async fn hang_up(mut self) {
        self.leave("the run is over").await;
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    async fn send(&mut self, frame: Value) {
        let Some(socket) = &mut self.socket else { return };
        let message = self.seat.codec.frame(self.seat.codec.bytes(&frame));
        self.diary.write(Note::Sent(frame));
        match timeout(TAKES, socket.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.lose(&format!("can't send: {error}")),
            Err(_) => self.lose("nobody takes what is sent"),
        }
    }

    /// The socket is gone without a word.
    fn lose(&mut self, why: &str) {
        self.socket = None;
        self.leave_at = None;
        self.diary.write(Note::Down(why.to_owned()));
    }

    /// Closes the socket properly.
    async fn leave(&mut self, why: &str) {
        if let Some(mut socket) = self.socket.take() {
            let _ = timeout(TAKES, socket.close(None)).await;
        }
        self.lose(why);
    }

    fn next_due(&self) -> Instant {
        let life = if self.pinged { self.heard + SILENT } else { self.heard + QUIET };
        self.waiting.next().into_iter().chain(self.leave_at).chain([life]).min().unwrap_or(life)
    }

    async fn do_what_is_due(&mut self) {
        let now = Instant::now();
        if self.leave_at.is_some_and(|at| now >= at) {
            return self.leave("asked to go").await;
        }
        if now >= self.heard + SILENT {
            return self.lose("the gateway is silent");
        }
        if now >= self.heard + QUIET && !self.pinged {
            self.pinged = true;
            let id = self.new_id();
            self.send(json!({"type": "ping", "id": id})).await;
        }
        for id in self.waiting.due(now) {
            self.send_again(id).await;
        }
        if let Some(frame) = self.waiting.late(now) {
            let call = frame["call"].as_str().map(str::to_owned);
            let what = format!("no reply to {} for {PATIENCE:?} on a connection that lives", frame["type"]);
            self.diary.write(Note::Odd(call, what));
            self.lose("a request has no reply");
        }
    }

    async fn send_again(&mut self, id: u64) {
        if let Some(frame) = self.waiting.send(id) {
            self.send(frame).await;
        }
    }

    async fn take(&mut self, frame: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>) {
        (self.heard, self.pinged) = (Instant::now(), false);
        match frame {
            Some(Ok(Message::Close(close))) => {
                let code = code_of(close.as_ref());
                if !comes_back(code) {
                    self.diary.write(Note::Odd(None, format!("closed with {code}")));
                }
                self.lose(&format!("closed with {code}"));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(frame)) => match self.seat.codec.decode(&frame) {
                Ok(value) => self.read(value).await,
                Err(error) => self.diary.write(Note::Odd(None, format!("can't be read: {error:#}"))),
            },
            Some(Err(error)) => self.lose(&error.to_string()),
            None => self.lose("end of stream"),
        }
    }

    async fn read(&mut self, frame: Value) {
        self.diary.write(Note::Got(frame.clone()));
        match frame["type"].as_str() {
            Some("ack" | "error") => self.read_reply(frame),
            Some("goaway") => {
                let asked = frame["reconnect_after_ms"].as_u64().unwrap_or_default();
                let jitter = self.dice.below(200) as u64;
                self.leave_at = Some(Instant::now() + Duration::from_millis(asked + jitter));
            }
            _ => {
                self.note_seen(&frame);
                self.ready.push_back(Turn::Event(frame));
                if !self.seen.is_empty() && self.dice.below(12) == 0 {
                    let seen = json!({"type": "seen", "calls": self.seen});
                    self.send(seen).await;
                }
            }
        }
    }

    fn note_seen(&mut self, event: &Value) {
        let (Some(call), Some(seq)) = (event["call"].as_str(), event["seq"].as_u64()) else { return };
        if event["type"] == "call:ended" {
            self.over.insert(call.to_owned());
            self.seen.remove(call);
            self.ended.push_back((Instant::now(), call.to_owned(), seq));
        } else if !self.over.contains(call) {
            self.seen.insert(call.to_owned(), seq);
        }
    }

    fn read_reply(&mut self, frame: Value) {
        let Some(id) = frame["id"].as_u64() else {
            return self.diary.write(Note::Odd(None, format!("a reply to nobody: {frame}")));
        };
        // Pings are not waited for.
        if !self.waiting.holds(id) {
            return;
        }
        let code = frame["code"].as_str().unwrap_or_default();
        if frame["type"] == "error" && ["unavailable", "rate_limited", "draining"].contains(&code) {
            let pause = frame["retry_after_ms"].as_u64().unwrap_or(500);
            let jitter = self.dice.below(pause as usize / 4 + 1) as u64;
            return self.waiting.postpone(id, Instant::now() + Duration::from_millis(pause + jitter));
        }
        self.waiting.settle(id);
        if let Some(call) = frame["call"].as_str().filter(|call| !self.over.contains(*call)) {
            // A call it has, and has heard nothing of yet.
            self.seen.entry(call.to_owned()).or_insert(0);
        }
        let reply = if frame["type"] == "ack" { Ok(frame) } else { Err(frame) };
        self.ready.push_back(Turn::Reply(id, reply));
    }

    /// One attempt, after a pause.
    async fn come_back(&mut self) {
        if self.session.is_some() || self.failures > 0 {
            let most = Duration::from_millis(100 << self.failures.min(4)).min(LONGEST_PAUSE);
            sleep(most.mul_f64(0.3 + 0.7 * self.dice.below(1000) as f64 / 1000.0)).await;
            let step = 1 + self.dice.below(self.doors.len().saturating_sub(1).max(1));
            self.here = (self.here + step) % self.doors.len();
        }
        // Whatever was cut, it was the connection before this one.
        self.bell.take_cut();
        self.seat.port = self.doors[self.here];
        match timeout(TAKES, upgrade(&self.seat)).await {
            Ok(Ok(socket)) => {
                self.socket = Some(socket);
                self.diary.write(Note::Up(self.here));
                match timeout(GREETS, self.greet()).await {
                    Ok(true) => self.failures = 0,
                    Ok(false) => self.failures += 1,
                    Err(_) => {
                        self.lose("no answer to hello");
                        self.failures += 1;
                    }
                }
            }
            // Nobody there, or too busy to answer.
            Ok(Err(_)) | Err(_) => self.failures += 1,
        }
    }

    async fn greet(&mut self) -> bool {
        let id = self.new_id();
        let mut hello = json!({"type": "hello", "id": id, "token": "…", "device": self.seat.device});
        if let Some(session) = &self.session {
            hello["session"] = json!(session);
            let mut seen = self.seen.clone();
            if names_ended() {
                self.ended.retain(|(at, ..)| at.elapsed() < NAMED);
                seen.extend(self.ended.iter().map(|(_, call, seq)| (call.clone(), *seq)));
            }
            hello["seen"] = json!(seen);
        }
        let Some(socket) = &mut self.socket else { return false };
        match greet(socket, &self.seat, &self.diary, hello).await {
            Ok(ack) => {
                self.be_back(&ack).await;
                true
            }
            Err(why) => {
                self.lose(&why);
                false
            }
        }
    }

    async fn be_back(&mut self, ack: &Value) {
        (self.heard, self.pinged) = (Instant::now(), false);
        let session = ack["session"].as_str().map(str::to_owned);
        let resumed = ack["resumed"] == true;
        let calls = ack["calls"].as_array().cloned().unwrap_or_default();
        let again = self.session.is_some();
        let same = self.session == session;
        self.session = session;
        if again && !resumed {
            // The list is the truth to start from.
            self.seen.retain(|call, _| calls.iter().any(|listed| listed["call"] == **call));
            for listed in &calls {
                if let (Some(call), Some(seq)) = (listed["call"].as_str(), listed["seq"].as_u64()) {
                    self.seen.insert(call.to_owned(), seq);
                }
            }
        }
        if again {
            self.ready.push_back(Turn::Back(resumed, calls));
        }
        for id in self.waiting.ids() {
            if same || !again {
                self.send_again(id).await;
            } else {
                // What became of it nobody can tell any more.
                self.waiting.settle(id);
                self.ready.push_back(Turn::Reply(id, Err(json!({"type": "error"}))));
            }
        }
    }
}

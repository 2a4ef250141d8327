//! A device: it calls when it is told to, answers as the call's plan says, and puts up with whatever happens.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::bell::{Bell, Order};
use super::dialog::Dialog;
use super::diary::Note;
use super::line::{Line, Turn};
use super::plan::{Course, Plan};
use super::tag::Side;
use crate::dice::Dice;

/// How long a device waits for something that another device or the server has to do.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough never to matter.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Why a device stops what it is doing in a call.
#[derive(Debug)]
pub(super) enum Stop {
    /// The call is over, or is about to be.
    Over,
    /// It waited in vain for this.
    Late(&'static str),
    /// The server does not prove that nothing is missing, at a point from which the call can't simply go on.
    Unproved,
    /// A request was refused with this code, in this state.
    Refused(String, String),
}

/// When calls of a pair were asked for and connected, for whoever waits for the pair to get well.
#[derive(Debug, Default)]
pub struct Setups(Mutex<Vec<(Instant, Instant)>>);

impl Setups {
    fn add(&self, asked: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((asked, Instant::now()));
    }

    /// Whether a call that was asked for after `moment` has been connected.
    pub fn since(&self, moment: Instant) -> bool {
        let setups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        setups.iter().any(|(asked, _)| *asked >= moment)
    }
}

/// One device.
pub struct Phone {
    line: Line,
    bell: Arc<Bell>,
    pub(super) dice: Dice,
    setups: Arc<Setups>,
    /// How long a call may ring, by the gateways' settings.
    ringing: Duration,
    /// Calls that ring here and nobody has dealt with.
    rung: VecDeque<Value>,
    replies: HashMap<u64, Result<Value, Value>>,
    /// The call it is in.
    current: Option<String>,
    /// What came of calls that are not over: what both sides of a crossing call say may be quicker than the ack that
    /// tells a device that it is in one.
    events: HashMap<String, VecDeque<Value>>,
    over: HashSet<String>,
    unproved: bool,
    asked: Option<Instant>,
}

impl Phone {
    /// A device on this line.
    pub fn new(line: Line, bell: Arc<Bell>, dice: Dice, setups: Arc<Setups>, ringing: Duration) -> Self {
        Self {
            line,
            bell,
            dice,
            setups,
            ringing,
            rung: VecDeque::new(),
            replies: HashMap::new(),
            current: None,
            events: HashMap::new(),
            over: HashSet::new(),
            unproved: false,
            asked: None,
        }
    }

    /// Lives until it is told to go.
    pub async fn live(mut self) {
        while !self.bell.is_stopped() {
            if let Some(incoming) = self.rung.pop_front() {
                self.bell.set_idle(false);
                self.answer(incoming).await;
            } else if let Some(order) = self.bell.take_order() {
                self.call(order).await;
            } else {
                self.bell.set_idle(self.rung.is_empty());
                self.step(Instant::now() + FOR_EVER).await;
            }
        }
        self.line.hang_up().await;
    }

    /// One turn of the line, filed.
    async fn step(&mut self, until: Instant) {
        match self.line.turn(until).await {
            Turn::Event(event) => self.file(event),
            Turn::Reply(id, reply) => {
                self.replies.insert(id, reply);
            }
            Turn::Back(resumed, listed) => {
                if !resumed {
                    self.reconcile(&listed).await;
                }
            }
            Turn::Rung | Turn::Time => {}
        }
    }

    fn file(&mut self, event: Value) {
        let Some(call) = event["call"].as_str().map(str::to_owned) else { return };
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "call:ended" {
            self.over.insert(call.clone());
            self.rung.retain(|rung| rung["call"] != *call);
        }
        if self.over.contains(&call) && self.current.as_ref() != Some(&call) {
            self.events.remove(&call);
        } else if kind == "call:incoming" && self.current.as_ref() != Some(&call) {
            self.rung.push_back(event);
        } else {
            self.events.entry(call).or_default().push_back(event);
        }
    }

    /// Continuity is not proved: calls that are not listed have ended. One that is listed and has ended for this device
    /// is ended again: its end was lost.
    async fn reconcile(&mut self, listed: &[Value]) {
        for call in listed.iter().filter_map(|each| each["call"].as_str()) {
            if self.over.contains(call) {
                self.line.post("call:end", json!({"call": call})).await;
            }
        }
        let lives = |call: &str| listed.iter().any(|each| each["call"] == *call);
        self.rung.retain(|rung| rung["call"].as_str().is_some_and(lives));
        if let Some(current) = self.current.clone() {
            if lives(&current) {
                self.unproved = true;
            } else {
                self.over.insert(current);
            }
        }
    }

    /// Sends a request; its reply is waited for with [`Phone::reply`].
    pub(super) async fn post(&mut self, kind: &str, fields: Value) -> u64 {
        self.line.post(kind, fields).await
    }

    /// The reply to a request, however long it takes: the line sees to it that there is one.
    pub(super) async fn reply(&mut self, id: u64) -> Result<Value, Stop> {
        let reply = loop {
            if let Some(reply) = self.replies.remove(&id) {
                break reply;
            }
            self.step(Instant::now() + FOR_EVER).await;
        };
        let error = match reply {
            Ok(ack) => return Ok(ack),
            Err(error) => error,
        };
        let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
        match (text("code").as_str(), text("state").as_str()) {
            ("", _) => Err(Stop::Unproved),
            ("no_such_call", _) => {
                self.over.extend(self.current.clone());
                Err(Stop::Over)
            }
            ("answered_elsewhere", _) | ("invalid_state", "ended") => Err(Stop::Over),
            (code, state) => Err(Stop::Refused(code.to_owned(), state.to_owned())),
        }
    }

    /// A request and its reply.
    pub(super) async fn ask(&mut self, kind: &str, fields: Value) -> Result<Value, Stop> {
        let id = self.post(kind, fields).await;
        self.reply(id).await
    }

    /// The next event of the current call, if there is one before `until`.
    pub(super) async fn event(&mut self, until: Instant) -> Result<Option<Value>, Stop> {
        let Some(call) = self.current.clone() else { return Err(Stop::Over) };
        loop {
            if std::mem::take(&mut self.unproved) {
                return Err(Stop::Unproved);
            }
            if let Some(event) = self.events.get_mut(&call).and_then(VecDeque::pop_front) {
                return if event["type"] == "call:ended" { Err(Stop::Over) } else { Ok(Some(event)) };
            }
            if self.over.contains(&call) {
                return Err(Stop::Over);
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            self.step(until).await;
        }
    }

    /// Waits for an event of this kind, passing over others.
    async fn wait_for(&mut self, kind: &'static str, limit: Duration) -> Result<Value, Stop> {
        let until = Instant::now() + limit;
        loop {
            match self.event(until).await? {
                Some(event) if event["type"] == kind => return Ok(event),
                Some(_) => {}
                None => return Err(Stop::Late(kind)),
            }
        }
    }

    /// A pause, at most this long, during which the line goes on.
    async fn pause(&mut self, most_ms: usize) {
        let until = Instant::now() + Duration::from_millis(self.dice.below(most_ms) as u64);
        while Instant::now() < until {
            self.step(until).await;
        }
    }

    /// Whether its call is to end, however much there is still to say.
    pub(super) fn winds_up(&self) -> bool {
        self.bell.winds_up()
    }

    /// Notes that the call is connected.
    pub(super) fn connected(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.setups.add(asked);
        }
    }

    /// Notes something no server should do in the current call.
    pub(super) fn odd(&self, what: String) {
        self.line.diary.write(Note::Odd(self.current.clone(), what));
    }

    async fn call(&mut self, order: Order) {
        let Order { to, plan } = order;
        let asked = Instant::now();
        let media = json!({"audio": true, "video": self.dice.below(2) == 0});
        let init = json!({"to": to, "media": media, "metadata": plan});
        let ack = match self.ask("call:init", init).await {
            Ok(ack) => ack,
            Err(Stop::Refused(code, state)) => {
                // The other one was quicker, and the call may even be under way.
                if !plan.crossing {
                    self.odd(format!("call:init was refused: {code} {state}"));
                }
                return;
            }
            Err(_) => return,
        };
        let Some(call) = ack["call"].as_str().map(str::to_owned) else {
            return self.odd(format!("no call in {ack}"));
        };
        let side = if ack["role"] == "callee" { Side::Callee } else { Side::Caller };
        // It may ring here already: both have called.
        self.rung.retain(|rung| rung["call"] != *call);
        self.begin(&call);
        self.asked = Some(asked).filter(|_| side == Side::Caller);
        let stop = match side {
            // Its init is the accept; the call goes on when it is told so.
            Side::Callee => match self.wait_for("call:accepted", PATIENCE).await {
                Ok(_) => self.talk(&call, side, &plan).await,
                Err(stop) => stop,
            },
            Side::Caller => self.be_caller(&call, &plan).await,
        };
        self.finish(&call, side, stop).await;
    }

    fn begin(&mut self, call: &str) {
        self.current = Some(call.to_owned());
        self.unproved = false;
    }

    async fn be_caller(&mut self, call: &str, plan: &Plan) -> Stop {
        let limit = self.ringing + PATIENCE;
        let accepted = match plan.course {
            Course::Cancel => {
                let until = Instant::now() + Duration::from_millis(50 + self.dice.below(400) as u64);
                // An event or none: it is cancelled either way.
                if let Err(stop @ Stop::Over) = self.event(until).await {
                    return stop;
                }
                return Stop::Unproved;
            }
            _ => self.wait_for("call:accepted", limit).await,
        };
        match accepted {
            Ok(_) => self.talk(call, Side::Caller, plan).await,
            Err(stop) => stop,
        }
    }

    async fn answer(&mut self, incoming: Value) {
        let Some(call) = incoming["call"].as_str().map(str::to_owned) else { return };
        let Ok(plan) = serde_json::from_value::<Plan>(incoming["metadata"].clone()) else {
            return self.odd("call:incoming without its metadata".to_owned());
        };
        if plan.crossing {
            // The call that was to cross this one is not needed any more.
            drop(self.bell.take_order());
        }
        self.begin(&call);
        let (stop, side) = match self.be_callee(&call, &plan).await {
            Ok(()) => (self.talk(&call, Side::Callee, &plan).await, Side::Callee),
            Err(stop) => (stop, Side::Callee),
        };
        self.finish(&call, side, stop).await;
    }

    /// Up to its accept.
    async fn be_callee(&mut self, call: &str, plan: &Plan) -> Result<(), Stop> {
        let device = self.line.diary.device.clone();
        if self.dice.below(5) > 0 {
            self.ask("call:ringing", json!({"call": call})).await?;
        }
        self.pause(60).await;
        let reject = match plan.course {
            Course::Talk if plan.is_for(&device) => {
                self.ask("call:accept", json!({"call": call})).await?;
                return self.wait_for("call:accepted", PATIENCE).await.map(drop);
            }
            Course::Reject if plan.is_for(&device) => "rejected",
            Course::Busy if plan.is_for(&device) => "busy",
            _ => {
                return Err(self
                    .wait_for("call:ended", self.ringing + PATIENCE)
                    .await
                    .err()
                    .unwrap_or(Stop::Over));
            }
        };
        self.ask("call:reject", json!({"call": call, "reason": reject})).await?;
        Err(Stop::Over)
    }

    async fn talk(&mut self, call: &str, side: Side, plan: &Plan) -> Stop {
        Dialog::new(call, side, plan).run(self).await
    }

    /// Sees to it that the call ends for this device, whatever stopped it, and writes down if it takes asking.
    async fn finish(&mut self, call: &str, side: Side, stop: Stop) {
        match stop {
            Stop::Over => {}
            Stop::Unproved => self.give_up(call, side).await,
            Stop::Late(what) => {
                self.line.diary.write(Note::Stuck(call.to_owned(), what));
                self.give_up(call, side).await;
            }
            Stop::Refused(code, state) => {
                self.odd(format!("refused: {code} {state}"));
                self.give_up(call, side).await;
            }
        }
        if !self.hears_the_end(call).await {
            self.give_up(call, side).await;
            if !self.hears_the_end(call).await {
                self.line.diary.write(Note::Stuck(call.to_owned(), "its end"));
            }
        }
        self.current = None;
        self.events.remove(call);
        self.asked = None;
    }

    async fn hears_the_end(&mut self, call: &str) -> bool {
        let until = Instant::now() + PATIENCE;
        while !self.over.contains(call) {
            if Instant::now() >= until {
                return false;
            }
            self.step(until).await;
        }
        true
    }

    /// Ends the call. A callee that is not bound can only refuse.
    async fn give_up(&mut self, call: &str, side: Side) {
        if let Err(Stop::Refused(..)) = self.ask("call:end", json!({"call": call})).await
            && side == Side::Callee
        {
            let _ = self.ask("call:reject", json!({"call": call})).await;
        }
    }
}

//! What one connection has received, sorted into replies and events, with the protocol's invariants checked on every
//! frame as it comes in. A broken invariant is noted, not thrown: the story's end reports it whatever the story was
//! looking at.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::shape::{brief, covers};

/// Earlier than any run of these tests, in milliseconds since the epoch: an `at` below it is no such time.
const EARLIEST: u64 = 1_700_000_000_000;

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The server sent a close frame.
    Closed(u16, String),
    /// The stream ended without one.
    Dropped(String),
}

/// What a device knows of its calls. It outlives a connection: a device that comes back goes on from here.
#[derive(Debug, Default)]
pub struct History {
    seq: HashMap<String, u64>,
    ended: HashSet<String>,
}

impl History {
    /// The `seen` field of a `hello`.
    pub fn seen(&self) -> Value {
        json!(self.seq)
    }
}

/// The state behind an [`Inbox`].
#[derive(Debug, Default)]
pub struct Received {
    /// Replies nobody has taken yet, by request id.
    pub replies: HashMap<u64, VecDeque<Value>>,
    /// Replies to nothing we remember having sent.
    pub strays: VecDeque<Value>,
    /// Set once the connection is over.
    pub ending: Option<Ending>,
    events: VecDeque<Value>,
    tolerated: Vec<Value>,
    sent: HashMap<u64, u32>,
    faults: Vec<String>,
    transcript: String,
}

impl Received {
    /// Takes the first event nobody has taken yet, passing over those the story tolerates.
    pub fn next_event(&mut self) -> Option<Value> {
        loop {
            let event = self.events.pop_front()?;
            if !self.tolerated.iter().any(|pattern| covers(&event, pattern)) {
                return Some(event);
            }
        }
    }
}

/// Everything one connection received.
#[derive(Debug)]
pub struct Inbox {
    name: String,
    state: Mutex<Received>,
    changed: Notify,
    unruly: AtomicBool,
    abandoned: AtomicBool,
}

impl Inbox {
    /// An empty inbox of the connection called `name` in transcripts.
    pub fn new(name: String) -> Self {
        Self {
            name,
            state: Mutex::default(),
            changed: Notify::new(),
            unruly: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        }
    }

    /// From here on no client reads this connection: what still comes is written down, and is no part of what the client
    /// was told.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// From here on this connection sends things no client should, so replies to unknown ids are no surprise.
    pub fn expect_strays(&self) {
        self.unruly.store(true, Ordering::Relaxed);
    }

    /// From here on events with these fields are passed over when they are nobody's wish.
    pub fn tolerate(&self, pattern: Value) {
        self.lock().tolerated.push(pattern);
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that a request went out.
    pub fn note_sent(&self, id: Option<u64>, what: &str) {
        let mut state = self.lock();
        if let Some(id) = id {
            *state.sent.entry(id).or_default() += 1;
        }
        let _ = writeln!(state.transcript, "{} → {what}", self.name);
    }

    /// Takes in one map from the server.
    pub fn take_in(&self, value: Value, history: &Mutex<History>) {
        let mut state = self.lock();
        let _ = writeln!(state.transcript, "{} ← {}", self.name, brief(&value));
        match value.get("type").and_then(Value::as_str) {
            Some(_) if self.abandoned.load(Ordering::Relaxed) => {}
            Some("ack" | "error") => self.take_reply(&mut state, value),
            Some("goaway" | "missed" | "token_expiring") => state.events.push_back(value),
            Some(_) => {
                let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
                state.faults.extend(check_event(&value, &mut history));
                state.events.push_back(value);
            }
            None => state.faults.push(format!("a frame without a type: {}", brief(&value))),
        }
        drop(state);
        self.changed.notify_waiters();
    }

    fn take_reply(&self, state: &mut Received, reply: Value) {
        if reply["type"] == "error" && !(reply["code"].is_string() && reply["message"].is_string()) {
            state.faults.push(format!("an error without code and message: {}", brief(&reply)));
        }
        let sent = reply["id"].as_u64().map_or(0, |id| state.sent.get(&id).copied().unwrap_or(0));
        if sent == 0 {
            if !self.unruly.load(Ordering::Relaxed) {
                state.faults.push(format!("a reply to nothing that was asked: {}", brief(&reply)));
            }
            state.strays.push_back(reply);
            return;
        }
        let id = reply["id"].as_u64().unwrap_or_default();
        // One reply a request: what was answered once is struck off, and a second answer finds nothing left.
        state.sent.insert(id, sent - 1);
        state.replies.entry(id).or_default().push_back(reply);
    }

    /// Notes something the server should not have done.
    pub fn fault(&self, what: String) {
        self.lock().faults.push(what);
        self.changed.notify_waiters();
    }

    /// Notes how the connection ended. The first account of it stands.
    pub fn end(&self, ending: Ending) {
        let mut state = self.lock();
        let _ = writeln!(state.transcript, "{} ✕ {ending:?}", self.name);
        state.ending.get_or_insert(ending);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Waits until `look` finds what it wants in what has been received; `None` when `limit` has passed.
    pub async fn wait<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&mut Received) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + limit;
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Registered before the look, so that what arrives in between is not missed.
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.lock()) {
                return Some(found);
            }
            if timeout_at(end, changed).await.is_err() {
                return look(&mut self.lock());
            }
        }
    }

    /// The invariants that were broken on this connection.
    pub fn faults(&self) -> Vec<String> {
        self.lock().faults.iter().map(|fault| format!("{}: {fault}", self.name)).collect()
    }

    /// All that went over the connection, one line a frame.
    pub fn transcript(&self) -> String {
        self.lock().transcript.clone()
    }
}

/// What is wrong with an event, in itself and after those before it.
fn check_event(event: &Value, history: &mut History) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: &str| faults.push(format!("{what}: {}", brief(event)));
    if event["at"].as_u64().is_none_or(|at| at <= EARLIEST) {
        fault("no time in `at`");
    }
    let Some(call) = event["call"].as_str().filter(|call| (1..=64).contains(&call.len())) else {
        fault("no proper `call`");
        return faults;
    };
    match event["seq"].as_u64() {
        None => fault("no `seq`"),
        Some(seq) => match history.seq.get(call) {
            Some(last) if seq <= *last => fault(&format!("`seq` did not grow from {last}")),
            _ => drop(history.seq.insert(call.to_owned(), seq)),
        },
    }
    if history.ended.contains(call) {
        fault("something after the end of the call");
    }
    if event["type"] == "call:ended" {
        history.ended.insert(call.to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::{History, Inbox};

    fn faults_of(sent: &[u64], frames: &[Value]) -> Vec<String> {
        let inbox = Inbox::new("test".to_owned());
        let history = Mutex::new(History::default());
        sent.iter().for_each(|id| inbox.note_sent(Some(*id), "request"));
        frames.iter().for_each(|frame| inbox.take_in(frame.clone(), &history));
        inbox.faults()
    }

    fn event(kind: &str, seq: u64) -> Value {
        json!({"type": kind, "call": "c", "seq": seq, "at": 1_790_000_000_000_u64})
    }

    #[test]
    fn a_well_kept_protocol_has_no_faults() {
        let frames = [json!({"type": "ack", "id": 1}), event("call:incoming", 1), event("call:ended", 4)];
        assert_eq!(faults_of(&[1], &frames), Vec::<String>::new());
    }

    #[test]
    fn what_must_not_happen_is_noticed() {
        let ack = json!({"type": "ack", "id": 1});
        let cases: [&[Value]; 6] = [
            &[event("webrtc:ice", 2), event("webrtc:ice", 2)],
            &[event("call:ended", 1), event("webrtc:ice", 2)],
            &[ack.clone(), ack],
            &[json!({"type": "ack", "id": 2})],
            &[json!({"type": "error", "id": 1})],
            &[json!({"type": "call:incoming", "call": "c", "seq": 1})],
        ];
        for frames in cases {
            assert_eq!(faults_of(&[1], frames).len(), 1, "{frames:?}");
        }
    }
}

//! Requests: numbered, sent in order, sent again until there is a reply.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Device, connection::Stage};
use crate::ledger::{Payload, Settled};

/// Requests without a reply; the protocol allows 128.
const WINDOW: usize = 100;

/// What a request is for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    Init { to: String, mark: String },
    Ringing(String),
    Accept(String),
    Reject(String),
    End(String),
    Offer(String, Payload),
    Answer(String, Payload),
    Ice(String, Vec<Payload>),
    Connected(String),
    Report,
}

impl Purpose {
    /// What it carries, and for which call.
    pub(super) fn cargo(&self) -> Option<(&str, &[Payload])> {
        match self {
            Self::Offer(call, payload) | Self::Answer(call, payload) => {
                Some((call, std::slice::from_ref(payload)))
            }
            Self::Ice(call, payloads) => Some((call, payloads)),
            _ => None,
        }
    }
}

/// A request without a reply.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) id: u64,
    pub(super) frame: Value,
    pub(super) purpose: Purpose,
    /// Sent on this connection, and not to be sent again on it.
    pub(super) on_wire: bool,
    pub(super) since: Instant,
}

/// How often a request was sent on this connection, and how often it was answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sends {
    pub(super) sent: u32,
    pub(super) answered: u32,
}

impl Device {
    pub(super) fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Asks for something, now or as soon as it can be asked.
    pub(super) fn ask(&mut self, kind: &str, fields: Value, purpose: Purpose) {
        let id = self.take_id();
        let mut frame = fields;
        frame["type"] = json!(kind);
        frame["id"] = json!(id);
        if let Some((call, payloads)) = purpose.cargo() {
            let now = self.world.now();
            for payload in payloads {
                self.world.ledger().sent(call, payload, now);
            }
        }
        self.pending.push_back(Pending { id, frame, purpose, on_wire: false, since: Instant::now() });
    }

    /// Sends what can be sent.
    pub(super) fn flush(&mut self) {
        if !matches!(self.stage, Stage::In) || self.hold.is_some() || !self.is_linked() {
            return;
        }
        for at in 0..self.pending.len().min(WINDOW) {
            if self.pending[at].on_wire {
                continue;
            }
            self.pending[at].on_wire = true;
            let mut frame = self.pending[at].frame.clone();
            if !self.unreported.is_empty() && self.dice.chance(0.3) {
                frame["seen"] = self.take_seen();
            }
            self.send_now(self.pending[at].id, &frame);
        }
    }

    /// A request could not be served: it is sent again after a while, and so are all later ones, in order.
    pub(super) fn resend_from(&mut self, id: u64, after_ms: u64) {
        for pending in &mut self.pending {
            if pending.id >= id {
                pending.on_wire = false;
            }
        }
        let until = Instant::now() + std::time::Duration::from_millis(after_ms);
        self.hold = Some(self.hold.map_or(until, |hold| hold.max(until)));
    }

    /// Nobody will ever know what became of what was asked in a session that is gone.
    pub(super) fn forget_requests(&mut self) {
        let now = self.world.now();
        for pending in std::mem::take(&mut self.pending) {
            if let Some((call, payloads)) = pending.purpose.cargo() {
                for payload in payloads {
                    let history = &self.world.depot.history;
                    self.world.book(|ledger| ledger.settled(call, payload, now, Settled::Unknown, history));
                }
            }
            self.unanswered(&pending.purpose);
        }
        self.hold = None;
    }

    pub(super) fn note_seen(&mut self, call: &str) {
        if !self.unreported.iter().any(|known| known == call) {
            self.unreported.push(call.to_owned());
        }
        if self.report.is_none() {
            self.report = Some(Instant::now() + self.dice.ms(200, 6_000));
        }
    }

    fn take_seen(&mut self) -> Value {
        self.report = None;
        let calls = std::mem::take(&mut self.unreported);
        let seen = calls.into_iter().filter_map(|call| Some((call.clone(), json!(self.seen.get(&call)?))));
        Value::Object(seen.collect())
    }

    pub(super) fn report_seen(&mut self) {
        if matches!(self.stage, Stage::In) {
            let seen = self.take_seen();
            self.send_now(0, &json!({"type": "seen", "calls": seen}));
        } else {
            self.report = None;
        }
    }
}

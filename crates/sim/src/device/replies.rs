//! Acknowledgements and errors.

use serde_json::Value;

use super::{
    Device,
    call::{Call, Phase, Role},
    connection::Stage,
    requests::{Pending, Purpose},
};
use crate::{
    frames,
    ledger::{Over, Settled},
};

impl Device {
    /// A frame has come.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let Some(frame) = frames::decode(self.who.format, bytes) else {
            return self.world.violated("reply", format_args!("{} can't read what it got", self.name));
        };
        let kind = frame["type"].as_str().unwrap_or_default().to_owned();
        match (kind.as_str(), &self.stage) {
            ("ack" | "error", Stage::Greeting(id, _))
                if frame["id"] == *id || frame["id"].is_null() && kind == "error" =>
            {
                self.greeted(&frame);
            }
            (_, Stage::Greeting(..)) => self
                .world
                .violated("reply", format_args!("{} got {kind} before the reply to hello", self.name)),
            ("ack" | "error", _) => self.replied(&frame),
            ("goaway", _) => self.go_away(&frame),
            _ => self.event(&kind, &frame),
        }
    }

    fn replied(&mut self, reply: &Value) {
        let Some(id) = reply["id"].as_u64() else {
            return self.world.violated("reply", format_args!("{} got an error without an id", self.name));
        };
        let sends = self.sends.entry(id).or_default();
        sends.answered += 1;
        if sends.answered > sends.sent {
            let sends = *sends;
            self.world.violated("reply", format_args!("{} sent {id} {sends:?}", self.name));
        }
        if self.ping.is_some_and(|(ping, _)| ping == id) {
            self.ping = None;
            return;
        }
        let Some(at) = self.pending.iter().position(|pending| pending.id == id) else { return };
        if reply["type"] == "error" && reply["code"] == "unavailable" {
            return self.resend_from(id, reply["retry_after_ms"].as_u64().unwrap_or(500));
        }
        if let Some(pending) = self.pending.remove(at) {
            self.answered(&pending, reply);
        }
    }

    fn answered(&mut self, pending: &Pending, reply: &Value) {
        let now = self.world.now();
        let code = (reply["type"] == "error").then(|| reply["code"].as_str().unwrap_or_default());
        if code.is_none() {
            self.world.tally.count(|figures| figures.acks += 1);
        }
        if let Some((call, payloads)) = pending.purpose.cargo() {
            for payload in payloads {
                let how = code.map_or(Settled::Acked, |code| Settled::Refused(code.to_owned()));
                let history = &self.world.depot.history;
                self.world.book(|ledger| ledger.settled(call, payload, now, how, history));
            }
        }
        match &pending.purpose {
            Purpose::Init { to, mark } => self.placed(to, mark, reply, code),
            Purpose::Accept(call) => self.accepted(call, code, reply),
            Purpose::Reject(call) | Purpose::End(call) => self.left(call, code, reply),
            Purpose::Offer(call, offer) => self.offered(call, offer.number, code, reply),
            Purpose::Answer(call, _) | Purpose::Ice(call, _) => self.refused(call, code, reply),
            Purpose::Ringing(call) | Purpose::Connected(call) => self.refused(call, code, reply),
            Purpose::Report => {}
        }
    }

    fn placed(&mut self, to: &str, mark: &str, reply: &Value, code: Option<&str>) {
        if code.is_some() {
            return;
        }
        let id = reply["call"].as_str().unwrap_or_default().to_owned();
        let merged = reply["glare"] == true;
        self.world.tally.count(|figures| figures.calls += u64::from(!merged));
        let caller = (!merged).then_some(self.name.as_str());
        self.world.book(|ledger| ledger.placed(mark, &id, caller, self.world.now()));
        // It may be known from the snapshots, or be over, if this reply was lost once.
        if self.calls.contains_key(&id) || self.is_over(&id) {
            return;
        }
        let role = if merged { Role::Callee } else { Role::Caller };
        self.calls.insert(id.clone(), Call::new(role, to, Phase::Ringing));
        self.seen.entry(id.clone()).or_default();
        if !merged {
            self.plan_to_cancel(&id);
        }
    }

    fn accepted(&mut self, call: &str, code: Option<&str>, reply: &Value) {
        match code {
            Some("answered_elsewhere") => {
                let over = Over { reason: "answered_elsewhere".to_owned(), by: None };
                self.learned_over(call, &over);
            }
            None => self.won(call),
            _ => self.refused(call, code, reply),
        }
    }

    /// The answer to an accept says that this device has the call.
    fn won(&self, call: &str) {
        let history = &self.world.depot.history;
        self.world.book(|ledger| ledger.answered(call, &self.name, &self.name, self.world.now(), history));
    }

    fn left(&mut self, call: &str, code: Option<&str>, reply: &Value) {
        if let Some(reason) = reply["already"].as_str() {
            let over = Over { reason: reason.to_owned(), by: None };
            self.learned_over(call, &over);
        } else {
            self.refused(call, code, reply);
        }
    }

    /// A request on a call was refused, or was not.
    pub(super) fn refused(&mut self, call: &str, code: Option<&str>, reply: &Value) {
        if code == Some("no_such_call") && self.calls.contains_key(call) {
            self.vanished(call);
        } else if code == Some("bad_request") || code == Some("too_large") || code == Some("unauthorized") {
            self.world.violated("reply", format_args!("{} is told {reply}", self.name));
        }
    }
}

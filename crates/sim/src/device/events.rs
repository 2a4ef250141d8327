//! Events of calls.

use serde_json::Value;
use tokio::time::Instant;

use super::{
    Device,
    call::{Call, Phase, Role},
};
use crate::ledger::{Over, Payload};

impl Device {
    pub(super) fn event(&mut self, kind: &str, frame: &Value) {
        let (Some(id), Some(seq)) = (frame["call"].as_str().map(str::to_owned), frame["seq"].as_u64()) else {
            return self.world.violated("event", format_args!("{} got {frame}", self.name));
        };
        self.world.tally.count(|figures| figures.events += 1);
        let history = &self.world.depot.history;
        self.world.book(|ledger| ledger.heard(&id, &self.name, kind, history));
        let seen = self.seen.entry(id.clone()).or_default();
        if seq <= *seen {
            let seen = *seen;
            self.world.violated("order", format_args!("{} got entry {seq} of {id} after {seen}", self.name));
        }
        *seen = seq;
        self.note_seen(&id);
        if matches!(kind, "webrtc:offer" | "webrtc:answer" | "call:ended") {
            self.check_turns(&id, kind);
        }
        match kind {
            "call:incoming" => self.incoming(&id, frame),
            "call:ended" => {
                let over = Over {
                    reason: frame["reason"].as_str().unwrap_or_default().to_owned(),
                    by: frame["by"].is_object().then(|| who(&frame["by"])),
                };
                let peer = self.calls.get(&id).map(|call| call.peer.clone());
                self.world.check_end(&id, peer.as_deref(), &over, frame["at"].as_u64().unwrap_or_default());
                self.told_over(&id, &over);
            }
            _ if !self.calls.contains_key(&id) => {
                // A call it gave up when continuity was refused, or one whose `call:init` it will be told of again.
                self.world.trace.note(&self.name, format_args!("does not know {id}"));
            }
            "call:ringing" => {}
            "call:accepted" => self.answered_by(&id, &who(&frame["by"])),
            "call:connected" => self.connected(&id),
            "call:peer" => self.peer(&id, frame),
            "webrtc:offer" => self.got_offer(&id, frame["sdp"].as_str().unwrap_or_default(), seq),
            "webrtc:answer" => self.got_answer(&id, frame["sdp"].as_str().unwrap_or_default()),
            "webrtc:ice" => self.got_candidates(&id, frame),
            _ => self.world.violated("event", format_args!("{} got {frame}", self.name)),
        }
    }

    fn incoming(&mut self, id: &str, frame: &Value) {
        let peer = frame["from"]["user"].as_str().unwrap_or_default();
        let mark = frame["metadata"]["mark"].as_str().unwrap_or_default();
        let caller = who(&frame["from"]);
        self.world.book(|ledger| ledger.placed(mark, id, Some(&caller), self.world.now()));
        if self.calls.get(id).is_none_or(|call| call.phase == Phase::Ringing) {
            self.calls.entry(id.to_owned()).or_insert_with(|| Call::new(Role::Callee, peer, Phase::Ringing));
            self.plan_an_answer(id, mark);
        }
    }

    fn answered_by(&mut self, id: &str, by: &str) {
        let history = &self.world.depot.history;
        self.world.book(|ledger| ledger.answered(id, by, &self.name, self.world.now(), history));
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.role == Role::Callee && by != self.name {
            let name = &self.name;
            self.world.violated("event", format_args!("{name} hears that {by} answered, as the winner does"));
            return;
        }
        call.phase = call.phase.max(Phase::Connecting);
        let is_caller = call.role == Role::Caller;
        if is_caller {
            self.plan_an_offer(id);
        }
        self.plan_a_failure(id);
    }

    fn connected(&mut self, id: &str) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.phase = Phase::Connected;
        if call.role == Role::Caller {
            self.world.tally.count(|figures| figures.connected += 1);
        }
        self.plan_the_end(id);
    }

    fn peer(&mut self, id: &str, frame: &Value) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.peer_away = frame["status"] == "reconnecting";
        if frame["resumed"] == false {
            // What is under way with the page that is gone is lost; the new one offers.
            call.said_connected |= call.phase == Phase::Connected;
            call.one_is_open();
        }
    }

    /// No offer is taken while the peer's is open: one that comes all the same was withdrawn before, and that is told
    /// before whatever follows.
    fn check_turns(&self, id: &str, what: &str) {
        let Some(theirs) = self.calls.get(id).and_then(Call::two_open) else { return };
        if !self.world.depot.history.is_torn(id) {
            let name = &self.name;
            let text = format!("{name} got {what} while both {theirs} and its own offer of {id} are open");
            self.world.violated("glare", text);
        }
    }

    fn got_candidates(&mut self, id: &str, frame: &Value) {
        for candidate in frame["candidates"].as_array().into_iter().flatten() {
            if let Some(words) = candidate["candidate"].as_str() {
                self.got(id, words);
            }
        }
    }

    /// Something that the peer sent has arrived.
    pub(super) fn got(&self, id: &str, words: &str) -> Option<Payload> {
        match words.parse::<Payload>() {
            Ok(payload) => {
                let history = &self.world.depot.history;
                self.world.book(|ledger| ledger.got(id, &self.name, &payload, history));
                Some(payload)
            }
            Err(error) => {
                self.world.violated("invented", error);
                None
            }
        }
    }

    /// The call is over, says a reply; the event follows.
    pub(super) fn learned_over(&self, id: &str, over: &Over) {
        let history = &self.world.depot.history;
        self.world.book(|ledger| ledger.over(id, &self.name, over, history));
    }

    /// The call is over for this device.
    pub(super) fn told_over(&mut self, id: &str, over: &Over) {
        let history = &self.world.depot.history;
        let knew_it = self.calls.contains_key(id);
        self.world.book(|ledger| ledger.ended(id, &self.name, over, knew_it, self.world.now(), history));
        self.calls.remove(id);
        self.over.insert(id.to_owned(), Instant::now());
        if self.dice.chance(0.3) {
            self.plan_a_report(id);
        }
    }

    /// Whether this device was told that a call is over.
    pub(super) fn is_over(&self, id: &str) -> bool {
        self.world.ledger().was_told_over(id, &self.name)
    }

    /// A call of this device's is said not to exist.
    pub(super) fn vanished(&mut self, id: &str) {
        if !self.world.depot.history.has_losses() {
            self.world.violated("vanished", format_args!("{id}, says {}", self.name));
        }
        self.calls.remove(id);
        self.seen.remove(id);
    }
}

/// An endpoint, as devices are named here.
fn who(endpoint: &Value) -> String {
    let text = |field: &str| endpoint[field].as_str().unwrap_or_default();
    format!("{}/{}", text("user"), text("device"))
}

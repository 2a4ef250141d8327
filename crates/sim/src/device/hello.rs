//! The reply to `hello`: continuity, or a start from snapshots.

use serde_json::Value;
use tokio::time::Instant;

use super::{
    Device,
    call::{Call, Phase, Role},
    connection::Stage,
};

impl Device {
    /// The reply to `hello`.
    pub(super) fn greeted(&mut self, reply: &Value) {
        if reply["type"] != "ack" {
            // A close code follows, and says what to do.
            return;
        }
        let resumed = reply["resumed"] == true;
        let session = reply["session"].as_str().unwrap_or_default().to_owned();
        let same = self.session.as_ref() == Some(&session);
        if resumed && !same {
            self.world.violated("pretended", format_args!("{} resumes a session it did not name", self.name));
        }
        if reply["user"] != self.who.user.as_str() || reply["device"] != self.who.device.as_str() {
            self.world.violated("reply", format_args!("{} is taken for somebody else", self.name));
        }
        self.stage = Stage::In;
        self.failures = 0;
        self.heard = Instant::now();
        let now = self.world.now();
        self.world.ledger().came(&self.name, now, resumed);
        if !same {
            self.forget_requests();
        }
        self.session = Some(session);
        let snapshots = reply["calls"].as_array().cloned().unwrap_or_default();
        if !resumed {
            self.start_from(&snapshots);
        }
        for snapshot in &snapshots {
            self.adopt(snapshot, resumed);
        }
        for pending in &mut self.pending {
            pending.on_wire = false;
        }
        self.hold = None;
    }

    /// Continuity is refused, or was never asked for: what is not in the snapshots is over.
    fn start_from(&mut self, snapshots: &[Value]) {
        let live = |id: &String| snapshots.iter().any(|snapshot| snapshot["call"] == id.as_str());
        self.calls.retain(|id, _| live(id));
        self.seen.retain(|id, _| live(id));
        self.over.clear();
        self.unreported.clear();
        self.report = None;
    }

    fn adopt(&mut self, snapshot: &Value, resumed: bool) {
        let id = snapshot["call"].as_str().unwrap_or_default().to_owned();
        let role = if snapshot["role"] == "caller" { Role::Caller } else { Role::Callee };
        let phase = match snapshot["state"].as_str() {
            Some("ringing") => Phase::Ringing,
            Some("connecting") => Phase::Connecting,
            Some("connected") => Phase::Connected,
            other => return self.world.violated("reply", format_args!("a call in state {other:?}")),
        };
        let peer = snapshot["peer"]["user"].as_str().unwrap_or_default();
        if resumed && self.calls.contains_key(&id) {
            return;
        }
        self.world.book(|ledger| ledger.alive(&id, &self.name, &self.world.depot.history));
        self.over.remove(&id);
        let known = self.calls.get(&id);
        let call = Call { whole: resumed, anew: phase > Phase::Ringing, ..Call::new(role, peer, phase) };
        let leaving = known.is_some_and(|call| call.leaving);
        self.calls.insert(id.clone(), Call { leaving, ..call });
        if !resumed {
            self.seen.insert(id.clone(), snapshot["seq"].as_u64().unwrap_or_default());
        } else {
            self.seen.entry(id.clone()).or_default();
        }
        if phase > Phase::Ringing && !resumed {
            self.negotiate_anew(&id);
            self.plan_the_end(&id);
        }
    }
}

//! Each call is over for everybody, or lives and everybody agrees on it.

use std::collections::BTreeMap;

use ringback_call::{Call, CallId, Endpoint, Side, StateName, Timestamp};
use ringback_store::{Calls as _, Deadlines as _, Due, record};

use super::Calls;
use crate::{
    device::{Phase, Role, View},
    world::World,
};

impl World {
    /// The live calls that are stored.
    async fn stored_calls(&self) -> Vec<Call> {
        let memory = &self.depot.memory;
        let mut calls = Vec::new();
        for partition in self.depot.partitions() {
            let due = memory.due(partition, None, Timestamp(u64::MAX), usize::MAX).await;
            for Due { call, .. } in due.unwrap_or_default() {
                calls.extend(self.stored_call(&call).await);
            }
        }
        calls
    }

    pub(super) async fn stored_call(&self, id: &CallId) -> Option<Call> {
        let stored = self.depot.memory.load(id).await.ok()??;
        record::decode_call(&stored.document).ok().map(|document| document.call)
    }

    pub(super) async fn check_agreement(&self, views: &[View], calls: Calls) {
        let views: BTreeMap<&str, &View> = views.iter().map(|view| (view.name.as_str(), view)).collect();
        let stored = self.stored_calls().await;
        for call in stored.iter().filter(|call| !call.has_ended()) {
            self.check_stored(call, &views, calls);
        }
        for view in views.values() {
            for (id, known) in &view.calls {
                let call = stored.iter().find(|call| call.id.as_str() == id && !call.has_ended());
                let Some(call) = call else {
                    self.violated(
                        "zombie",
                        format_args!("{} has {id} ({known:?}), which is over", view.name),
                    );
                    continue;
                };
                let side = if known.role == Role::Caller { Side::Caller } else { Side::Callee };
                let bound = call.endpoint(side).map(|endpoint| name(&endpoint));
                if bound.as_deref() != Some(&view.name) {
                    let text = format!("{} has {id} ({known:?}), which is {bound:?}'s", view.name);
                    self.violated("zombie", text);
                }
                let peer = call.endpoint(side.other()).map(|endpoint| name(&endpoint));
                let peer_is_there =
                    peer.is_some_and(|peer| views.get(peer.as_str()).is_some_and(|peer| peer.online));
                if known.peer_away && peer_is_there {
                    self.violated("peer", format_args!("{} takes its peer in {id} for away", view.name));
                }
                if let Some(theirs) = &known.two_open
                    && !self.depot.history.is_torn(id)
                {
                    let text =
                        format!("{} takes both {theirs} and its own offer of {id} for open", view.name);
                    self.violated("glare", text);
                }
                if phase(call.state_name()) != Some(known.phase) {
                    let state = call.state_name();
                    self.violated(
                        "zombie",
                        format_args!("{} has {id} {known:?}, it is {state:?}", view.name),
                    );
                }
            }
        }
    }

    fn check_stored(&self, call: &Call, views: &BTreeMap<&str, &View>, calls: Calls) {
        let id = call.id.as_str();
        let state = call.state_name();
        if calls == Calls::None || state != StateName::Connected {
            return self.violated("zombie", format_args!("{id} is {state:?} although its time is long over"));
        }
        for side in Side::BOTH {
            let bound = call.endpoint(side).map(|endpoint| name(&endpoint)).unwrap_or_default();
            if !views.get(bound.as_str()).is_some_and(|view| view.calls.contains_key(id)) {
                self.violated("zombie", format_args!("{id} is {state:?}, and {bound} does not know it"));
            }
        }
    }
}

const fn phase(state: StateName) -> Option<Phase> {
    match state {
        StateName::Idle | StateName::Ringing => Some(Phase::Ringing),
        StateName::Connecting => Some(Phase::Connecting),
        StateName::Connected => Some(Phase::Connected),
        StateName::Ended => None,
    }
}

fn name(endpoint: &Endpoint) -> String {
    format!("{}/{}", endpoint.user.as_str(), endpoint.device.as_str())
}

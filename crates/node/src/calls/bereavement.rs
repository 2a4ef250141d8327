//! Calls that have a device on a gateway that died.

use std::sync::Arc;

use futures::StreamExt as _;
use ringback_call::{Call, CallId, Input, NodeId, Side};

use super::Calls;

/// Calls that are told at once.
const AT_ONCE: usize = 16;

impl Calls {
    /// Tells the calls this gateway knows that the devices on these gateways have lost their connections. Nobody
    /// else will: a killed gateway says nothing. They are found in this gateway's memory, where each call is that has
    /// a device here; a call that only dead gateways knew is found at its next deadline.
    pub fn bereaved_of(self: &Arc<Self>, dead: Vec<NodeId>) {
        if dead.is_empty() {
            return;
        }
        let calls = Arc::clone(self);
        let work = async move {
            let dead = &dead;
            let told = futures::stream::iter(calls.cache.live())
                .map(|(call, slot)| {
                    let calls = Arc::clone(&calls);
                    async move {
                        let place = slot.lock().await;
                        let known = place.as_ref().and_then(|place| place.known.as_ref());
                        let drops = known.map(|known| drops(known.call(), dead));
                        drop(place);
                        calls.tell_of(&call, drops.unwrap_or_default()).await
                    }
                })
                .buffer_unordered(AT_ONCE)
                .filter(|told| std::future::ready(*told))
                .count()
                .await;
            tracing::info!(?dead, calls = told, "gateways are gone");
        };
        self.background.spawn(work);
    }

    async fn tell_of(self: &Arc<Self>, call: &CallId, drops: Vec<Input>) -> bool {
        let any = !drops.is_empty();
        for input in drops {
            match self.apply(call, input.clone()).await {
                Err(failure) if failure.is_transient() => self.insist(call.clone(), input),
                Ok(_) | Err(_) => {}
            }
        }
        any
    }
}

/// What has to be told to a call: each bound device whose gateway is dead.
fn drops(call: &Call, dead: &[NodeId]) -> Vec<Input> {
    if call.has_ended() {
        return Vec::new();
    }
    Side::BOTH
        .into_iter()
        .filter_map(|side| Some((side, call.bound(side)?)))
        .filter(|(_, leg)| leg.absent_since.is_none() && dead.contains(&leg.link.node))
        .map(|(side, leg)| Input::Dropped {
            user: call.user(side).clone(),
            device: leg.device.clone(),
            connection: leg.link.connection,
            closed: false,
        })
        .collect()
}

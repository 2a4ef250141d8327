//! Calls that have a device on a gateway that died.

use std::sync::Arc;

use ringback_call::{Call, CallId, Input, NodeId, Side};

use super::Calls;

impl Calls {
    /// Tells the calls this gateway knows that the devices on these gateways have lost their connections. Nobody
    /// else will: a killed gateway says nothing. A call that only dead gateways knew is found at its next deadline.
    pub fn bereaved_of(self: &Arc<Self>, dead: Vec<NodeId>) {
        if dead.is_empty() {
            return;
        }
        let calls = Arc::clone(self);
        let work = async move {
            let mut told = 0_usize;
            for (call, drops) in calls.cache.select(|call| drops(call, &dead)) {
                for drop in drops {
                    if let Err(error) = calls.apply(&call, drop).await {
                        tracing::debug!(?call, error = &error as &dyn std::error::Error, "not told");
                    }
                }
                told += 1;
            }
            tracing::info!(?dead, calls = told, "gateways are gone");
        };
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(work));
    }
}

/// What has to be told to a call: each bound device whose gateway is dead.
fn drops(call: &Call, dead: &[NodeId]) -> Option<(CallId, Vec<Input>)> {
    let drops: Vec<Input> = Side::BOTH
        .into_iter()
        .filter_map(|side| Some((side, call.bound(side)?)))
        .filter(|(_, leg)| leg.absent_since.is_none() && dead.contains(&leg.link.node))
        .map(|(side, leg)| Input::Dropped {
            user: call.user(side).clone(),
            device: leg.device.clone(),
            connection: leg.link.connection,
        })
        .collect();
    (!call.has_ended() && !drops.is_empty()).then(|| (call.id.clone(), drops))
}

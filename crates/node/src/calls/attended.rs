//! The calls that a device connected here takes part in. A gateway hears what becomes of these, and of no others: of a call
//! whose devices have come back elsewhere it does not even hear the end. Such a call is kept for a while, for it may
//! be the only copy of what the store loses, but it does not count as one of ours.

use std::{sync::Arc, time::Duration};

use ringback_call::{Call, Link, Side};
use tokio::time::{MissedTickBehavior, interval};

use super::{Calls, cache::KEPT};
use crate::Node;

/// How often they are looked for.
const EVERY: Duration = Duration::from_secs(30);
/// Calls that are looked at before others have their turn.
const AT_ONCE: usize = 256;

/// Forgets calls that nobody here takes part in any more, until the node stops. The time during which the store is away
/// does not count: their devices have had no chance to come back, and it may be without its data when it returns.
pub(crate) async fn let_go(node: Arc<Node>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let ttl = Duration::from_millis(node.config.ttl_ms);
    while node.stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let away = node.cluster.last_heard().is_none_or(|ago| ago > ttl);
        node.calls.let_go_of_left(away).await;
    }
}

impl Calls {
    async fn let_go_of_left(&self, keeps_all: bool) {
        for (n, (call, slot)) in self.cache.live_places().enumerate() {
            self.cache.let_go_if_left(&call, &slot, KEPT, |known| keeps_all || self.attends(known));
            if n % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Whether the call lives, and a device that takes part is connected to this gateway.
    pub(super) fn attends(&self, call: &Call) -> bool {
        !call.has_ended() && Side::BOTH.into_iter().any(|side| self.is_here(call, side))
    }

    /// Whether this is the gateway that a live call counts at: where its caller is. While the caller is away, that is
    /// where the one is who is told of it: the callee who has answered.
    pub(super) fn is_ours(&self, call: &Call) -> bool {
        if self.is_here(call, Side::Caller) {
            return true;
        }
        call.state.dialog().is_some()
            && call.caller_leg.absent_since.is_some()
            && self.is_here(call, Side::Callee)
    }

    fn is_here(&self, call: &Call, side: Side) -> bool {
        call.legs(side).iter().any(|leg| {
            let Link { node, connection } = &leg.link;
            node == self.cluster.node() && self.registry.has(call.user(side), &leg.device, *connection)
        })
    }
}

#[cfg(test)]
mod tests;

//! The calls that a device connected here takes part in. A gateway hears what becomes of these, and of no others: of a call
//! whose devices have come back elsewhere it does not even hear the end. Such a call is kept for a while, for it may
//! be the only copy of what the store loses, but it does not count as one of ours.

use std::{collections::BTreeSet, future::ready, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use ringback_call::{Call, Link, Side, Timestamp};
use ringback_store::Partition;
use tokio::time::{MissedTickBehavior, interval};

use super::{Calls, cache::KEPT};
use crate::Node;

/// How often they are looked for.
const EVERY: Duration = Duration::from_secs(30);
/// Partitions asked at once.
const ASKED: usize = 8;
/// Calls that are looked at before others have their turn.
const AT_ONCE: usize = 256;

/// Forgets calls that nobody here takes part in any more, until the node stops. The time during which a call's partition is
/// away does not count: its devices have had no chance to come back, and it may be without its data when it returns.
pub(crate) async fn let_go(node: Arc<Node>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut left_in = BTreeSet::new();
    while node.stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let Some(away) = node.stop.run_until_cancelled(node.calls.away(left_in)).await else { return };
        left_in = node.calls.let_go_of_left(&away).await;
    }
}

impl Calls {
    /// Those of these partitions that do not answer: each may be on a server of its own.
    async fn away(&self, partitions: BTreeSet<Partition>) -> BTreeSet<Partition> {
        let asked = partitions.into_iter().map(|partition| async move {
            let answer = self.store.due(partition, None, Timestamp(0), 1).await;
            answer.is_err_and(|error| error.is_transient()).then_some(partition)
        });
        stream::iter(asked).buffer_unordered(ASKED).filter_map(ready).collect().await
    }

    /// Where calls are left, of which some may have been let go. Nobody has to ask about other partitions the next time.
    async fn let_go_of_left(&self, away: &BTreeSet<Partition>) -> BTreeSet<Partition> {
        let mut left_in = BTreeSet::new();
        for (n, (call, slot)) in self.cache.live_places().enumerate() {
            self.cache.let_go_if_left(&call, &slot, KEPT, |known| {
                if self.attends(known) {
                    return true;
                }
                let partition = self.store.partitions().of_call(&known.id);
                left_in.extend(partition);
                partition.is_some_and(|partition| away.contains(&partition))
            });
            if n % AT_ONCE == AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
        }
        left_in
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

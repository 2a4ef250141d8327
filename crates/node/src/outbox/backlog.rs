//! Counts what waits in the outboxes of the partitions that this gateway looks after, whether it delivers events or not: those
//! that nobody delivers because one gateway is set up otherwise than the rest would else wait unseen.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::StreamExt as _;
use ringback_store::Partition;
use tokio::time::{MissedTickBehavior, interval};

use crate::Node;

/// How often each outbox is asked.
const ROUND: Duration = Duration::from_secs(10);
/// Outboxes asked at once.
const AT_ONCE: usize = 8;

/// Counts until the node stops.
pub(crate) async fn run(node: Arc<Node>) {
    let mut rounds = interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting = HashMap::new();
    while node.stop.run_until_cancelled(rounds.tick()).await.is_some() {
        // Before the store was heard of nobody knows who else is there.
        if node.cluster.last_heard().is_some() {
            let _ = node.stop.run_until_cancelled(count(&node, &mut waiting)).await;
        }
    }
}

async fn count(node: &Node, waiting: &mut HashMap<Partition, u64>) {
    let ours = node.store.partitions().all().filter(|partition| node.cluster.looks_after(*partition));
    let asked = ours.map(|partition| async move { (partition, node.store.waiting(partition).await) });
    let answers: Vec<_> =
        futures::stream::iter(asked.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect().await;
    // Of one that does not answer the last count is as good as any.
    let before = std::mem::take(waiting);
    for (partition, answer) in answers {
        let count = answer.ok().or_else(|| before.get(&partition).copied());
        waiting.extend(count.map(|count| (partition, count)));
    }
    let all = usize::try_from(waiting.values().sum::<u64>()).unwrap_or(usize::MAX);
    node.metrics.outbox_waiting.set_count((), all);
}

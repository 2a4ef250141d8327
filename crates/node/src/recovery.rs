//! Making good what was lost between the store and this node: messages, and what the store held.

use std::sync::Arc;

use futures::StreamExt as _;
use ringback_call::{Call, CallId, Side, Timestamp};
use ringback_store::{Partition, StoreError};

use crate::{Node, registry::Mail};

/// Live calls of one partition that are looked through at most when nobody knows what was missed.
const MANY: usize = 10_000;
/// Calls looked at at once.
const AT_ONCE: usize = 16;

/// Entries of these calls did not arrive: whoever is in one of them here reads its mailbox.
pub(crate) fn missed(node: &Arc<Node>, calls: Vec<CallId>) {
    let us = Arc::clone(node);
    node.background.spawn(async move { each(&us, calls, false).await });
}

/// An entry of this call is of a history that contradicts what is known of it. Once the store has told which of them
/// stands, whoever is in the call here reads its mailbox, where what it has met is judged by its number.
pub(crate) fn contradicted(node: &Arc<Node>, call: CallId) {
    let us = Arc::clone(node);
    node.background.spawn(async move { each(&us, vec![call], true).await });
}

/// Entries of any calls in these partitions may not have arrived.
pub(crate) async fn interrupted(node: &Arc<Node>, partitions: Vec<Partition>) {
    tracing::warn!(
        partitions = partitions.len(),
        "messages were missed, nobody knows which: all calls are looked at"
    );
    // What has ended meanwhile is on no list any more; who took part in it knows it.
    node.registry.deliver_where(|_| true, &Mail::Doubt(partitions.as_slice().into())).await;
    look_through(node, partitions, false);
}

/// These partitions may hold less than they did. Calls are put back, and what is stored of the connections here.
pub(crate) async fn regressed(node: &Arc<Node>, partitions: Vec<Partition>) {
    node.cluster.forgive();
    node.calls.logs_may_be_lost(&partitions);
    let parts = node.store.partitions();
    node.registry.deliver_where(|user| partitions.contains(&parts.of_user(user)), &Mail::Renew).await;
    look_through(node, partitions.clone(), true);
    let us = Arc::clone(node);
    node.background.spawn(async move { lists_in(&us, &partitions).await });
}

/// Has the lists of these partitions' users name their calls again.
async fn lists_in(node: &Arc<Node>, partitions: &[Partition]) {
    let list = |call: CallId| async move {
        let listed = node.background.insist(|| node.calls.list_where_lost(&call, partitions)).await;
        if let Err(error) = listed {
            tracing::warn!(?call, error = &error as &dyn std::error::Error, "a call was not listed again");
        }
    };
    futures::stream::iter(node.calls.known_live()).for_each_concurrent(AT_ONCE, list).await;
}

/// Looks at every call of these partitions that has, or may have, a device here. What is known here is gone through once
/// for all of them; then each is looked at on its own, for its primary may be away.
fn look_through(node: &Arc<Node>, partitions: Vec<Partition>, check: bool) {
    let us = Arc::clone(node);
    node.background.spawn(async move {
        let mut known = us.calls.known_in(&partitions).await;
        for partition in partitions {
            let (calls, node) = (known.remove(&partition).unwrap_or_default(), Arc::clone(&us));
            us.background.spawn(async move { all_of(&node, partition, calls, check).await });
        }
    });
}

async fn all_of(node: &Arc<Node>, partition: Partition, mut calls: Vec<CallId>, check: bool) {
    let live = node.background.insist(|| node.store.due(partition, None, Timestamp(u64::MAX), MANY)).await;
    match live {
        Ok(live) => calls.extend(live.into_iter().map(|due| due.call)),
        Err(error) => {
            tracing::warn!(%partition, error = &error as &dyn std::error::Error, "calls were not found")
        }
    }
    calls.sort_unstable();
    calls.dedup();
    each(node, calls, check).await;
}

async fn each(node: &Arc<Node>, calls: Vec<CallId>, check: bool) {
    let look = |call: CallId| async move {
        let looked = node.background.insist(|| Box::pin(look_at(node, &call, check))).await;
        if let Err(error) = looked {
            tracing::warn!(?call, error = &error as &dyn std::error::Error, "a call was not looked at");
        }
    };
    futures::stream::iter(calls).for_each_concurrent(AT_ONCE, look).await;
}

async fn look_at(node: &Arc<Node>, id: &CallId, check: bool) -> Result<(), StoreError> {
    if check {
        node.calls.check(id).await?;
    }
    let Some(known) = node.calls.load(id).await? else { return Ok(()) };
    for side in Side::BOTH {
        tell(node, known.call(), side);
    }
    Ok(())
}

fn tell(node: &Node, call: &Call, side: Side) {
    node.registry.deliver(call.user(side), &Mail::CatchUp(call.id.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, turns_of_others};

    #[tokio::test(start_paused = true)]
    async fn who_may_have_missed_something_in_many_partitions_is_told_once_and_of_each_call() {
        let stage = Stage::new();
        let (node, partitions) = (&stage.node, stage.node.store.partitions());
        let mut calls = Vec::new();
        for n in 0..8 {
            let (alice, bob) = (format!("alice-{n}"), format!("bob-{n}"));
            let ((alice, inbox), (bob, _)) = (stage.device(&alice, n), stage.device(&bob, n));
            calls.push((stage.answered(&alice, &bob).await, inbox));
        }
        interrupted(node, partitions.all().collect()).await;
        for (call, inbox) in calls {
            assert!(matches!(inbox.mail().await, Mail::Doubt(all) if all.len() == partitions.all().count()));
            assert!(matches!(inbox.mail().await, Mail::CatchUp(read) if read == call));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn others_have_their_turn_meanwhile() {
        let stage = Stage::new();
        let all = stage.node.store.partitions().all().collect();
        let turns = turns_of_others(interrupted(&stage.node, all)).await;
        assert!(turns >= 8, "{turns}");
    }
}

//! Looks for calls whose deadline has passed. Two gateways that look after one call do no harm: the commit decides.

use std::{
    collections::HashMap,
    future::ready,
    sync::{Arc, Mutex, PoisonError},
};

use futures::StreamExt as _;
use ringback_call::{CallId, Input, Millis, Timestamp};
use ringback_store::{Partition, StoreError};
use tokio::time::{MissedTickBehavior, interval};

use crate::{Node, calls::Failure, routes};

/// Calls taken up at once in one partition; the rest waits for the next look.
const BATCH: usize = 128;
/// Partitions looked at at once, and calls of one partition: what waits for a dead primary holds up nobody else.
const PARTITIONS: usize = 16;
const CALLS: usize = 8;
/// For how long after an outage it is told to the calls that were due in it.
const REMEMBERED_MS: Millis = 60_000;

/// What the sweeper works with.
pub struct Sweeper {
    node: Arc<Node>,
    /// Partitions that could not be looked at, and until when.
    away: Mutex<HashMap<Partition, Away>>,
}

/// An outage of one partition.
#[derive(Clone, Copy, Debug)]
enum Away {
    /// It goes on.
    Still,
    /// It was over then.
    Until(Timestamp),
}

impl Sweeper {
    /// One that has not looked yet.
    pub fn new(node: &Arc<Node>) -> Self {
        Self { node: Arc::clone(node), away: Mutex::default() }
    }

    /// Looks again and again until the node stops.
    pub async fn run(self) {
        let (us, node) = (&self, &self.node);
        let mut ticks = interval(node.config.sweep);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while node.stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // Before the store was heard of nobody knows what time it is, nor who else is there.
            if node.cluster.last_heard().is_none() {
                continue;
            }
            let ours = node.store.partitions().all().filter(|partition| node.cluster.looks_after(*partition));
            let sweeps = ours.map(|partition| us.sweep(partition)).collect::<Vec<_>>();
            let sweep = futures::stream::iter(sweeps).buffer_unordered(PARTITIONS).for_each(|()| ready(()));
            let _ = node.stop.run_until_cancelled(sweep).await;
            node.calls.settle_logged();
        }
    }

    async fn sweep(&self, partition: Partition) {
        let due = self.node.store.due(partition, self.node.clock.now(), BATCH).await;
        self.node.metrics.sweeps.inc(());
        self.take_note(partition, due.is_ok());
        match due {
            Ok(due) => {
                self.node.metrics.deadlines.add((), due.len() as u64);
                let wakes = due.into_iter().map(|call| self.wake(partition, call)).collect::<Vec<_>>();
                futures::stream::iter(wakes).buffer_unordered(CALLS).for_each(|()| ready(())).await;
            }
            Err(error) => tracing::debug!(%partition, error = &error as &dyn std::error::Error, "not swept"),
        }
    }

    async fn wake(&self, partition: Partition, call: CallId) {
        if let Err(error) = self.apply_deadline(partition, &call).await {
            tracing::debug!(?call, error = &error as &dyn std::error::Error, "deadline not applied");
        }
    }

    async fn apply_deadline(&self, partition: Partition, call: &CallId) -> Result<(), StoreError> {
        let node = &self.node;
        let Some(known) = node.calls.load(call).await? else {
            return node.store.forget(call).await;
        };
        if known.call().has_ended() {
            return node.calls.log_overdue(known.call()).await;
        }
        let attendance =
            routes::attendance(&*node.store, &node.cluster, &node.registry, known.call()).await?;
        let away_until = self.away_until(partition);
        match node.calls.apply(call, Input::Deadline { attendance, away_until }).await {
            Err(Failure::Store(error)) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn take_note(&self, partition: Partition, there: bool) {
        let now = self.node.clock.now();
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match (there, away.get(&partition).copied()) {
            (false, _) => {
                away.insert(partition, Away::Still);
            }
            (true, Some(Away::Still)) => {
                away.insert(partition, Away::Until(now));
            }
            (true, Some(Away::Until(until))) if now.since(until) > REMEMBERED_MS => {
                away.remove(&partition);
            }
            (true, _) => {}
        }
    }

    /// Until when a partition was away, if it has been of late.
    fn away_until(&self, partition: Partition) -> Option<Timestamp> {
        match self.away.lock().unwrap_or_else(PoisonError::into_inner).get(&partition)? {
            Away::Still => Some(self.node.clock.now()),
            Away::Until(until) => Some(*until),
        }
    }
}

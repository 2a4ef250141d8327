//! Looks for calls whose deadline has passed. Two gateways that look after one call do no harm: the commit decides.

use std::{sync::Arc, time::Duration};

use ringback_call::{CallId, Input};
use ringback_store::{Partition, Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    attendance,
    calls::{Calls, Failure},
    clock::Clock,
    cluster::Cluster,
};

/// Calls taken up at once in one partition; the rest waits for the next look, which follows at once.
const BATCH: usize = 128;

/// What the sweeper works with.
pub struct Sweeper {
    /// Where deadlines are.
    pub store: Arc<dyn Store>,
    /// Who applies them.
    pub calls: Arc<Calls>,
    /// What time it is.
    pub clock: Arc<Clock>,
    /// Which partitions are ours.
    pub cluster: Arc<Cluster>,
}

impl Sweeper {
    /// Looks again and again until the gateway stops.
    pub async fn run(self, every: Duration, stop: CancellationToken) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // While the store has not been heard of lately, what looks due may only be unreachable.
            if self.cluster.last_heard().is_none() {
                continue;
            }
            let mut partitions: Vec<Partition> = self
                .store
                .partitions()
                .all()
                .filter(|partition| self.cluster.looks_after(*partition))
                .collect();
            // In no fixed order, so that one slow partition does not always hold up the same others.
            fastrand::shuffle(&mut partitions);
            for partition in partitions {
                if stop.is_cancelled() {
                    break;
                }
                if let Err(error) = self.sweep(partition).await {
                    tracing::debug!(%partition, error = &error as &dyn std::error::Error, "not swept");
                }
            }
        }
    }

    async fn sweep(&self, partition: Partition) -> Result<(), StoreError> {
        for call in self.store.due(partition, self.clock.now(), BATCH).await? {
            if let Err(error) = self.wake(&call).await {
                tracing::debug!(?call, error = &error as &dyn std::error::Error, "deadline not applied");
            }
        }
        Ok(())
    }

    async fn wake(&self, call: &CallId) -> Result<(), StoreError> {
        let Some(known) = self.calls.load(call).await? else {
            return self.store.forget(call).await;
        };
        let attendance = attendance::look_up(&*self.store, &self.cluster, &known.call).await?;
        match self.calls.apply(call, Input::Deadline(attendance)).await {
            Err(Failure::Store(error)) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

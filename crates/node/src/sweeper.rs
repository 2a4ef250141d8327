//! Looks for calls whose deadline has passed. Two gateways that look after one call do no harm: the commit decides.
//!
//! Each partition is looked at on its own: one that takes its time, because its primary hangs, is left out of the rounds
//! until it is done, and the others go on. So does a partition past the calls in it that nobody gets done ([`looks`]).

mod looks;
mod outages;

use std::{
    collections::{BTreeSet, HashMap},
    future::ready,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use ringback_call::{CallId, Input};
use ringback_store::{Due, Partition, StoreError};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{Node, calls::Failure, routes, seldom::Seldom};
use looks::{IN_TURN, Looks};
use outages::Outages;

/// Calls of one partition that are taken up at once: what waits for a dead primary holds up few others.
const CALLS: usize = 16;
/// How often it is said that deadlines can't be read.
const REMIND: Duration = Duration::from_secs(60);

/// What the sweeper works with.
pub struct Sweeper {
    node: Arc<Node>,
    outages: Outages,
    looks: Mutex<HashMap<Partition, Looks>>,
    unreadable: Seldom,
}

impl Sweeper {
    /// One that has not looked yet.
    pub fn new(node: &Arc<Node>) -> Self {
        let unreadable = Seldom::new(REMIND);
        Self { node: Arc::clone(node), outages: Outages::default(), looks: Mutex::default(), unreadable }
    }

    /// Looks again and again until the node stops.
    pub async fn run(self) {
        let (us, node) = (&self, &self.node);
        let mut ticks = interval(node.config.sweep);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut rounds = Rounds::default();
        loop {
            tokio::select! {
                // In this order, not in any: a simulation has to run alike each time.
                biased;
                () = node.stop.cancelled() => return,
                _ = ticks.tick() => us.round(&mut rounds),
                () = rounds.done() => {}
            }
        }
    }

    fn round<'a>(&'a self, rounds: &mut Rounds<'a>) {
        let node = &self.node;
        // Before the store was heard of nobody knows what time it is, nor who else is there.
        if node.cluster.last_heard().is_none() {
            return;
        }
        let (ours, others): (Vec<_>, Vec<_>) =
            node.store.partitions().all().partition(|partition| node.cluster.looks_after(*partition));
        for partition in &others {
            self.looks.lock().unwrap_or_else(PoisonError::into_inner).remove(partition);
        }
        rounds.begin(ours, |partition| self.sweep(partition));
        node.calls.settle_logged();
    }

    async fn sweep(&self, partition: Partition) {
        let node = &self.node;
        let limit = self.looks(partition, |looks| looks.reach());
        let due = node.store.due(partition, None, node.clock.now(), limit).await;
        node.metrics.sweeps.inc(());
        // By the time of the answer, which may have been waited for: an outage is over then, and no sooner.
        self.outages.note(partition, &due, node.clock.now());
        match due {
            Ok(due) => {
                let in_turn = self.in_turn(partition, due.len(), limit).await;
                let chosen = self.looks(partition, |looks| looks.choose(due, &in_turn, Instant::now()));
                node.metrics.deadlines.add((), (chosen.len() + in_turn.len()) as u64);
                let chosen = chosen.into_iter().map(|call| (call, true));
                let chosen = chosen.chain(in_turn.into_iter().map(|due| (due.call, false)));
                let wakes = chosen.map(|(call, noted)| self.wake(partition, call, noted)).collect::<Vec<_>>();
                futures::stream::iter(wakes).buffer_unordered(CALLS).for_each(|()| ready(())).await;
            }
            Err(error) if error.is_transient() => {
                tracing::debug!(%partition, error = &error as &dyn std::error::Error, "not swept");
            }
            // It does not pass by itself.
            Err(error) => {
                if let Some(times) = self.unreadable.happened() {
                    tracing::warn!(%partition, times, error = &error as &dyn std::error::Error, "deadlines can't be read");
                }
            }
        }
    }

    /// Those that have their turn: some, where more are due than can be remembered.
    async fn in_turn(&self, partition: Partition, due: usize, limit: usize) -> Vec<Due> {
        let node = &self.node;
        let Some(after) = self.looks(partition, |looks| looks.goes_round(due, limit)) else {
            return Vec::new();
        };
        match node.store.due(partition, after.as_ref(), node.clock.now(), IN_TURN).await {
            Ok(in_turn) => {
                self.looks(partition, |looks| looks.have_their_turn(&in_turn));
                in_turn
            }
            Err(error) => {
                tracing::debug!(%partition, error = &error as &dyn std::error::Error, "not all were swept");
                Vec::new()
            }
        }
    }

    fn looks<T>(&self, partition: Partition, with: impl FnOnce(&mut Looks) -> T) -> T {
        with(self.looks.lock().unwrap_or_else(PoisonError::into_inner).entry(partition).or_default())
    }

    async fn wake(&self, partition: Partition, call: CallId, noted: bool) {
        if let Err(error) = self.apply_deadline(partition, &call).await {
            tracing::debug!(?call, error = &error as &dyn std::error::Error, "deadline not applied");
        }
        if noted {
            self.looks(partition, |looks| looks.looked_at(call, Instant::now()));
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
        let away_until = self.outages.away_until(partition, node.clock.now());
        match node.calls.apply(call, Input::Deadline { attendance, away_until }).await {
            Err(Failure::Store(error)) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// Sweeps that are under way, of each partition one at most.
#[derive(Default)]
struct Rounds<'a> {
    under_way: BTreeSet<Partition>,
    sweeps: FuturesUnordered<BoxFuture<'a, Partition>>,
}

impl<'a> Rounds<'a> {
    /// Begins to sweep those of them that are not being swept.
    fn begin<F>(&mut self, partitions: impl IntoIterator<Item = Partition>, sweep: impl Fn(Partition) -> F)
    where
        F: Future<Output = ()> + Send + 'a,
    {
        for partition in partitions {
            if self.under_way.insert(partition) {
                self.sweeps.push(sweep(partition).map(move |()| partition).boxed());
            }
        }
    }

    /// Waits until one is done; for ever, if there is none.
    async fn done(&mut self) {
        match self.sweeps.next().await {
            Some(partition) => self.under_way.remove(&partition),
            None => std::future::pending().await,
        };
    }
}

#[cfg(test)]
mod tests;

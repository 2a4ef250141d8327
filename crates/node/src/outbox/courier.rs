//! Reads the outboxes of the partitions that this gateway looks after, and sends their events on their errands.
//!
//! One task has all of it, so there is nothing to lock. What is read is bounded for each partition; when that is full,
//! nothing more is read, and events wait in the store.

use std::{
    collections::{BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures::{
    FutureExt as _, StreamExt as _,
    future::{BoxFuture, join_all},
    stream::FuturesUnordered,
};
use ringback_store::{Collected, Lease, Partition, Position, StoreError};
use ringback_telemetry::Undelivered;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{
    Receiver, Terms,
    errand::Runner,
    lane::{Errand, Lane, WINDOW},
};
use crate::Node;

/// How often each outbox is looked into that nobody has rung for, and leases are renewed.
const ROUND: Duration = Duration::from_secs(1);
/// How long giving up the leases may take at the end.
const GOODBYE: Duration = Duration::from_secs(1);

/// Delivers until the node stops.
pub(super) async fn run(node: Arc<Node>, receiver: Arc<dyn Receiver>, terms: Terms) {
    let runner = Runner::new(Arc::clone(&node), receiver, terms);
    let mut courier =
        Courier { node: &node, runner: &runner, lanes: HashMap::new(), work: FuturesUnordered::new() };
    courier.run().await;
    courier.leave().await;
}

struct Courier<'a> {
    node: &'a Node,
    runner: &'a Runner,
    lanes: HashMap<Partition, Lane>,
    work: FuturesUnordered<BoxFuture<'a, Done>>,
}

/// What was under way.
enum Done {
    /// An outbox was read, for a lease that was asked for then.
    Collected {
        partition: Partition,
        asked_at: Instant,
        limit: usize,
        found: Result<Collected, StoreError>,
    },
    /// An errand came to its end, in whatever way.
    Settled {
        partition: Partition,
        tenure: u64,
        queue: String,
        position: Position,
    },
    Released,
}

impl Courier<'_> {
    async fn run(&mut self) {
        let node = self.node;
        let mut rounds = interval(ROUND);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = node.stop.cancelled() => return,
                _ = rounds.tick() => self.round(),
                rung = node.calls.doorbell.listen() => self.answer(rung),
                Some(done) = self.work.next(), if !self.work.is_empty() => self.done(done),
            }
            self.count();
        }
    }

    fn answer(&mut self, rung: BTreeSet<Partition>) {
        for partition in rung {
            if self.node.cluster.looks_after(partition) {
                self.read(partition);
            }
        }
    }

    fn round(&mut self) {
        // Before the store was heard of nobody knows who else is there.
        if self.node.cluster.last_heard().is_none() {
            return;
        }
        for partition in self.node.store.partitions().all() {
            if self.node.cluster.looks_after(partition) {
                self.read(partition);
            } else if let Some(lane) = self.lanes.remove(&partition)
                && lane.leased
            {
                self.release(partition);
            }
        }
    }

    /// What is held, for the metrics.
    fn count(&self) {
        let metrics = &self.node.metrics;
        let held = || self.lanes.values().map(Lane::held);
        metrics.webhook_pending.set_count((), held().map(|held| held.len()).sum());
        let oldest = held().filter_map(|held| held.first()).map(|position| position.at).min();
        let age_ms = oldest.map_or(0, |oldest| self.node.clock.now().since(oldest));
        metrics.webhook_oldest.set((), Duration::from_millis(age_ms).as_secs_f64());
    }

    fn read(&mut self, partition: Partition) {
        let lane = self.lanes.entry(partition).or_insert_with(Lane::new);
        if std::mem::replace(&mut lane.reading, true) {
            lane.more = true;
            return;
        }
        let node = self.node;
        let lease = Lease { holder: node.cluster.node().clone(), ttl_ms: node.config.ttl_ms };
        let (after, limit, asked_at) = (lane.pending_after, lane.room(), Instant::now());
        lane.more = false;
        self.work.push(Box::pin(async move {
            let found = node.store.collect(partition, &lease, after, limit).await;
            Done::Collected { partition, asked_at, limit, found }
        }));
    }

    fn release(&self, partition: Partition) {
        let node = self.node;
        self.work.push(Box::pin(async move {
            // Else it runs out by itself.
            let _ = node.store.release(partition, node.cluster.node()).await;
            Done::Released
        }));
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Collected { partition, asked_at, limit, found } => {
                let Some(lane) = self.lanes.get_mut(&partition) else {
                    // It was given up meanwhile; what it was given goes to the next.
                    return if matches!(found, Ok(Collected::Ours { .. })) {
                        self.release(partition)
                    };
                };
                lane.reading = false;
                let ttl = Duration::from_millis(self.node.config.ttl_ms);
                let (errands, lost) = take_in(partition, lane, asked_at + ttl, limit, found);
                self.node.metrics.webhook_undelivered.add((Undelivered::Expired,), lost);
                errands.into_iter().for_each(|errand| self.send(partition, errand));
                self.read_on(partition);
            }
            Done::Settled { partition, tenure, queue, position } => {
                let lane = self.lanes.get_mut(&partition);
                if let Some(errand) = lane.and_then(|lane| lane.settled(tenure, queue, position)) {
                    self.send(partition, errand);
                }
                self.read_on(partition);
            }
            Done::Released => {}
        }
    }

    /// Reads more where there is more, and room for a good part of it.
    fn read_on(&mut self, partition: Partition) {
        if self
            .lanes
            .get(&partition)
            .is_some_and(|lane| lane.more && !lane.reading && lane.room() >= WINDOW / 2)
        {
            self.read(partition);
        }
    }

    fn send(&self, partition: Partition, Errand { queue, parcel, tenure }: Errand) {
        let runner = self.runner;
        self.work.push(Box::pin(async move {
            let position = parcel.letter.position;
            // A panic over one letter is no reason to keep all others waiting. It is pending still, so another gateway has
            // it next, or this one when it is started anew.
            let run = AssertUnwindSafe(runner.run(partition, &parcel, tenure.lease)).catch_unwind();
            if let Some(Err(_)) = tenure.over.run_until_cancelled(run).await {
                tracing::error!(%partition, %position, "an event's delivery could not be stored: it panicked");
            }
            Done::Settled { partition, tenure: tenure.number, queue, position }
        }));
    }

    /// Leaves the outboxes to the other gateways, which need not wait for the leases to run out.
    async fn leave(&mut self) {
        self.work.clear();
        let leased = self.lanes.iter().filter(|(_, lane)| lane.leased).map(|(partition, _)| *partition);
        let released = leased.map(|partition| self.node.store.release(partition, self.node.cluster.node()));
        let _ = timeout(GOODBYE, join_all(released)).await;
    }
}

/// Takes in what a lane was handed out; the errands, and how many letters were lost.
fn take_in(
    partition: Partition,
    lane: &mut Lane,
    lease_until: Instant,
    limit: usize,
    found: Result<Collected, StoreError>,
) -> (Vec<Errand>, u64) {
    match found {
        Ok(Collected::Ours { anew, letters, pending_after, lost }) => {
            if anew {
                lane.start_over();
            }
            lane.renew(lease_until);
            lane.pending_after = pending_after;
            lane.more |= pending_after.is_some() || limit > 0 && letters.len() >= limit;
            (letters.into_iter().filter_map(|letter| lane.take(letter)).collect(), lost)
        }
        Ok(Collected::Nothing | Collected::Theirs) => {
            // It may have been rung for while it was read.
            let rung = lane.more;
            lane.start_over();
            lane.more = rung && matches!(found, Ok(Collected::Nothing));
            (Vec::new(), 0)
        }
        // What is held is gone on with for as long as the lease holds. The next round tries again.
        Err(error) => {
            lane.more = false;
            let cause = &error as &dyn std::error::Error;
            if error.is_transient() {
                tracing::debug!(%partition, error = cause, "an outbox was not read");
            } else if let Some(times) = lane.unreadable.happened() {
                tracing::warn!(%partition, error = cause, times, "an outbox can't be read: its events wait");
            }
            (Vec::new(), 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outbox_that_can_not_be_read_for_good_is_worth_a_line() {
        let said = |error| {
            let mut lane = Lane::new();
            take_in(Partition(0), &mut lane, Instant::now(), 9, Err(error));
            lane.unreadable.happened().is_none()
        };
        assert!(said(StoreError::corrupt("an outbox", "not a stream")));
        assert!(!said(StoreError::unavailable("away")), "the next round will do");
    }
}

//! A store whose answers are timed, and whose failures are counted.

#[cfg(test)]
pub(crate) mod weather;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{CallId, ConnectionId, DeviceId, Endpoint, Millis, NodeId, SessionId, Timestamp, UserId};
use ringback_store::{
    Attempt, Bus, CallLog, Calls, Collected, Commit, Committed, DeadLetter, Deadlines, Due, Ended, Enlisted,
    Greeted, Lease, Letter, Log, LogPage, LogPlace, Missed, Nodes, Outbox, Pace, Partition, Partitions,
    Position, Pulse, Registered, Retention, Route, Sessions, Store, StoreError, Stored, Subscription,
    UserRecord, Users, Version,
};
use ringback_telemetry::{CommitOutcome, Metrics, StoreFailure, StoreOperation as Operation};

/// The same store, measured.
pub(crate) struct Measured {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
}

impl Measured {
    pub(crate) fn new(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }

    async fn time<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        #[cfg(test)]
        let work = async {
            weather::endure(operation).await?;
            work.await
        };
        let timer = self.metrics.store.start();
        let result = work.await;
        timer.stop((operation,));
        if let Err(error) = &result {
            let kind = if error.is_transient() { StoreFailure::Unavailable } else { StoreFailure::Permanent };
            self.metrics.store_errors.inc((operation, kind));
        }
        result
    }
}

#[async_trait]
impl Calls for Measured {
    async fn load(&self, call: &CallId) -> Result<Option<Stored>, StoreError> {
        self.time(Operation::Load, self.store.load(call)).await
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        let result = self.time(Operation::Commit, self.store.commit(commit)).await;
        let outcome = match &result {
            Ok(Committed::Applied) => CommitOutcome::Applied,
            Ok(Committed::Conflict(_)) => CommitOutcome::Conflict,
            Ok(Committed::PairTaken { .. }) => CommitOutcome::PairTaken,
            Err(error) if error.is_transient() => CommitOutcome::Unknown,
            Err(_) => CommitOutcome::Failed,
        };
        self.metrics.commits.inc((outcome,));
        result
    }

    async fn settle(&self, call: &CallId, version: Version) -> Result<(), StoreError> {
        self.time(Operation::Settle, self.store.settle(call, version)).await
    }

    async fn read(
        &self,
        call: &CallId,
        log: Log,
        first: u64,
        last: u64,
    ) -> Result<Vec<(u64, Bytes)>, StoreError> {
        self.time(Operation::Read, self.store.read(call, log, first, last)).await
    }
}

#[async_trait]
impl Deadlines for Measured {
    async fn due(
        &self,
        partition: Partition,
        after: Option<&Due>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        self.time(Operation::Due, self.store.due(partition, after, now, limit)).await
    }

    async fn forget(&self, call: &CallId) -> Result<(), StoreError> {
        self.time(Operation::Forget, self.store.forget(call)).await
    }

    async fn reschedule(
        &self,
        call: &CallId,
        due: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.time(Operation::Reschedule, self.store.reschedule(call, due, next)).await
    }
}

#[async_trait]
impl Users for Measured {
    async fn register(
        &self,
        user: &UserId,
        device: &DeviceId,
        route: Route,
        max: usize,
    ) -> Result<Registered, StoreError> {
        self.time(Operation::Register, self.store.register(user, device, route, max)).await
    }

    async fn unregister(
        &self,
        user: &UserId,
        device: &DeviceId,
        connection: ConnectionId,
    ) -> Result<bool, StoreError> {
        self.time(Operation::Unregister, self.store.unregister(user, device, connection)).await
    }

    async fn lookup(&self, user: &UserId) -> Result<UserRecord, StoreError> {
        self.time(Operation::Lookup, self.store.lookup(user)).await
    }

    async fn enlist(
        &self,
        user: &UserId,
        call: &CallId,
        at: Timestamp,
        max: usize,
        counts: Option<(Attempt, Pace)>,
    ) -> Result<Enlisted, StoreError> {
        self.time(Operation::Enlist, self.store.enlist(user, call, at, max, counts)).await
    }

    async fn delist(&self, user: &UserId, call: &CallId, ended: Option<Ended>) -> Result<(), StoreError> {
        self.time(Operation::Delist, self.store.delist(user, call, ended)).await
    }

    async fn last_ended(&self, user: &UserId) -> Result<Vec<CallId>, StoreError> {
        self.time(Operation::LastEnded, self.store.last_ended(user)).await
    }
}

#[async_trait]
impl CallLog for Measured {
    async fn log(&self, user: &UserId, page: LogPage) -> Result<Vec<(LogPlace, Bytes)>, StoreError> {
        self.time(Operation::Log, self.store.log(user, page)).await
    }

    async fn missed(
        &self,
        user: &UserId,
        device: &DeviceId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Missed, StoreError> {
        self.time(Operation::Missed, self.store.missed(user, device, since, limit)).await
    }

    async fn confirm(
        &self,
        user: &UserId,
        device: &DeviceId,
        until: Timestamp,
        ttl_ms: Millis,
    ) -> Result<(), StoreError> {
        self.time(Operation::Confirm, self.store.confirm(user, device, until, ttl_ms)).await
    }
}

#[async_trait]
impl Sessions for Measured {
    async fn keep(
        &self,
        owner: &Endpoint,
        session: &SessionId,
        notes: Bytes,
        ttl_ms: Millis,
    ) -> Result<(), StoreError> {
        self.time(Operation::Keep, self.store.keep(owner, session, notes, ttl_ms)).await
    }

    async fn greet(&self, owner: &Endpoint, session: Option<&SessionId>) -> Result<Greeted, StoreError> {
        self.time(Operation::Greet, self.store.greet(owner, session)).await
    }
}

#[async_trait]
impl Nodes for Measured {
    async fn heartbeat(&self, node: &NodeId, ttl_ms: Millis) -> Result<Pulse, StoreError> {
        self.time(Operation::Heartbeat, self.store.heartbeat(node, ttl_ms)).await
    }

    async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        self.time(Operation::Leave, self.store.leave(node)).await
    }
}

#[async_trait]
impl Bus for Measured {
    async fn subscribe(&self, node: &NodeId) -> Result<Subscription, StoreError> {
        self.time(Operation::Subscribe, self.store.subscribe(node)).await
    }

    async fn publish(&self, partition: Partition, node: &NodeId, body: Bytes) -> Result<bool, StoreError> {
        self.time(Operation::Publish, self.store.publish(partition, node, body)).await
    }
}

#[async_trait]
impl Outbox for Measured {
    async fn collect(
        &self,
        partition: Partition,
        lease: &Lease,
        pending_after: Option<Position>,
        limit: usize,
    ) -> Result<Collected, StoreError> {
        let collected = self.store.collect(partition, lease, pending_after, limit);
        self.time(Operation::Collect, collected).await
    }

    async fn acknowledge(&self, partition: Partition, letter: Position) -> Result<(), StoreError> {
        self.time(Operation::Acknowledge, self.store.acknowledge(partition, letter)).await
    }

    async fn bury(
        &self,
        partition: Partition,
        letter: &Letter,
        why: &str,
        retention: Retention,
    ) -> Result<(), StoreError> {
        self.time(Operation::Bury, self.store.bury(partition, letter, why, retention)).await
    }

    async fn release(&self, partition: Partition, holder: &NodeId) -> Result<(), StoreError> {
        self.time(Operation::Release, self.store.release(partition, holder)).await
    }

    async fn waiting(&self, partition: Partition) -> Result<u64, StoreError> {
        self.time(Operation::Waiting, self.store.waiting(partition)).await
    }

    async fn browse(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Letter>, StoreError> {
        self.time(Operation::Browse, self.store.browse(partition, after, limit)).await
    }

    async fn browse_dead(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.time(Operation::Browse, self.store.browse_dead(partition, after, limit)).await
    }

    async fn revive(
        &self,
        partition: Partition,
        dead: Position,
        retention: Retention,
    ) -> Result<bool, StoreError> {
        self.time(Operation::Revive, self.store.revive(partition, dead, retention)).await
    }
}

impl Store for Measured {
    fn partitions(&self) -> Partitions {
        self.store.partitions()
    }
}

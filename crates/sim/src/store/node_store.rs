//! The store as one node meets it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{CallId, ConnectionId, DeviceId, Endpoint, Millis, NodeId, SessionId, Timestamp, UserId};
use ringback_store::{
    Attempt, Bus, CallLog, Calls, Collected, Commit, Committed, DeadLetter, Deadlines, Due, Ended, Enlisted,
    Greeted, Lease, Letter, Log, LogPage, LogPlace, Missed, Nodes, Outbox, Pace, Partition, Partitions,
    Position, Pulse, Registered, Retention, Route, Sessions, Store, StoreError, Stored, Subscription, Users,
    Version, memory::MemoryStore,
};

use super::{Line, bus, line::Work};
use crate::mutant::Mutant;

/// Where the proofs of life are, as in the Redis store.
const NODES: Partition = Partition(0);

/// All traits of a store, over one node's line.
#[derive(Debug)]
pub struct NodeStore(Arc<Line>);

impl NodeStore {
    /// Over this line.
    pub const fn new(line: Arc<Line>) -> Self {
        Self(line)
    }

    fn of_call(&self, call: &CallId) -> Partition {
        self.partitions().of_call(call).unwrap_or(NODES)
    }

    fn of_user(&self, user: &UserId) -> Partition {
        self.partitions().of_user(user)
    }

    async fn call<T, F>(
        &self,
        partition: Partition,
        work: impl FnOnce(MemoryStore) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let work: Work<T> = Box::new(move |memory| Box::pin(work(memory)));
        self.0.call(partition, false, work).await
    }
}

#[async_trait]
impl Calls for NodeStore {
    async fn load(&self, call: &CallId) -> Result<Option<Stored>, StoreError> {
        let id = call.clone();
        self.call(self.of_call(call), move |memory| async move { memory.load(&id).await }).await
    }

    async fn commit(&self, mut commit: Commit) -> Result<Committed, StoreError> {
        let partition = self.of_call(&commit.call);
        let depot = Arc::clone(self.0.depot());
        let put_back = commit.version != commit.expected.next(&commit.document);
        if put_back && depot.mutant == Some(Mutant::NothingPutBack) {
            let stored = depot.memory.load(&commit.call).await?;
            return Ok(Committed::Conflict(stored));
        }
        if put_back && depot.mutant == Some(Mutant::PutBackUntold) {
            commit.outgoing.letters.clear();
        }
        let work: Work<Committed> = Box::new(move |memory| {
            Box::pin(async move {
                let committed = memory.commit(commit.clone()).await?;
                if committed == Committed::Applied {
                    depot.history.committed(&commit);
                }
                Ok(committed)
            })
        });
        self.0.call(partition, true, work).await
    }

    async fn settle(&self, call: &CallId, version: Version) -> Result<(), StoreError> {
        let (partition, id) = (self.of_call(call), call.clone());
        let work: Work<()> =
            Box::new(move |memory| Box::pin(async move { memory.settle(&id, version).await }));
        self.0.call(partition, true, work).await
    }

    async fn read(
        &self,
        call: &CallId,
        log: Log,
        first: u64,
        last: u64,
    ) -> Result<Vec<(u64, Bytes)>, StoreError> {
        let id = call.clone();
        self.call(self.of_call(call), move |memory| async move { memory.read(&id, log, first, last).await })
            .await
    }
}

#[async_trait]
impl Deadlines for NodeStore {
    async fn due(
        &self,
        partition: Partition,
        after: Option<&Due>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        let after = after.cloned();
        self.call(
            partition,
            move |memory| async move { memory.due(partition, after.as_ref(), now, limit).await },
        )
        .await
    }

    async fn forget(&self, call: &CallId) -> Result<(), StoreError> {
        let id = call.clone();
        self.call(self.of_call(call), move |memory| async move { memory.forget(&id).await }).await
    }

    async fn reschedule(
        &self,
        call: &CallId,
        due: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let id = call.clone();
        self.call(self.of_call(call), move |memory| async move { memory.reschedule(&id, due, next).await })
            .await
    }
}

#[async_trait]
impl Users for NodeStore {
    async fn register(
        &self,
        user: &UserId,
        device: &DeviceId,
        route: Route,
        max: usize,
    ) -> Result<Registered, StoreError> {
        let (user, device) = (user.clone(), device.clone());
        self.call(self.of_user(&user), move |memory| async move {
            memory.register(&user, &device, route, max).await
        })
        .await
    }

    async fn unregister(
        &self,
        user: &UserId,
        device: &DeviceId,
        connection: ConnectionId,
    ) -> Result<bool, StoreError> {
        let (user, device) = (user.clone(), device.clone());
        self.call(self.of_user(&user), move |memory| async move {
            memory.unregister(&user, &device, connection).await
        })
        .await
    }

    async fn lookup(&self, user: &UserId) -> Result<ringback_store::UserRecord, StoreError> {
        let user = user.clone();
        self.call(self.of_user(&user), move |memory| async move { memory.lookup(&user).await }).await
    }

    async fn enlist(
        &self,
        user: &UserId,
        call: &CallId,
        at: Timestamp,
        max: usize,
        counts: Option<(Attempt, Pace)>,
    ) -> Result<Enlisted, StoreError> {
        let (user, call) = (user.clone(), call.clone());
        self.call(self.of_user(&user), move |memory| async move {
            memory.enlist(&user, &call, at, max, counts).await
        })
        .await
    }

    async fn delist(&self, user: &UserId, call: &CallId, ended: Option<Ended>) -> Result<(), StoreError> {
        let (user, call) = (user.clone(), call.clone());
        self.call(self.of_user(&user), move |memory| async move { memory.delist(&user, &call, ended).await })
            .await
    }

    async fn last_ended(&self, user: &UserId) -> Result<Vec<CallId>, StoreError> {
        let user = user.clone();
        self.call(self.of_user(&user), move |memory| async move { memory.last_ended(&user).await }).await
    }
}

#[async_trait]
impl CallLog for NodeStore {
    async fn log(&self, user: &UserId, page: LogPage) -> Result<Vec<(LogPlace, Bytes)>, StoreError> {
        let user = user.clone();
        self.call(self.of_user(&user), move |memory| async move { memory.log(&user, page).await }).await
    }

    async fn missed(
        &self,
        user: &UserId,
        device: &DeviceId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Missed, StoreError> {
        let (user, device) = (user.clone(), device.clone());
        self.call(self.of_user(&user), move |memory| async move {
            memory.missed(&user, &device, since, limit).await
        })
        .await
    }

    async fn confirm(
        &self,
        user: &UserId,
        device: &DeviceId,
        until: Timestamp,
        ttl_ms: Millis,
    ) -> Result<(), StoreError> {
        let (user, device) = (user.clone(), device.clone());
        self.call(self.of_user(&user), move |memory| async move {
            memory.confirm(&user, &device, until, ttl_ms).await
        })
        .await
    }
}

#[async_trait]
impl Sessions for NodeStore {
    async fn keep(
        &self,
        owner: &Endpoint,
        session: &SessionId,
        notes: Bytes,
        ttl_ms: Millis,
    ) -> Result<(), StoreError> {
        let (owner, session) = (owner.clone(), session.clone());
        let partition = self.of_user(&owner.user);
        self.call(partition, move |memory| async move { memory.keep(&owner, &session, notes, ttl_ms).await })
            .await
    }

    async fn greet(&self, owner: &Endpoint, session: Option<&SessionId>) -> Result<Greeted, StoreError> {
        let (owner, session) = (owner.clone(), session.cloned());
        let partition = self.of_user(&owner.user);
        self.call(partition, move |memory| async move { memory.greet(&owner, session.as_ref()).await }).await
    }
}

#[async_trait]
impl Nodes for NodeStore {
    async fn heartbeat(&self, node: &NodeId, ttl_ms: Millis) -> Result<Pulse, StoreError> {
        let id = node.clone();
        let beat = move |memory: MemoryStore| async move { memory.heartbeat(&id, ttl_ms).await };
        let mut pulse = self.call(NODES, beat).await?;
        let depot = self.0.depot();
        if depot.mutant == Some(Mutant::DeadLiveOn)
            && let Ok(mut ever) = depot.ever.lock()
        {
            ever.extend(pulse.nodes);
            pulse.nodes = ever.iter().cloned().collect();
        }
        Ok(pulse)
    }

    async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        let id = node.clone();
        self.call(NODES, move |memory| async move { memory.leave(&id).await }).await
    }
}

#[async_trait]
impl Bus for NodeStore {
    async fn subscribe(&self, node: &NodeId) -> Result<Subscription, StoreError> {
        // Not by the call itself: one that comes late would take the place of the next.
        self.call(NODES, |_| async { Ok(()) }).await?;
        let from = self.0.depot().memory.subscribe(node).await?;
        let (to, subscription) = Subscription::new(self.partitions());
        tokio::spawn(bus::forward(Arc::clone(&self.0), from, to));
        Ok(subscription)
    }

    async fn publish(&self, partition: Partition, node: &NodeId, body: Bytes) -> Result<bool, StoreError> {
        let id = node.clone();
        self.call(partition, move |memory| async move { memory.publish(partition, &id, body).await }).await
    }
}

#[async_trait]
impl Outbox for NodeStore {
    async fn collect(
        &self,
        partition: Partition,
        lease: &Lease,
        pending_after: Option<Position>,
        limit: usize,
    ) -> Result<Collected, StoreError> {
        let lease = lease.clone();
        let work = move |memory: MemoryStore| async move {
            memory.collect(partition, &lease, pending_after, limit).await
        };
        self.call(partition, work).await
    }

    async fn acknowledge(&self, partition: Partition, letter: Position) -> Result<(), StoreError> {
        self.call(partition, move |memory| async move { memory.acknowledge(partition, letter).await }).await
    }

    async fn bury(
        &self,
        partition: Partition,
        letter: &Letter,
        why: &str,
        retention: Retention,
    ) -> Result<(), StoreError> {
        let (letter, why) = (letter.clone(), why.to_owned());
        let work =
            move |memory: MemoryStore| async move { memory.bury(partition, &letter, &why, retention).await };
        self.call(partition, work).await
    }

    async fn release(&self, partition: Partition, holder: &NodeId) -> Result<(), StoreError> {
        let holder = holder.clone();
        self.call(partition, move |memory| async move { memory.release(partition, &holder).await }).await
    }

    async fn waiting(&self, partition: Partition) -> Result<u64, StoreError> {
        self.call(partition, move |memory| async move { memory.waiting(partition).await }).await
    }

    async fn browse(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Letter>, StoreError> {
        self.call(partition, move |memory| async move { memory.browse(partition, after, limit).await }).await
    }

    async fn browse_dead(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.call(partition, move |memory| async move { memory.browse_dead(partition, after, limit).await })
            .await
    }

    async fn revive(
        &self,
        partition: Partition,
        dead: Position,
        retention: Retention,
    ) -> Result<bool, StoreError> {
        self.call(partition, move |memory| async move { memory.revive(partition, dead, retention).await })
            .await
    }
}

impl Store for NodeStore {
    fn partitions(&self) -> Partitions {
        self.0.depot().memory.partitions()
    }
}

//! The embedded store: everything in this process, nothing to install.
//!
//! For one gateway on its own (`store.url = "memory:"`). It keeps every promise of the traits except that its
//! contents end with the process. One lock a partition; no lock is held across an await.

mod call_log;
mod calls;
#[cfg(feature = "losses")]
mod losses;
mod nodes;
mod outbox;
mod sessions;
mod shelf;
mod users;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{NodeId, Timestamp};

#[cfg(feature = "losses")]
pub use losses::Snapshot;

use crate::{Bus, BusEvent, Partition, Partitions, Sender, Store, StoreError, Subscription};
use shelf::Shelf;

/// A clock that can be replaced in tests and simulations.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The embedded store. Clones share their contents.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    partitions: Partitions,
    clock: Box<dyn Clock>,
    shelves: Vec<Mutex<Shelf>>,
    nodes: Mutex<HashMap<NodeId, Timestamp>>,
    subscribers: Mutex<HashMap<NodeId, Sender>>,
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MemoryStore({} partitions)", self.shared.partitions.count())
    }
}

impl MemoryStore {
    /// An empty store on the machine's clock.
    pub fn new(partitions: Partitions) -> Self {
        Self::with_clock(partitions, SystemClock)
    }

    /// An empty store on another clock.
    pub fn with_clock(partitions: Partitions, clock: impl Clock) -> Self {
        let shelves = partitions.all().map(|_| Mutex::default()).collect();
        Self {
            shared: Arc::new(Shared {
                partitions,
                clock: Box::new(clock),
                shelves,
                nodes: Mutex::default(),
                subscribers: Mutex::default(),
            }),
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// A partition's contents, without what has outlived its time.
    fn shelf(&self, partition: Partition) -> MutexGuard<'_, Shelf> {
        let mut shelf = lock(&self.shared.shelves[usize::from(partition.0 % self.shared.partitions.count())]);
        shelf.expire(self.now());
        shelf
    }

    fn send(&self, node: &NodeId, event: BusEvent) -> bool {
        lock(&self.shared.subscribers).get(node).is_some_and(|sender| sender.send(event))
    }
}

/// A panic elsewhere leaves the data as it was between two of our statements, all of which keep it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Bus for MemoryStore {
    async fn subscribe(&self, node: &NodeId) -> Result<Subscription, StoreError> {
        let (sender, subscription) = Subscription::new(self.shared.partitions);
        lock(&self.shared.subscribers).insert(node.clone(), sender);
        Ok(subscription)
    }

    async fn publish(&self, _partition: Partition, node: &NodeId, body: Bytes) -> Result<bool, StoreError> {
        Ok(self.send(node, BusEvent::Direct(body)))
    }
}

impl Store for MemoryStore {
    fn partitions(&self) -> Partitions {
        self.shared.partitions
    }
}

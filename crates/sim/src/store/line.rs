//! One node's way to the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ringback_store::{BusEvent, COMMAND_TIMEOUT_MS, Partition, StoreError, memory::MemoryStore};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::Depot;

/// Events that wait to be told to a node.
const TOLD: usize = 1_024;

/// What a call on the store does there.
pub(super) type Work<T> =
    Box<dyn FnOnce(MemoryStore) -> Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>> + Send>;

/// What a node hears of the partitions.
#[derive(Debug, Default)]
struct Ears {
    /// Partitions whose messages do not arrive.
    deaf: BTreeSet<Partition>,
    /// How often it has subscribed to each anew: what was on its way before does not arrive.
    subscriptions: BTreeMap<Partition, u64>,
}

/// A node's connections to the store.
pub struct Line {
    depot: Arc<Depot>,
    name: String,
    /// Its node's process is gone: nothing is sent any more and nothing arrives.
    dead: CancellationToken,
    cut: AtomicBool,
    ears: Mutex<Ears>,
    /// What the forwarder of messages is to tell besides, and when.
    pub(super) told: mpsc::Sender<(Instant, BusEvent)>,
    pub(super) to_tell: Mutex<Option<mpsc::Receiver<(Instant, BusEvent)>>>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Line").field(&self.name).finish()
    }
}

impl Line {
    /// A new node's.
    pub fn new(depot: &Arc<Depot>, name: &str) -> Arc<Self> {
        let (told, to_tell) = mpsc::channel(TOLD);
        let line = Arc::new(Self {
            depot: Arc::clone(depot),
            name: name.to_owned(),
            dead: CancellationToken::new(),
            cut: AtomicBool::new(false),
            ears: Mutex::default(),
            told,
            to_tell: Mutex::new(Some(to_tell)),
        });
        depot.lines.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&line));
        line
    }

    pub(super) fn depot(&self) -> &Arc<Depot> {
        &self.depot
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The node's process is killed. What it has sent may still arrive at the store.
    pub fn kill(&self) {
        self.dead.cancel();
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }

    pub(super) async fn death(&self) {
        self.dead.cancelled().await;
    }

    /// The node is cut off from the store, or is not any more.
    pub fn cut_off(self: &Arc<Self>, cut: bool) {
        self.depot
            .trace
            .note(&self.name, if cut { "cut off from the store" } else { "reaches the store again" });
        self.cut.store(cut, Ordering::Relaxed);
        let all = self.depot.partitions();
        if cut { self.deafen(&all) } else { self.hear_again(&all) }
    }

    /// What is published in these partitions does not arrive.
    pub fn deafen(&self, partitions: &[Partition]) {
        let mut ears = self.ears();
        ears.deaf.extend(partitions);
        for partition in partitions {
            *ears.subscriptions.entry(*partition).or_default() += 1;
        }
    }

    /// The node subscribes to these partitions again, and is told that it may have missed something.
    pub fn hear_again(self: &Arc<Self>, partitions: &[Partition]) {
        let (line, partitions) = (Arc::clone(self), partitions.to_vec());
        let (subscribes, tells) = self.depot.throw(|dice| (dice.ms(20, 1_500), dice.ms(0, 500)));
        tokio::spawn(async move {
            sleep(subscribes).await;
            // Cut off or away again meanwhile: who heals that begins anew.
            let partitions: Vec<_> = partitions.into_iter().filter(|p| line.reaches(*p)).collect();
            line.ears().deaf.retain(|p| !partitions.contains(p));
            line.tell(tells, BusEvent::Interrupted(partitions));
        });
    }

    fn ears(&self) -> MutexGuard<'_, Ears> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By which subscription a message of a partition arrives; `None` if it does not.
    pub(super) fn subscription(&self, partition: Partition) -> Option<u64> {
        let ears = self.ears();
        let count = ears.subscriptions.get(&partition).copied().unwrap_or_default();
        (!ears.deaf.contains(&partition)).then_some(count)
    }

    pub(super) fn tell(&self, after: Duration, event: BusEvent) {
        // A node that is so far behind has been told to look at everything.
        let _ = self.told.try_send((Instant::now() + after, event));
    }

    fn reaches(&self, partition: Partition) -> bool {
        !self.cut.load(Ordering::Relaxed) && !self.depot.ground().is_away(partition)
    }

    /// Waits, unless the process dies: then it waits for ever.
    async fn wait(&self, until: Instant) {
        tokio::select! {
            biased;
            () = self.dead.cancelled() => std::future::pending().await,
            () = sleep_until(until) => {}
        }
    }

    /// Calls the store, as far as it can be called.
    pub(super) async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        partition: Partition,
        waits_for_replica: bool,
        work: Work<T>,
    ) -> Result<T, StoreError> {
        if self.is_dead() {
            return std::future::pending().await;
        }
        let depot = &self.depot;
        depot.tally.count(|figures| figures.store += 1);
        let fate = depot.ground().fate();
        for fault in &fate.faults {
            depot.tally.fault(*fault);
        }
        let end = Instant::now() + Duration::from_millis(COMMAND_TIMEOUT_MS);
        let arrives = Instant::now() + fate.there;
        if fate.fails {
            self.wait(arrives.min(end)).await;
            return Err(StoreError::unavailable("simulated: it was not applied"));
        }
        if arrives > end {
            // It is still on its way when its caller gives up.
            let line = Arc::clone(self);
            tokio::spawn(async move {
                sleep_until(arrives).await;
                if line.reaches(partition) {
                    let _ = work(line.depot.memory.clone()).await;
                }
            });
            self.wait(end).await;
            return Err(StoreError::unavailable("simulated: it may be applied yet"));
        }
        if arrives > Instant::now() {
            self.wait(arrives).await;
        }
        if !self.reaches(partition) {
            self.wait(Instant::now().checked_add(fate.patience).map_or(end, |at| at.min(end))).await;
            return Err(StoreError::unavailable("simulated: it is away"));
        }
        let result = work(depot.memory.clone()).await;
        if waits_for_replica && depot.ground().is_doomed(partition) {
            // The replica never gets it.
            self.wait(end).await;
            return Err(StoreError::unavailable("simulated: no replica has it"));
        }
        let returns = Instant::now() + fate.back;
        if fate.back > Duration::ZERO {
            self.wait(returns.min(end)).await;
        }
        if returns > end || fate.unknown || !self.reaches(partition) {
            return Err(StoreError::unavailable("simulated: whether it was applied is unknown"));
        }
        result
    }
}

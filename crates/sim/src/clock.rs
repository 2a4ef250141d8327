//! The store's clock and the machines', in virtual time.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use ringback_call::Timestamp;
use ringback_store::memory::Clock;
use tokio::time::Instant;

/// When every simulation begins.
pub const EPOCH_MS: u64 = 1_790_000_000_000;

/// The store's clock. Clones show the same time.
#[derive(Clone, Debug)]
pub struct StoreClock {
    start: Instant,
    skew_ms: Arc<AtomicI64>,
}

impl StoreClock {
    /// Begins at the epoch.
    pub fn new() -> Self {
        Self { start: Instant::now(), skew_ms: Arc::default() }
    }

    /// The clock is wrong by so much from now on.
    pub fn set_skew(&self, ms: i64) {
        self.skew_ms.store(ms, Ordering::Relaxed);
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Timestamp((EPOCH_MS + elapsed).saturating_add_signed(self.skew_ms.load(Ordering::Relaxed)))
    }
}

impl Default for StoreClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

thread_local! {
    static MACHINE: Cell<u64> = const { Cell::new(EPOCH_MS) };
}

/// What the clock of the machine shows whose node is started next.
pub fn set_machine(ms: u64) {
    MACHINE.set(ms);
}

/// The clock of a machine.
pub fn machine() -> Timestamp {
    Timestamp(MACHINE.get())
}

//! The cluster's time, as this gateway knows it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ringback_call::Timestamp;
use tokio::time::Instant;

/// Follows the store's clock between two heartbeats by the machine's monotonic one, so that gateways agree on
/// deadlines whatever their own clocks say. Never goes back, but for the first time the store is heard: until then it
/// is the machine's clock, which may be anywhere.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    /// The store's time at `started`.
    base: AtomicU64,
    last: AtomicU64,
    followed: AtomicBool,
}

impl Clock {
    /// Until the store has been heard, by the machine's clock.
    pub fn new(machine: Timestamp) -> Self {
        Self {
            started: Instant::now(),
            base: AtomicU64::new(machine.0),
            last: AtomicU64::new(0),
            followed: AtomicBool::new(false),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        let now = self.base.load(Ordering::Relaxed).saturating_add(self.elapsed_ms());
        Timestamp(self.last.fetch_max(now, Ordering::Relaxed).max(now))
    }

    /// The store has just said what time it is.
    pub fn follow(&self, store: Timestamp) {
        self.base.store(store.0.saturating_sub(self.elapsed_ms()), Ordering::Relaxed);
        if !self.followed.swap(true, Ordering::Relaxed) {
            self.last.store(store.0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn a_machine_that_is_ahead_does_not_stop_the_clock() {
        let clock = Clock::new(MACHINE);
        let machine = clock.now();
        clock.follow(Timestamp(machine.0 - 3_600_000));
        assert!(clock.now() < machine);
    }

    #[test]
    fn follows_the_store_forward_and_never_goes_back() {
        let clock = Clock::new(MACHINE);
        let ahead = clock.now().after(60_000);
        clock.follow(ahead);
        assert!(clock.now() >= ahead);
        clock.follow(Timestamp(1));
        assert!(clock.now() >= ahead);
    }
}

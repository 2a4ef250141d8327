//! Whether the gateway has more to do than it gets done: a task that wants to be woken at a certain moment, and is woken late,
//! says for how long every other one waits that has something to do.
//!
//! Then newcomers are turned away, and go to another gateway: who is served already should not be served worse. One that
//! comes back to its session is let in all the same. Its calls wait for it, and end where it is not back in time.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Late so many times in a row, there is too much to do; in time so many times in a row, there no longer is.
const LATE: u32 = 3;
const IN_TIME: u32 = 20;

/// How late tasks are, and whether that is too late.
#[derive(Debug)]
pub struct Strain {
    /// Later than this is late; half of it, and less, is in time.
    bound: Duration,
    lag_us: AtomicU64,
    overloaded: AtomicBool,
}

impl Strain {
    /// None yet. With no bound there never is too much to do.
    pub(crate) fn new(bound: Duration) -> Self {
        Self { bound, lag_us: AtomicU64::new(0), overloaded: AtomicBool::new(false) }
    }

    /// How late a task was when it was looked at last.
    pub fn lag(&self) -> Duration {
        Duration::from_micros(self.lag_us.load(Ordering::Relaxed))
    }

    /// Whether there is more to do than gets done.
    pub fn is_too_much(&self) -> bool {
        self.overloaded.load(Ordering::Relaxed)
    }

    /// Looks for as long as the gateway runs.
    pub(crate) async fn watch(&self) {
        if self.bound.is_zero() {
            return std::future::pending().await;
        }
        let mut in_a_row = 0;
        loop {
            let due = Instant::now() + LOOK;
            sleep_until(due).await;
            let lag = due.elapsed();
            self.lag_us.store(u64::try_from(lag.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            self.take(lag, &mut in_a_row);
        }
    }

    /// Two bounds, and several looks, so that it does not go to and fro: newcomers that are let in make work at once.
    fn take(&self, lag: Duration, in_a_row: &mut u32) {
        let overloaded = self.is_too_much();
        let tells = if overloaded { lag <= self.bound / 2 } else { lag > self.bound };
        *in_a_row = if tells { *in_a_row + 1 } else { 0 };
        if *in_a_row < if overloaded { IN_TIME } else { LATE } {
            return;
        }
        *in_a_row = 0;
        self.overloaded.store(!overloaded, Ordering::Relaxed);
        match overloaded {
            true => tracing::info!("newcomers are let in again"),
            false => tracing::warn!(?lag, "there is more to do than gets done: newcomers are turned away"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_millis(200);

    #[test]
    fn it_begins_with_several_late_looks_and_ends_with_many_in_time() {
        let (strain, mut in_a_row) = (Strain::new(BOUND), 0);
        let mut after = |lag_ms: &[u64]| {
            for ms in lag_ms {
                strain.take(Duration::from_millis(*ms), &mut in_a_row);
            }
            strain.is_too_much()
        };
        assert!(!after(&[900, 900, 10, 900, 900, 200]), "not three in a row");
        assert!(after(&[201, 201, 201]));
        assert!(after(&[101; 100]), "neither late nor in time");
        assert!(after(&[100; 19]));
        assert!(after(&[150]), "in vain");
        assert!(!after(&[100; 20]));
        assert!(!after(&[300; 2]));
        assert!(after(&[300]));
    }

    #[tokio::test]
    async fn work_that_lets_nobody_have_a_turn_is_noticed() {
        let strain = Strain::new(Duration::from_millis(50));
        let work = async {
            while !strain.is_too_much() {
                // What blocks, as nothing should: a look that is due meanwhile is late.
                std::thread::sleep(Duration::from_millis(200));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = strain.watch() => {}
            noticed = tokio::time::timeout(Duration::from_secs(20), work) => noticed.unwrap(),
        }
        assert!(strain.lag() > Duration::from_millis(50));
        let rest = async {
            while strain.is_too_much() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            () = strain.watch() => {}
            over = tokio::time::timeout(Duration::from_secs(20), rest) => over.unwrap(),
        }
    }
}

//! What is said of a receiver that fails: a line every few minutes at most, however often it comes and goes.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::seldom::Seldom;

/// How often it is said, of a receiver that fails and of an outbox that can't be read.
pub(super) const REMIND: Duration = Duration::from_secs(300);
/// It is well again when nothing has failed for so long.
const QUIET: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Health {
    failures: Seldom,
    /// The last failure since it was said to be well.
    last: Mutex<Option<Instant>>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self { failures: Seldom::new(REMIND), last: Mutex::default() }
    }

    /// An attempt failed: how many have since that was said last, if it is to be said.
    pub(super) fn failed(&self) -> Option<u64> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.failures.happened()
    }

    /// It took an event: whether it is to be said that it does so again.
    pub(super) fn delivered(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.take_if(|failed| failed.elapsed() >= QUIET).is_some()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_that_comes_and_goes_is_worth_a_line_every_few_minutes() {
        let (health, mut said) = (Health::new(), Vec::new());
        for _ in 0..200 {
            said.extend(health.failed());
            assert!(!health.delivered(), "who knows for how long");
            advance(Duration::from_secs(5)).await;
        }
        assert_eq!(said, [1, 60, 60, 60]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_well_again_is_worth_one() {
        let health = Health::new();
        assert!(!health.delivered(), "it always was");
        assert_eq!(health.failed(), Some(1));
        advance(QUIET).await;
        assert_eq!([health.delivered(), health.delivered()], [true, false]);
    }
}

//! Waiting on a condition instead of for a time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long anything may take that should happen at once. Generous, since machines that run tests are busy; a test
/// that passes never waits for it.
pub const SOON: Duration = Duration::from_secs(5);

/// How long a program may take to come up.
pub const START: Duration = Duration::from_secs(20);

const STEP: Duration = Duration::from_millis(20);

/// Asks `probe` again and again until it gives a value; `None` when `limit` has passed.
pub async fn eventually<T>(limit: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = probe().await {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(STEP).await;
    }
}

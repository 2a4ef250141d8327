//! Work that is not given up while the store is away.

use std::{future::Future, time::Duration};

use ringback_store::StoreError;
use tokio::time::{Instant, sleep};

/// The first pause, and the longest.
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(2);
/// What has not worked for so long is left to the sweeper and to times to live.
const ENOUGH: Duration = Duration::from_secs(600);

/// Tries again and again, until it is done or fails for good.
pub(crate) async fn insist<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let end = Instant::now() + ENOUGH;
    let mut pause = SHORT;
    loop {
        match attempt().await {
            Err(error) if error.is_transient() && Instant::now() < end => {
                sleep(pause.mul_f32(0.5 + 0.5 * fastrand::f32())).await;
                pause = LONG.min(pause * 2);
            }
            outcome => return outcome,
        }
    }
}

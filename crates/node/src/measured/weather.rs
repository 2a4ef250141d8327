//! What befalls the store in a test: how long it lets who asks it wait, and whether it answers then.

use std::{cell::RefCell, time::Duration};

use ringback_store::StoreError;
use ringback_telemetry::StoreOperation as Operation;

/// What befalls one operation, before it is applied.
#[derive(Clone, Copy)]
pub(crate) enum Weather {
    Fair,
    Slow(Duration),
    /// As long as the store's own time limit.
    Away,
}

/// As long as one command may take.
pub(crate) const LIMIT: Duration = Duration::from_millis(ringback_store::COMMAND_TIMEOUT_MS);

type Forecast = Box<dyn FnMut(Operation) -> Weather>;

thread_local! {
    static FORECAST: RefCell<Option<Forecast>> = const { RefCell::new(None) };
}

/// From now on, for all nodes of this test.
pub(crate) fn forecast(weather: impl FnMut(Operation) -> Weather + 'static) {
    FORECAST.set(Some(Box::new(weather)));
}

pub(super) async fn endure(operation: Operation) -> Result<(), StoreError> {
    let weather =
        FORECAST.with_borrow_mut(|forecast| forecast.as_mut().map_or(Weather::Fair, |of| of(operation)));
    match weather {
        Weather::Fair => {}
        Weather::Slow(time) => tokio::time::sleep(time).await,
        Weather::Away => {
            tokio::time::sleep(LIMIT).await;
            return Err(StoreError::unavailable("away"));
        }
    }
    Ok(())
}

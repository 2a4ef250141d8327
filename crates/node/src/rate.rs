//! The clock of the rate limits: the runtime's, as everywhere else, so that paused time is paused for them too.

use std::time::Duration;

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::Instant;

/// A limit on what one connection may ask.
pub(crate) type Rate = RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Duration>>;

/// The runtime's clock, from some moment on.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A limit that nobody has used yet.
pub(crate) fn limit(quota: Quota) -> Rate {
    RateLimiter::direct_with_clock(quota, RuntimeClock(Instant::now()))
}

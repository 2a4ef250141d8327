//! The clock of the rate limits: the runtime's, as everywhere else, so that paused time is paused for them too.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};
use ringback_call::UserId;
use tokio::time::Instant;

use crate::config::Limits;

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

/// Users who are remembered at most: of those who ask beside their connections.
const MAX_USERS: usize = 10_000;

/// A limit on what each user may ask otherwise than by a connection.
#[derive(Debug)]
pub struct PerUser(RateLimiter<UserId, HashMapStateStore<UserId>, RuntimeClock, NoOpMiddleware<Duration>>);

impl PerUser {
    /// As much as one connection may.
    pub(crate) fn new(limits: &Limits) -> Self {
        let store = HashMapStateStore::default();
        Self(RateLimiter::new(quota(limits), store, RuntimeClock(Instant::now())))
    }

    /// Whether a user may ask once more.
    ///
    /// # Errors
    /// How long to wait; a user whom nobody remembers waits too, where there are too many at once.
    pub fn check(&self, user: &UserId) -> Result<(), Duration> {
        if self.0.len() >= MAX_USERS {
            self.0.retain_recent();
            if self.0.len() >= MAX_USERS {
                return Err(FULL);
            }
        }
        self.0.check_key(user).map_err(|not_until| not_until.wait_time_from(self.0.clock().now()))
    }
}

/// When somebody should ask again whom there was no room for.
const FULL: Duration = Duration::from_secs(1);

/// What the settings allow one connection, or one user.
pub(crate) fn quota(limits: &Limits) -> Quota {
    let per_second = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(per_second(limits.requests_per_second)).allow_burst(per_second(limits.request_burst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[tokio::test(start_paused = true)]
    async fn each_user_has_a_share_of_their_own() {
        let limits = Limits { requests_per_second: 1, request_burst: 2, ..config::tests::config("n").limits };
        let shares = PerUser::new(&limits);
        let [alice, bob] = ["alice", "bob"].map(|name| UserId::new(name).unwrap());
        assert_eq!([shares.check(&alice), shares.check(&alice)], [Ok(()), Ok(())]);
        assert!(shares.check(&alice).unwrap_err() <= Duration::from_secs(1));
        assert_eq!(shares.check(&bob), Ok(()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(shares.check(&alice), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_users_are_remembered_than_there_is_room_for() {
        let shares = PerUser::new(&config::tests::config("n").limits);
        for n in 0..MAX_USERS {
            assert_eq!(shares.check(&UserId::new(format!("u{n}")).unwrap()), Ok(()));
        }
        let late = UserId::new("late").unwrap();
        assert_eq!(shares.check(&late), Err(FULL));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(shares.check(&late), Ok(()), "the others are forgotten by now");
    }
}

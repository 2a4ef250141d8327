//! The clock of the rate limits: the runtime's, as everywhere else, so that paused time is paused for them too.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};
use ringback_call::UserId;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

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
/// How often those are forgotten at most who have not been here for a while: going through all of them takes time.
const TIDY: Duration = Duration::from_millis(200);

/// Why somebody is held off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// They have had their share, for now.
    For(Duration),
    /// Nobody remembers them, and there are too many who are remembered.
    Unknown,
}

/// The same limit for each of many, of whom no more than so many are remembered.
pub(crate) struct Shares<K: Hash + Eq + Clone> {
    shares: RateLimiter<K, HashMapStateStore<K>, RuntimeClock, NoOpMiddleware<Duration>>,
    most: usize,
    tidied: Mutex<Option<Instant>>,
}

impl<K: Hash + Eq + Clone> fmt::Debug for Shares<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shares(of at most {})", self.most)
    }
}

impl<K: Hash + Eq + Clone> Shares<K> {
    pub(crate) fn new(quota: Quota, most: usize) -> Self {
        let store = HashMapStateStore::default();
        let shares = RateLimiter::new(quota, store, RuntimeClock(Instant::now()));
        Self { shares, most, tidied: Mutex::default() }
    }

    /// Takes once of a share.
    pub(crate) fn check(&self, key: &K) -> Result<(), Held> {
        if self.shares.len() >= self.most && !self.tidy() {
            return Err(Held::Unknown);
        }
        let clock = self.shares.clock();
        self.shares.check_key(key).map_err(|not_until| Held::For(not_until.wait_time_from(clock.now())))
    }

    /// Forgets those who have all of their share; whether there is room then.
    fn tidy(&self) -> bool {
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if tidied.is_none_or(|tidied| tidied.elapsed() >= TIDY) {
            self.shares.retain_recent();
            *tidied = Some(Instant::now());
        }
        self.shares.len() < self.most
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shares.len()
    }
}

/// A limit on what each user may ask otherwise than by a connection.
#[derive(Debug)]
pub struct PerUser(Shares<UserId>);

impl PerUser {
    /// As much as one connection may.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Shares::new(quota(limits), MAX_USERS))
    }

    /// Whether a user may ask once more.
    ///
    /// # Errors
    /// How long to wait; a user whom nobody remembers waits too, where there are too many at once.
    pub fn check(&self, user: &UserId) -> Result<(), Duration> {
        self.0.check(user).map_err(|held| match held {
            Held::For(wait) => wait,
            Held::Unknown => FULL,
        })
    }
}

/// What each user may ask by all connections together. Kept as long as the user has one.
#[derive(Debug)]
pub(crate) struct UserRates {
    quota: Option<Quota>,
    rates: [Mutex<HashMap<UserId, Weak<Rate>>>; SHARDS],
}

/// Locks that users are spread over.
const SHARDS: usize = 16;

impl UserRates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let quota = NonZeroU32::new(limits.user_requests_per_second);
        let quota = quota.map(|rate| Quota::per_second(rate).allow_burst(rate.saturating_mul(BURST)));
        Self { quota, rates: std::array::from_fn(|_| Mutex::default()) }
    }

    /// What a user's connection takes part in, if there is a limit.
    pub(crate) fn share(self: &Arc<Self>, user: &UserId) -> Option<Box<UserShare>> {
        let quota = self.quota?;
        let mut rates = self.shard(user);
        let known = rates.get(user).and_then(Weak::upgrade);
        let rate = known.unwrap_or_else(|| {
            let rate = Arc::new(limit(quota));
            rates.insert(user.clone(), Arc::downgrade(&rate));
            rate
        });
        drop(rates);
        Some(Box::new(UserShare { rate, user: user.clone(), rates: Arc::clone(self) }))
    }

    fn shard(&self, user: &UserId) -> MutexGuard<'_, HashMap<UserId, Weak<Rate>>> {
        let at = xxh3_64(user.as_str().as_bytes()) as usize % SHARDS;
        self.rates[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many times what a user may ask in a second may be asked at once.
const BURST: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// One connection's part in what its user may ask.
#[derive(Debug)]
pub(crate) struct UserShare {
    rate: Arc<Rate>,
    user: UserId,
    rates: Arc<UserRates>,
}

impl UserShare {
    /// Asks once.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn check(&self) -> Result<(), Duration> {
        check(&self.rate)
    }
}

impl Drop for UserShare {
    fn drop(&mut self) {
        let mut rates = self.rates.shard(&self.user);
        // Others get theirs under the same lock.
        if Arc::strong_count(&self.rate) == 1 {
            rates.remove(&self.user);
        }
    }
}

/// Takes once of what there is; how long to wait, if there is nothing.
pub(crate) fn check(rate: &Rate) -> Result<(), Duration> {
    rate.check().map_err(|not_until| not_until.wait_time_from(rate.clock().now()))
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
    async fn the_connections_of_a_user_share_what_the_user_may_ask() {
        let limits = Limits { user_requests_per_second: 1, ..config::tests::config("n").limits };
        let rates = Arc::new(UserRates::new(&limits));
        let [alice, bob] = ["alice", "bob"].map(|name| UserId::new(name).unwrap());
        let [phone, desk, other] = [&alice, &alice, &bob].map(|user| rates.share(user).unwrap());
        for share in [&phone, &desk, &phone, &desk] {
            assert_eq!(share.check(), Ok(()));
        }
        assert!(phone.check().is_err() && desk.check().is_err());
        assert_eq!(other.check(), Ok(()));
        drop(phone);
        assert!(rates.share(&alice).unwrap().check().is_err(), "it is kept as long as one is there");
        drop((desk, other));
        assert!(rates.rates.iter().all(|shard| shard.lock().unwrap().is_empty()), "and no longer");
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

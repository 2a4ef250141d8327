//! Whether the store's address and credentials make sense, alone and together.

use std::error::Error as _;

use ringback_store_redis::{Credentials, RedisSettings};

use super::super::source::{Problems, Store};

const SCHEMES: [&str; 7] = [
    "memory:",
    "redis://",
    "redis-cluster://",
    "redis-sentinel://",
    "rediss://",
    "rediss-cluster://",
    "rediss-sentinel://",
];

pub(super) fn address(store: &Store, problems: &mut Problems) {
    for (user, password, key) in [
        (&store.username, &store.password, "store.username"),
        (&store.sentinel_username, &store.sentinel_password, "store.sentinel_username"),
    ] {
        if password.is_empty() && !user.is_empty() {
            problems.add(key, "needs a password");
        }
    }
    if !SCHEMES.iter().any(|scheme| store.url.starts_with(scheme)) {
        // The address may hold a password: it is not repeated.
        problems.add("store.url", format_args!("must begin with one of {}", SCHEMES.join(", ")));
    } else if store.url.starts_with("memory:") {
        // Who gives a password means a Redis, and would have gateways that know nothing of each other.
        if !(store.password.is_empty() && store.sentinel_password.is_empty()) {
            problems.add("store.url", "names no Redis that store.password is for");
        }
    } else if let Err(error) = redis(store).validate() {
        let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        problems.add("store.url", format_args!("{error}{reason}"));
    }
}

fn redis(store: &Store) -> RedisSettings {
    RedisSettings {
        credentials: Credentials::new(store.username.clone(), store.password.clone()),
        sentinel_credentials: Credentials::new(
            store.sentinel_username.clone(),
            store.sentinel_password.clone(),
        ),
        ..RedisSettings::new(store.url.as_str())
    }
}

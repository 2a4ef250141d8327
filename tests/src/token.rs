//! Tokens as an application would issue them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Serialize;

/// The secret every gateway of these tests is given.
pub const SECRET: &str = "a secret that only these tests use, long enough for HS256";

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    exp: u64,
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A good token for `user`, valid for an hour.
pub fn good(user: &str) -> String {
    until(user, now() + 3600)
}

/// A token that ends after `left`.
pub fn short(user: &str, left: Duration) -> String {
    until(user, now() + left.as_secs())
}

/// A token that ended an hour ago: beyond any leeway for clocks that differ.
pub fn expired(user: &str) -> String {
    until(user, now() - 3600)
}

/// A token that somebody else signed.
pub fn forged(user: &str) -> String {
    sign(user, now() + 3600, "another secret altogether, just as long as the real one")
}

fn until(user: &str, exp: u64) -> String {
    sign(user, exp, SECRET)
}

fn sign(user: &str, exp: u64, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::default(), &Claims { sub: user, exp }, &key).expect("signing needs nothing but memory")
}

//! The tokens of virtual users, as an application would issue them.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Serialize;

/// Longer than any run.
const GOOD_FOR_S: u64 = 7 * 24 * 3600;

/// Makes tokens.
#[derive(Clone)]
pub(crate) struct Tokens(Option<Arc<EncodingKey>>);

/// The key is not shown.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tokens").field(&self.0.is_some()).finish()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    exp: u64,
}

impl Tokens {
    /// Signed with the gateways' `auth.hs256_secret`; without one the user's name, as gateways with `auth.dev` take it.
    pub(crate) fn new(secret: Option<&str>) -> Self {
        Self(secret.map(|secret| Arc::new(EncodingKey::from_secret(secret.as_bytes()))))
    }

    /// That user's.
    pub(crate) fn token(&self, user: &str) -> anyhow::Result<Arc<str>> {
        let Some(key) = &self.0 else { return Ok(Arc::from(user)) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Ok(encode(&Header::default(), &Claims { sub: user, exp: now + GOOD_FOR_S }, key)?.into())
    }
}

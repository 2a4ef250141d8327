//! Whether clients' tokens would be accepted.

use std::time::{SystemTime, UNIX_EPOCH};

use ringback_call::Timestamp;

use super::report::Report;
use crate::{
    app::verifier,
    settings::{Auth, Settings},
};

pub(super) fn examine(settings: &Settings, token: Option<&str>, report: &mut Report) {
    match &settings.auth {
        Auth::Dev => report.warning(
            "tokens",
            "a token is just a user's name, so anybody can be anybody",
            "for development alone: set auth.hs256_secret in the place of auth.dev",
        ),
        Auth::Hs256(secret) => report.ok("tokens", format!("HS256, by a secret of {} bytes", secret.len())),
    }
    let Some(token) = token else { return };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    match verifier(&settings.auth).verify(token.trim(), now) {
        Ok(identity) => {
            let left = identity.expires_at.map(|at| at.0.saturating_sub(now.0) / 1_000);
            let until = left.map_or("never expires".to_owned(), |s| format!("expires in {s} s"));
            report.ok("the token", format!("is accepted, as of {:?}; it {until}", identity.user));
        }
        Err(error) => {
            // What is beneath it may quote the token.
            report.failure(
                "the token",
                error.to_string(),
                "it is a JWT, signed by HS256 with auth.hs256_secret, with `sub` and `exp`: docs/security.md",
            );
        }
    }
}

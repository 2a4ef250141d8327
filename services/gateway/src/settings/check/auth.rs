//! What tokens are checked by.

use std::{net::SocketAddr, time::Duration};

use ringback_auth::{Accepts, KeySet, SECRET_BYTES};
use ringback_call::TenantId;

use super::hooks::url;
use crate::settings::{
    Auth, Jwks, Keys,
    source::{Problems, Raw},
};

/// Secrets, and addresses, at most: each may be tried for each token.
const MOST: usize = 16;

pub(super) fn auth(raw: &Raw, listen: Option<SocketAddr>, problems: &mut Problems) -> Option<Auth> {
    if raw.auth.dev {
        let public = listen.is_some_and(|listen| !listen.ip().is_loopback());
        if public && !raw.auth.dev_anywhere {
            problems.add(
                "auth.dev",
                "lets anybody be anybody, so server.listen must be a loopback address (or set auth.dev_anywhere)",
            );
        }
        return Some(Auth::Dev);
    }
    let auth = &raw.auth;
    let mut fixed = KeySet::default();
    if !auth.hs256_secret.is_empty() {
        if auth.hs256_secret.len() < SECRET_BYTES {
            problems.add("auth.hs256_secret", "must be 32 bytes or more (RFC 7518 section 3.2)");
        }
        fixed = KeySet::secret(auth.hs256_secret.as_bytes());
    }
    for text in &auth.hs256_keys {
        match KeySet::read(text) {
            Ok(key) => fixed = fixed.and(&key),
            Err(error) => problems.add("auth.hs256_keys", error),
        }
    }
    if auth.hs256_keys.len() > MOST {
        problems.add("auth.hs256_keys", format_args!("must be {MOST} at most"));
    }
    let jwks = jwks(raw, problems);
    if fixed.is_empty() && jwks.is_empty() && auth.hs256_keys.is_empty() && auth.jwks_urls.is_empty() {
        problems.add(
            "auth.hs256_secret",
            "(or auth.hs256_keys, or auth.jwks_urls) is needed to check tokens (or try --dev on your own machine)",
        );
        return None;
    }
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Some(Auth::Signed(Keys {
        secret: auth.hs256_secret.clone(),
        fixed,
        accepts: Accepts { issuer: given(&auth.issuer), audience: given(&auth.audience) },
        jwks,
        refresh: Duration::from_millis(auth.jwks_refresh_ms),
        stale: Duration::from_millis(auth.jwks_stale_ms),
    }))
}

fn jwks(raw: &Raw, problems: &mut Problems) -> Vec<Jwks> {
    let auth = &raw.auth;
    if auth.jwks_urls.len() > MOST {
        problems.add("auth.jwks_urls", format_args!("must be {MOST} at most"));
    }
    if auth.jwks_refresh_ms < 1_000 {
        problems.add("auth.jwks_refresh_ms", "must be at least 1000");
    }
    if auth.jwks_stale_ms < auth.jwks_refresh_ms {
        problems.add(
            "auth.jwks_stale_ms",
            "must be at least auth.jwks_refresh_ms, or keys are gone before they are fetched",
        );
    }
    let read = |text: &String| {
        let (tenant, address) = match text.split_once('=').filter(|(name, _)| !name.contains(':')) {
            Some((name, address)) => (Some(TenantId::new(name).ok()?), address),
            None => (None, text.as_str()),
        };
        Some(Jwks { url: url(address)?, tenant })
    };
    let mut all = Vec::new();
    for text in &auth.jwks_urls {
        match read(text) {
            Some(one) => all.push(one),
            // It may name what is private: it is not repeated.
            None => problems.add(
                "auth.jwks_urls",
                "must be http:// or https://, a host and a path, without a user's name (or \"tenant=\" and that)",
            ),
        }
    }
    all
}

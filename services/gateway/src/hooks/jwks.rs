//! Fetches the keys that tokens may be signed with (JWK sets, RFC 7517), and keeps them while they can't be fetched.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::http::HeaderMap;
use headers::{CacheControl, HeaderMapExt as _};
use ringback_auth::{KeySet, Verifier};
use ringback_call::TenantId;
use ringback_node::tokens::KeySource;
use ringback_telemetry::{Fetched, Metrics};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::client::{Line, body_of, causes};
use crate::settings::{Jwks, Keys};

/// How long one fetch may take, ...
const PATIENCE: Duration = Duration::from_secs(3);
/// ... and how long a set may be, in bytes.
const MAX_BYTES: usize = 262_144;
/// How soon keys are fetched again that could not be.
const AGAIN: Duration = Duration::from_secs(5);
/// How soon they are fetched again because a token names one that nobody knows: anybody can make up such a token.
const UNKNOWN: Duration = Duration::from_secs(2);
/// No `max-age` makes them be fetched more often.
const LEAST: Duration = Duration::from_secs(10);

/// Where keys come from.
pub struct Fetcher {
    verifier: Arc<Verifier>,
    metrics: Arc<Metrics>,
    refresh: Duration,
    stale: Duration,
    /// Held while they are fetched: who comes meanwhile waits for the same.
    state: Mutex<State>,
}

struct State {
    sources: Vec<Source>,
    /// When they were fetched last, or should have been.
    tried: Option<Instant>,
}

/// One address.
struct Source {
    line: Line,
    tenant: Option<TenantId>,
    /// What it said last, and when.
    known: Option<(KeySet, Instant)>,
    /// Whether the last attempt failed.
    fails: bool,
}

/// Why there are no keys.
struct Failed {
    result: Fetched,
    why: String,
}

impl Fetcher {
    /// That teaches this verifier.
    ///
    /// # Errors
    /// When certificates are needed, and the machine has none.
    pub fn new(keys: &Keys, verifier: Arc<Verifier>, metrics: Arc<Metrics>) -> std::io::Result<Arc<Self>> {
        let sources = keys.jwks.iter().map(Source::new).collect::<std::io::Result<_>>()?;
        let state = Mutex::new(State { sources, tried: None });
        Ok(Arc::new(Self { verifier, metrics, refresh: keys.refresh, stale: keys.stale, state }))
    }

    /// Fetches them again and again, until told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let pause = match stop
                .run_until_cancelled(async { self.fetch(&mut *self.state.lock().await).await })
                .await
            {
                Some(pause) => pause,
                None => return,
            };
            if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Fetches all of them; how soon to do so again.
    async fn fetch(&self, state: &mut State) -> Duration {
        state.tried = Some(Instant::now());
        let mut pause = self.refresh;
        for source in &mut state.sources {
            let answer = timeout(PATIENCE, source.fetch()).await;
            let late = |_| Err(Failed { result: Fetched::Unreachable, why: "no answer in time".to_owned() });
            let result = match answer.unwrap_or_else(late) {
                Ok((keys, passed_over, max_age)) => {
                    pause = pause.min(max_age.unwrap_or(self.refresh).max(LEAST));
                    if source.fails || source.known.is_none() {
                        tracing::info!(keys = keys.len(), passed_over, "keys for tokens are fetched");
                    }
                    source.known = Some((keys, Instant::now()));
                    source.fails = false;
                    Fetched::Ok
                }
                Err(Failed { result, why }) => {
                    pause = pause.min(AGAIN);
                    source.known.take_if(|(_, at)| at.elapsed() > self.stale);
                    if !source.fails {
                        let keeps = source.known.is_some();
                        tracing::warn!(why, keeps, "the keys for tokens can't be fetched (auth.jwks_urls)");
                    }
                    source.fails = true;
                    result
                }
            };
            self.metrics.jwks_fetches.inc((result,));
        }
        let known = || state.sources.iter().filter_map(|source| source.known.as_ref());
        let all = known().fold(KeySet::default(), |all, (keys, _)| all.and(keys));
        self.verifier.learn(&all);
        let oldest = known().map(|(_, at)| at.elapsed()).max().unwrap_or_default();
        self.metrics.jwks_age.set((), oldest.as_secs_f64());
        pause
    }
}

#[async_trait]
impl KeySource for Fetcher {
    async fn look_again(&self) {
        let mut state = self.state.lock().await;
        if state.tried.is_none_or(|tried| tried.elapsed() >= UNKNOWN) {
            self.fetch(&mut state).await;
        }
    }
}

/// Fetches the keys of one address once, for whoever wants to know whether it is of use.
///
/// # Errors
/// Why it is not, without the address.
pub async fn fetch_once(jwks: &Jwks) -> Result<KeySet, String> {
    let source = Source::new(jwks).map_err(|error| error.to_string())?;
    match timeout(PATIENCE, source.fetch()).await {
        Ok(Ok((keys, ..))) => Ok(keys),
        Ok(Err(Failed { why, .. })) => Err(why),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

impl Source {
    fn new(Jwks { url, tenant }: &Jwks) -> std::io::Result<Self> {
        Ok(Self { line: Line::new(url.clone())?, tenant: tenant.clone(), known: None, fails: false })
    }

    async fn fetch(&self) -> Result<(KeySet, usize, Option<Duration>), Failed> {
        let invalid = |why: String| Failed { result: Fetched::Invalid, why };
        let answer = self.line.get().await;
        let answer = answer.map_err(|error| Failed { result: Fetched::Unreachable, why: causes(&error) })?;
        let max_age = max_age(answer.headers());
        let body = body_of(answer, MAX_BYTES).await.map_err(invalid)?;
        let read = KeySet::read_jwks(&body, self.tenant.as_ref());
        read.map(|(keys, passed_over)| (keys, passed_over, max_age))
            .map_err(|error| invalid(error.to_string()))
    }
}

/// For how long an answer is good (RFC 9111 section 5.2.2.1).
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    headers.typed_get::<CacheControl>()?.max_age()
}

//! What an operator can choose. The defaults are a commented file compiled in, which is also the schema: a key that
//! is not in it does not exist.

mod check;
mod chosen;
mod secrets;
mod source;

use std::{net::SocketAddr, path::Path, time::Duration};

use axum::http::Uri;
use ringback_auth::{Accepts, KeySet};
use ringback_call::{BusyPolicy, Rules, TenantId, Timeouts as CallTimeouts};
use ringback_node::{Config, outbox::Terms, policy};
use ringback_store::Partitions;
use ringback_store_redis::{Credentials, Durability};
use ringback_telemetry::TraceSettings;
use serde::Deserialize;

use crate::{hooks::signature::Secret, tls, visitors::Manners};

pub use chosen::Chosen;
pub use source::{DEFAULTS, Overrides, Problems};

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// What makes that safe, if this gateway does.
    pub tls: Option<tls::Files>,
    /// Where operators look.
    pub admin_listen: SocketAddr,
    /// What makes that safe.
    pub admin_tls: Option<tls::Files>,
    /// How those have to behave who connect.
    pub manners: Manners,
    /// What the node does.
    pub node: Config,
    /// Where it keeps everything.
    pub store: Store,
    /// How tokens are checked.
    pub auth: Auth,
    /// What is logged.
    pub log: Log,
    /// Whether anything is counted and measured.
    pub metrics: bool,
    /// Where traces of calls go, if anywhere.
    pub traces: Option<TraceSettings>,
    /// Where outcome events go, if anywhere.
    pub webhooks: Option<Webhooks>,
    /// Who is asked about each call, if anybody.
    pub policy: Option<Policy>,
}

/// Who is asked about each call.
#[derive(Clone)]
pub struct Policy {
    /// Its address.
    pub url: Uri,
    /// What it knows the gateways by.
    pub secrets: Vec<Secret>,
    /// How it is asked.
    pub asking: policy::Settings,
}

/// The address may name what is private: it is not shown.
impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Policy({} secrets, {:?})", self.secrets.len(), self.asking)
    }
}

/// A receiver of outcome events.
#[derive(Clone)]
pub struct Webhooks {
    /// Its address.
    pub url: Uri,
    /// What it knows them by.
    pub secrets: Vec<Secret>,
    /// How they are delivered.
    pub terms: Terms,
}

/// The address may name what is private: it is not shown.
impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Webhooks({} secrets, {:?})", self.secrets.len(), self.terms)
    }
}

/// Where everything is kept.
#[derive(Clone)]
pub struct Store {
    /// Its address.
    pub url: String,
    /// Who Redis takes us for, where the address does not say.
    pub credentials: Credentials,
    /// Who Sentinels take us for.
    pub sentinel_credentials: Credentials,
    /// Into how many parts its keys are cut.
    pub partitions: Partitions,
    /// What has to have a change before it is acknowledged.
    pub durability: Durability,
    /// Connections to each primary.
    pub connections: usize,
}

impl Store {
    /// Whether it is this process itself.
    pub fn is_in_memory(&self) -> bool {
        self.url.starts_with("memory:")
    }
}

/// The address may hold a password: it is not shown.
impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url: _, credentials: _, sentinel_credentials: _, partitions, durability, connections } =
            self;
        write!(f, "Store({} partitions, {durability:?}, {connections} connections)", partitions.count())
    }
}

/// How tokens are checked.
#[derive(Clone)]
pub enum Auth {
    /// Anybody can be anybody.
    Dev,
    /// By these keys.
    Signed(Keys),
}

/// What tokens are checked by.
#[derive(Clone)]
pub struct Keys {
    /// `auth.hs256_secret`, if it is set, which new tokens can be signed with.
    pub secret: String,
    /// All secrets.
    pub fixed: KeySet,
    /// Whose tokens are accepted.
    pub accepts: Accepts,
    /// Where more keys are fetched.
    pub jwks: Vec<Jwks>,
    /// How often.
    pub refresh: Duration,
    /// For how long they are good when they can't be.
    pub stale: Duration,
}

/// Where a set of public keys is fetched.
#[derive(Clone)]
pub struct Jwks {
    /// The address.
    pub url: Uri,
    /// The only tenant that they speak for.
    pub tenant: Option<TenantId>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dev => "Dev",
            Self::Signed(_) => "Signed",
        })
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    /// As `RUST_LOG`.
    pub filter: String,
    /// How.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

impl Settings {
    /// Defaults, then the file, then the environment, then the flags.
    ///
    /// # Errors
    /// Every problem there is, not just the first.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, Problems> {
        let (raw, problems) = source::load(file, std::env::vars(), overrides)?.into_raw()?;
        check::check(raw, problems)
    }

    /// Those that are not as by default, if all of them are sound.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn chosen(file: Option<&Path>, overrides: Overrides) -> Result<Chosen, Problems> {
        let loaded = source::load(file, std::env::vars(), overrides)?;
        let chosen = Chosen::of(&loaded.values, &loaded.defaults);
        let (raw, problems) = loaded.into_raw()?;
        let unusable = check::certificates(&check::check(raw, problems)?);
        if unusable.0.is_empty() { Ok(chosen) } else { Err(unusable) }
    }

    /// Where operators look, and whether by TLS: for who asks a gateway that runs, whatever has become of its files since.
    ///
    /// # Errors
    /// When the settings don't say.
    pub fn admin_port(file: Option<&Path>, overrides: Overrides) -> Result<(SocketAddr, bool), Problems> {
        let (raw, _) = source::load(file, std::env::vars(), overrides)?.into_raw()?;
        let mut problems = Problems::default();
        let address = check::address("admin.listen", &raw.admin.listen, &mut problems);
        address.map(|address| (address, !raw.admin.tls_cert.is_empty())).ok_or(problems)
    }
}

fn rules(
    calls: &source::Calls,
    limits: &source::Limits,
    timeouts: &source::Timeouts,
    busy: BusyPolicy,
) -> Rules {
    let defaults = Rules::default();
    Rules {
        timeouts: CallTimeouts {
            placing_ms: timeouts.placing_ms,
            idle_ms: timeouts.idle_ms,
            ringing_ms: timeouts.ringing_ms,
            waking_ms: timeouts.waking_ms,
            connecting_ms: timeouts.connecting_ms,
            reconnect_ms: timeouts.reconnect_ms,
            session_ms: timeouts.session_ms,
            report_ms: defaults.timeouts.report_ms.min(calls.ended_ttl_ms),
        },
        busy,
        max_held: limits.held_candidates,
        max_unseen: limits.unseen_entries,
        max_reports: defaults.max_reports,
        max_steps: calls.timeline_steps,
        max_calls: limits.calls_per_user,
    }
}

#[cfg(test)]
mod tests;

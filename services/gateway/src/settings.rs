//! What an operator can choose. The defaults are a commented file compiled in, which is also the schema: a key that
//! is not in it does not exist.

mod check;
mod source;

use std::{net::SocketAddr, path::Path, time::Duration};

use ringback_call::{BusyPolicy, Millis, NodeId, Rules, Timeouts as CallTimeouts};
use ringback_store::Partitions;
use ringback_wire::Limits as WireLimits;
use serde::Deserialize;

pub use source::{DEFAULTS, Overrides, Problems};

/// All settings, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where operators look.
    pub admin_listen: SocketAddr,
    /// This gateway's name.
    pub node: NodeId,
    /// How often it proves that it lives.
    pub node_heartbeat: Duration,
    /// How long a proof holds.
    pub node_ttl_ms: Millis,
    /// The store's address.
    pub store_url: String,
    /// Into how many parts its keys are cut.
    pub partitions: Partitions,
    /// How tokens are checked.
    pub auth: Auth,
    /// Times of a connection.
    pub connection: ConnectionTimes,
    /// The rules of calls.
    pub rules: Rules,
    /// Bounds on frames.
    pub frames: WireLimits,
    /// Bounds on connections.
    pub limits: ConnectionLimits,
    /// How long calls are kept.
    pub keep: Keep,
    /// How often deadlines are looked for.
    pub sweep: Duration,
    /// STUN servers for clients.
    pub ice_urls: Vec<String>,
    /// How long a drain may take.
    pub drain: Duration,
    /// What is logged.
    pub log: Log,
}

/// How tokens are checked.
#[derive(Clone)]
pub enum Auth {
    /// Anybody can be anybody.
    Dev,
    /// By this secret.
    Hs256(String),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dev => "Dev",
            Self::Hs256(_) => "Hs256",
        })
    }
}

/// Times of a connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionTimes {
    /// From the upgrade to hello.
    pub hello: Duration,
    /// Between two signs of life.
    pub heartbeat: Duration,
    /// For one frame to leave.
    pub write: Duration,
    /// How long a session is kept whose connection is gone.
    pub resume_ms: Millis,
}

/// Bounds on one connection and one user.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Requests a second.
    pub requests_per_second: u32,
    /// Requests at once.
    pub request_burst: u32,
    /// Connected devices of a user.
    pub devices_per_user: usize,
    /// Frames that wait for one connection.
    pub outbox_frames: usize,
}

/// How long calls are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// A live one, after its last change.
    pub live_ms: Millis,
    /// An ended one.
    pub ended_ms: Millis,
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
        let (raw, problems) = source::load(file, std::env::vars(), overrides)?;
        check::check(raw, problems)
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
            connecting_ms: timeouts.connecting_ms,
            reconnect_ms: timeouts.reconnect_ms,
            session_ms: timeouts.session_ms,
            report_ms: defaults.timeouts.report_ms.min(calls.ended_ttl_ms),
        },
        busy,
        max_held: limits.held_candidates,
        max_notes: defaults.max_notes,
        max_calls: limits.calls_per_user,
    }
}

#[cfg(test)]
mod tests;

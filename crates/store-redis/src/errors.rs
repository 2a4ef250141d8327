//! What an error of Redis or of the connection says about the command that got it.

use std::fmt;

use fred::{
    error::{Error, ErrorKind},
    types::config::Server,
};

/// Settings a store can't be made of.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not one fred reads, or it wants TLS and the certificates can't be read.
    #[error("can't be used")]
    Url(#[source] Error),
    /// A setting is out of bounds.
    #[error("{0}")]
    Setting(&'static str),
}

/// What is known of a command that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It was not applied: the partition is at this primary now.
    Moved(Server),
    /// It was not applied, and may be later: a failover, a moving slot, a full queue, a missing password.
    Refused,
    /// The connection broke or nobody answered: it may have been applied.
    Unknown,
    /// It never will be: a mistake of ours, or somebody else's data under our keys.
    Final,
}

/// Errors of a server that pass.
const PASSING: [&str; 11] = [
    "ASK",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "READONLY",
    "LOADING",
    "MASTERDOWN",
    "BUSY",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    // Flushed again between loading a script and running it.
    "NOSCRIPT",
];

impl Fault {
    pub(crate) fn of(error: &Error) -> Self {
        let details = error.details();
        let code = details.split_whitespace().next().unwrap_or_default();
        if code == "MOVED" {
            return moved_to(details).map_or(Self::Refused, Self::Moved);
        }
        if PASSING.contains(&code) {
            return Self::Refused;
        }
        match error.kind() {
            ErrorKind::Auth | ErrorKind::Backpressure => Self::Refused,
            ErrorKind::IO
            | ErrorKind::Timeout
            | ErrorKind::Canceled
            | ErrorKind::Cluster
            | ErrorKind::Routing
            | ErrorKind::Sentinel => Self::Unknown,
            // A server's error begins with a code in capitals; the rest is fred's own.
            ErrorKind::Unknown if !is_code(code) => Self::Unknown,
            _ => Self::Final,
        }
    }
}

fn is_code(word: &str) -> bool {
    word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// `MOVED 3999 10.0.0.7:6381`
fn moved_to(details: &str) -> Option<Server> {
    let (host, port) = details.split_whitespace().nth(2)?.rsplit_once(':')?;
    (!host.is_empty()).then_some(Server::from((host, port.parse().ok()?)))
}

/// Why an operation was given up.
#[derive(Debug)]
pub(crate) enum GivenUp {
    /// No primary is known, or it can't be reached.
    NoPrimary,
    /// No replica had the commit in time.
    NoReplica,
    /// The partition has lost data, which is being written anew.
    Settling,
    /// The store was closed.
    Closed,
    /// The last error before the time was over.
    TooLate(Error),
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrimary => f.write_str("no primary could be reached in time"),
            Self::NoReplica => f.write_str("no replica had it in time"),
            Self::Settling => f.write_str("Redis has lost data, which is being written anew"),
            Self::Closed => f.write_str("the store is closed"),
            Self::TooLate(_) => f.write_str("no answer in time"),
        }
    }
}

impl std::error::Error for GivenUp {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::TooLate(error) => Some(error),
            Self::NoPrimary | Self::NoReplica | Self::Settling | Self::Closed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_tell_whether_a_command_was_applied() {
        let fault = |kind, details: &'static str| Fault::of(&Error::new(kind, details));
        let moved = fault(ErrorKind::Cluster, "MOVED 3999 10.0.0.7:6381");
        assert_eq!(moved, Fault::Moved(Server::from(("10.0.0.7", 6381))));
        assert_eq!(fault(ErrorKind::Cluster, "MOVED 3999 :6381"), Fault::Refused);
        assert_eq!(fault(ErrorKind::Cluster, "CLUSTERDOWN Hash slot not served"), Fault::Refused);
        assert_eq!(fault(ErrorKind::Unknown, "READONLY You can't write"), Fault::Refused);
        assert_eq!(fault(ErrorKind::Unknown, "Client is not initialized."), Fault::Unknown);
        assert_eq!(fault(ErrorKind::IO, "Connection reset"), Fault::Unknown);
        assert_eq!(fault(ErrorKind::Timeout, "Request timed out."), Fault::Unknown);
        assert_eq!(fault(ErrorKind::Unknown, "ERR user_script: 3"), Fault::Final);
        assert_eq!(fault(ErrorKind::InvalidArgument, "WRONGTYPE Operation"), Fault::Final);
    }
}

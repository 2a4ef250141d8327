//! Why a call did not go as it should.

use std::fmt;

use crate::protocol::Kind;

/// In which way it went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A request was refused, with this code.
    Refused(Kind, String),
    /// This did not come in time.
    Missing(Kind),
    /// A request had no reply in time.
    NoReply,
    /// Something else came.
    Unexpected {
        /// What should have.
        wanted: Kind,
        /// What did.
        got: Kind,
    },
    /// The call ended early, for that reason.
    Ended(String),
    /// The call ended in time, but for that reason.
    Reason(String),
    /// A user has no connection any more.
    Gone,
    /// A user's connection takes no more requests.
    Stuck,
    /// Of two who called each other, neither was made the callee.
    NoGlare,
}

impl Failure {
    /// What is no failure where connections are cut on purpose: who is away can't be called.
    pub(crate) fn excuse(&self) -> Option<&'static str> {
        match self {
            Self::Ended(reason) if reason == "offline" => Some("offline: the callee was cut"),
            Self::NoGlare => Some("no glare: one of the two was cut"),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(kind, code) => write!(f, "{} was refused: {code}", kind.name()),
            Self::Missing(kind) => write!(f, "{} did not come", kind.name()),
            Self::NoReply => write!(f, "a request had no reply"),
            Self::Unexpected { wanted, got } => write!(f, "{} came instead of {}", got.name(), wanted.name()),
            Self::Ended(reason) => write!(f, "ended early: {reason}"),
            Self::Reason(reason) => write!(f, "ended with {reason}"),
            Self::Gone => write!(f, "a user is gone"),
            Self::Stuck => write!(f, "a connection is stuck"),
            Self::NoGlare => write!(f, "two calls instead of one"),
        }
    }
}

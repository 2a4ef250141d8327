//! Why a call ended. Each call has exactly one of these as its outcome.

use serde::{Deserialize, Serialize};

/// The `reason` of `call:ended`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Either side hung up after the accept (SIP BYE).
    Hangup,
    /// The caller gave up before the accept (SIP CANCEL, 487).
    Cancelled,
    /// The callee refused (SIP 603).
    Rejected,
    /// The callee is in another call, or said so (SIP 486).
    Busy,
    /// Nobody answered in time (SIP 480).
    NoAnswer,
    /// For one device: another of the same user took the call (SIP CANCEL, "Call completed elsewhere").
    AnsweredElsewhere,
    /// The callee has no connected device (SIP 480).
    Offline,
    /// The policy refused the call (SIP 403).
    Denied,
    /// The set-up took longer than it may (SIP 408).
    SetupTimeout,
    /// No media path was found.
    IceFailed,
    /// No microphone or camera was to be had.
    MediaDenied,
    /// A device went away and did not come back in time.
    ConnectionLost,
    /// An operator or the service ended it.
    EndedByServer,
}

impl EndReason {
    /// Every reason, for tables and label sets.
    pub const ALL: [Self; 13] = [
        Self::Hangup,
        Self::Cancelled,
        Self::Rejected,
        Self::Busy,
        Self::NoAnswer,
        Self::AnsweredElsewhere,
        Self::Offline,
        Self::Denied,
        Self::SetupTimeout,
        Self::IceFailed,
        Self::MediaDenied,
        Self::ConnectionLost,
        Self::EndedByServer,
    ];

    /// Whether the service, a device or the networks failed, rather than a person saying no or not being there.
    pub const fn is_failure(self) -> bool {
        match self {
            Self::SetupTimeout
            | Self::IceFailed
            | Self::MediaDenied
            | Self::ConnectionLost
            | Self::EndedByServer => true,
            Self::Hangup
            | Self::Cancelled
            | Self::Rejected
            | Self::Busy
            | Self::NoAnswer
            | Self::AnsweredElsewhere
            | Self::Offline
            | Self::Denied => false,
        }
    }

    /// As the protocol spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hangup => "hangup",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::AnsweredElsewhere => "answered_elsewhere",
            Self::Offline => "offline",
            Self::Denied => "denied",
            Self::SetupTimeout => "setup_timeout",
            Self::IceFailed => "ice_failed",
            Self::MediaDenied => "media_denied",
            Self::ConnectionLost => "connection_lost",
            Self::EndedByServer => "ended_by_server",
        }
    }
}

/// What a callee may give as the reason of `call:reject`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Does not want to talk.
    #[default]
    Rejected,
    /// Is engaged.
    Busy,
}

impl From<RejectReason> for EndReason {
    fn from(reason: RejectReason) -> Self {
        match reason {
            RejectReason::Rejected => Self::Rejected,
            RejectReason::Busy => Self::Busy,
        }
    }
}

/// What a device may give as the reason of `call:end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndRequest {
    /// Its person wants to end it: `cancelled` before the accept, `hangup` after it, whichever of the two
    /// words the client chose.
    #[default]
    #[serde(alias = "cancelled")]
    Hangup,
    /// Its ICE agent found no path.
    IceFailed,
    /// It was given no microphone or camera.
    MediaDenied,
}

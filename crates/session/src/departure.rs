//! How a connection ends.

use ringback_wire::CloseCode;

/// Why a connection ended: one place for its close code, its label and how loudly it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Departure {
    /// The client closed it, or its network did.
    Client,
    /// We close it, and say why.
    Closed(CloseCode),
}

impl Departure {
    /// The code to close with, if we are the ones to close.
    pub const fn close_code(self) -> Option<CloseCode> {
        match self {
            Self::Client => None,
            Self::Closed(code) => Some(code),
        }
    }

    /// A short name for logs and labels.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Closed(code) => match code {
                CloseCode::GoingAway => "going_away",
                CloseCode::SlowReader => "slow_reader",
                CloseCode::NoPong => "no_pong",
                CloseCode::TooManyRequests => "too_many_requests",
                CloseCode::BadFrame => "bad_frame",
                CloseCode::BadToken => "bad_token",
                CloseCode::NoHello => "no_hello",
                CloseCode::Replaced => "replaced",
                CloseCode::FrameTooLarge => "frame_too_large",
                CloseCode::EndedByOperator => "ended_by_operator",
            },
        }
    }
}

impl From<CloseCode> for Departure {
    fn from(code: CloseCode) -> Self {
        Self::Closed(code)
    }
}

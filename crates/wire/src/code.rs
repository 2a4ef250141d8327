//! The codes of errors.

use ringback_call::Rejection;
use serde::Serialize;

/// The `code` of an error reply (protocol section 4). Stable: clients switch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// No valid token.
    Unauthorized,
    /// The frame is understood to be wrong.
    BadRequest,
    /// A part of it is larger than it may be.
    TooLarge,
    /// Too often, or too many.
    RateLimited,
    /// Unknown, ended long ago, or not yours.
    NoSuchCall,
    /// Not valid in this state, or not from this side.
    InvalidState,
    /// The peer's offer is open.
    Glare,
    /// Another device has the call.
    AnsweredElsewhere,
    /// A bounded buffer is full.
    BufferFull,
    /// The store can't be reached.
    Unavailable,
    /// This gateway is going away.
    Draining,
}

impl ErrorCode {
    /// Every code, for tables and label sets.
    pub const ALL: [Self; 11] = [
        Self::Unauthorized,
        Self::BadRequest,
        Self::TooLarge,
        Self::RateLimited,
        Self::NoSuchCall,
        Self::InvalidState,
        Self::Glare,
        Self::AnsweredElsewhere,
        Self::BufferFull,
        Self::Unavailable,
        Self::Draining,
    ];

    /// As the protocol spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::BadRequest => "bad_request",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::NoSuchCall => "no_such_call",
            Self::InvalidState => "invalid_state",
            Self::Glare => "glare",
            Self::AnsweredElsewhere => "answered_elsewhere",
            Self::BufferFull => "buffer_full",
            Self::Unavailable => "unavailable",
            Self::Draining => "draining",
        }
    }
}

impl From<Rejection> for ErrorCode {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::BadRequest(_) => Self::BadRequest,
            Rejection::NoSuchCall => Self::NoSuchCall,
            Rejection::InvalidState(_) => Self::InvalidState,
            Rejection::Glare => Self::Glare,
            Rejection::AnsweredElsewhere => Self::AnsweredElsewhere,
            Rejection::BufferFull(_) => Self::BufferFull,
            Rejection::Outdated => Self::Unavailable,
        }
    }
}

//! Why a connection is closed.

/// The WebSocket close codes of the protocol (section 2). 4000–4499: come back and resume; 4500–4999: do not, until
/// something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The gateway is going away.
    GoingAway,
    /// The client reads too slowly.
    SlowReader,
    /// The client does not answer pings.
    NoPong,
    /// The client asks too much.
    TooManyRequests,
    /// A frame that can't be understood at all.
    BadFrame,
    /// The token is bad or has expired.
    BadToken,
    /// No hello in time.
    NoHello,
    /// A newer connection of this device took over.
    Replaced,
    /// A frame larger than allowed.
    FrameTooLarge,
    /// An operator ended it.
    EndedByOperator,
}

impl CloseCode {
    /// Every code, for tables and label sets.
    pub const ALL: [Self; 10] = [
        Self::GoingAway,
        Self::SlowReader,
        Self::NoPong,
        Self::TooManyRequests,
        Self::BadFrame,
        Self::BadToken,
        Self::NoHello,
        Self::Replaced,
        Self::FrameTooLarge,
        Self::EndedByOperator,
    ];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 4000,
            Self::SlowReader => 4001,
            Self::NoPong => 4002,
            Self::TooManyRequests => 4003,
            Self::BadFrame => 4500,
            Self::BadToken => 4501,
            Self::NoHello => 4502,
            Self::Replaced => 4503,
            Self::FrameTooLarge => 4504,
            Self::EndedByOperator => 4505,
        }
    }

    /// The reason sent with it: short, for people.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "server going away",
            Self::SlowReader => "too slow a reader",
            Self::NoPong => "no answer to pings",
            Self::TooManyRequests => "too many requests",
            Self::BadFrame => "bad frame",
            Self::BadToken => "bad or expired token",
            Self::NoHello => "no hello in time",
            Self::Replaced => "replaced by a newer connection of this device",
            Self::FrameTooLarge => "frame too large",
            Self::EndedByOperator => "ended by an operator",
        }
    }

    /// Whether a client should come back by itself.
    pub const fn may_return(self) -> bool {
        self.code() < 4500
    }
}

//! Names of things. None of them prints itself in full: `Debug` gives a short form that is good enough to follow
//! one user or call through a log and too little to identify or to address it.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::Timestamp;

/// A string that is no valid id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct InvalidId {
    what: &'static str,
    rule: &'static str,
}

impl InvalidId {
    pub(crate) const fn new(what: &'static str, rule: &'static str) -> Self {
        Self { what, rule }
    }
}

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $tag:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "Arc<str>", into = "Arc<str>")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes the string.
            ///
            /// # Errors
            /// When it is not of the allowed form.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId { what: $what, rule: $rule }) }
            }

            /// The whole string: for the wire and the store, never for a log.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($tag, "~{:08x}"), xxh3_64(self.0.as_bytes()) as u32)
            }
        }

        impl TryFrom<Arc<str>> for $name {
            type Error = InvalidId;
            fn try_from(text: Arc<str>) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for Arc<str> {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

/// W3C Trace Context, section 3.2: ids of zeros alone are not valid, nor is version ff.
fn is_traceparent(text: &str) -> bool {
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |text: &str, length: usize| hex(text, length) && text.bytes().any(|b| b != b'0');
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), [version, trace, parent, flags]
        if hex(version, 2) && *version != "ff" && is_id(trace, 32) && is_id(parent, 16) && hex(flags, 2))
}

impl TraceParent {
    /// The trace, in hexadecimal.
    pub fn trace_id(&self) -> &str {
        self.part(1)
    }

    /// The client's span, in hexadecimal.
    pub fn parent_id(&self) -> &str {
        self.part(2)
    }

    /// Whether the client keeps its own part of the trace.
    pub fn is_sampled(&self) -> bool {
        u8::from_str_radix(self.part(3), 16).is_ok_and(|flags| flags & 1 == 1)
    }

    fn part(&self, place: usize) -> &str {
        self.as_str().split('-').nth(place).unwrap_or_default()
    }
}

impl Detail {
    /// Of a call whose time, as the policy set it, was up.
    pub fn max_duration() -> Self {
        Self(Arc::from("max_duration"))
    }

    /// Of a call about which the policy could not be asked.
    pub fn policy_unavailable() -> Self {
        Self(Arc::from("policy_unavailable"))
    }

    /// Of a call to a user who has been called too often of late.
    pub fn rate_limited() -> Self {
        Self(Arc::from("rate_limited"))
    }

    /// Of a call that its caller's token does not allow.
    pub fn not_granted() -> Self {
        Self(Arc::from("not_granted"))
    }
}

pub(crate) fn is_token(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

string_id!(
    /// Why a call ended as it did, for programs and for people: what the policy says as it refuses, or `max_duration`. 1–128
    /// bytes without control characters.
    Detail,
    "a detail",
    "detail",
    "1 to 128 bytes without control characters",
    |text| (1..=128).contains(&text.len()) && !text.chars().any(char::is_control)
);
string_id!(
    /// Where a client's own trace is (W3C Trace Context, `traceparent`).
    TraceParent,
    "a traceparent",
    "trace",
    "<version>-<trace id>-<parent id>-<flags>, in lower-case hexadecimal",
    is_traceparent
);
string_id!(
    /// An installation of the application. 1–64 of `A-Za-z0-9._-`.
    DeviceId,
    "a device id",
    "device",
    "1 to 64 of A-Za-z0-9._-",
    |text| is_token(text, 64)
);
string_id!(
    /// A call. 1–64 of `A-Za-z0-9._-`, opaque to clients; names the partition it is stored in.
    CallId,
    "a call id",
    "call",
    "1 to 64 of A-Za-z0-9._-",
    |text| is_token(text, 64)
);
string_id!(
    /// A session of one device, which may outlive its connection. Knowing it lets its owner resume.
    SessionId,
    "a session id",
    "session",
    "1 to 64 of A-Za-z0-9._-",
    |text| is_token(text, 64)
);

/// A gateway process. 1–64 of `A-Za-z0-9._-`; not private, so it prints.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Arc<str>", into = "Arc<str>")]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// Checks and takes the name.
    ///
    /// # Errors
    /// When it is not of the allowed form.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
        let text = text.into();
        if is_token(&text, 64) {
            Ok(Self(text))
        } else {
            Err(InvalidId { what: "a node id", rule: "1 to 64 of A-Za-z0-9._-" })
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<Arc<str>> for NodeId {
    type Error = InvalidId;
    fn try_from(text: Arc<str>) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<NodeId> for Arc<str> {
    fn from(id: NodeId) -> Self {
        id.0
    }
}

/// One connection of a device. Begins with the moment it was opened, so that of two connections of one device the newer
/// is the greater; the low bits tell apart connections of one millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    const SALT_BITS: u32 = 20;

    /// Of a connection opened at this moment; of `salt`, 20 bits count.
    pub const fn new(opened_at: Timestamp, salt: u32) -> Self {
        Self(opened_at.0 << Self::SALT_BITS | (salt as u64 & ((1 << Self::SALT_BITS) - 1)))
    }

    /// Of a connection opened at this microsecond since the epoch; of `salt`, 10 bits count.
    pub const fn at_micros(micros: u64, salt: u32) -> Self {
        let low = (micros % 1_000) as u32;
        Self::new(Timestamp(micros / 1_000), low << 10 | (salt & 1_023))
    }

    /// When it was opened.
    pub const fn opened_at(self) -> Timestamp {
        Timestamp(self.0 >> Self::SALT_BITS)
    }
}

/// The `id` a client gave a request: positive, growing within one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_do_not_print_themselves() {
        let session = SessionId::new("5e55-10n").unwrap();
        assert!(!format!("{session:?}").contains("5e55"));
        assert_eq!(format!("{session:?}"), format!("{:?}", SessionId::new("5e55-10n").unwrap()));
    }

    #[test]
    fn a_newer_connection_is_greater_whatever_its_salt() {
        let (older, newer) = (ConnectionId::new(Timestamp(5), u32::MAX), ConnectionId::new(Timestamp(6), 0));
        assert!(older < newer);
        assert_eq!((older.opened_at(), newer.opened_at()), (Timestamp(5), Timestamp(6)));
    }

    #[test]
    fn connections_of_one_millisecond_keep_their_order() {
        let at = |micros, salt| ConnectionId::at_micros(micros, salt);
        assert!(at(5_000_001, u32::MAX) < at(5_000_002, 0) && at(5_000_999, u32::MAX) < at(5_001_000, 0));
        assert_eq!(at(5_000_999, 7).opened_at(), Timestamp(5_000));
    }

    #[test]
    fn traces_are_named_as_w3c_has_it() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let named = TraceParent::new(format!("00-{trace}-{span}-01")).unwrap();
        assert_eq!((named.trace_id(), named.parent_id(), named.is_sampled()), (trace, span, true));
        assert!(!TraceParent::new(format!("00-{trace}-{span}-02")).unwrap().is_sampled());
        let (zeros, upper) = ("0".repeat(32), trace.to_uppercase());
        for bad in [
            String::new(),
            format!("ff-{trace}-{span}-01"),
            format!("00-{zeros}-{span}-01"),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{upper}-{span}-01"),
            format!("00-{trace}-{span}-1"),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-more"),
        ] {
            assert!(TraceParent::new(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn device_ids_keep_to_their_alphabet() {
        assert!(DeviceId::new("d-7f.A_9").is_ok());
        for bad in ["", "a b", "ä", "{x}", &"x".repeat(65)] {
            assert!(DeviceId::new(bad).is_err(), "{bad}");
        }
    }
}

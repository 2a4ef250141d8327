//! What clients say to each other through us. It passes unread, and it never prints.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is. Its form and size are checked at the edge, by `ringback-wire`.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text, for the wire and the store, never for a log.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

opaque!(
    /// A session description (RFC 8866) as the client wrote it.
    Sdp
);
opaque!(
    /// One `RTCIceCandidateInit`, or `null` for the end of candidates, as JSON text.
    Candidate
);
opaque!(
    /// What an application attaches to a call for the callee to see, as JSON text.
    Metadata
);
opaque!(
    /// A client's report on its media, as JSON text.
    Stats
);

/// What kinds of media the caller proposes; the descriptions decide in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Media {
    /// Sound.
    #[serde(default)]
    pub audio: bool,
    /// Picture.
    #[serde(default)]
    pub video: bool,
}

impl Default for Media {
    /// A call that says nothing is a voice call.
    fn default() -> Self {
        Self { audio: true, video: false }
    }
}

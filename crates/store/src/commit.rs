//! A change of one call, as a store sees it.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use bytes::Bytes;
use ringback_call::{CallId, Millis, NodeId, Side, Timestamp};

use serde::{Deserialize, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Outgoing, Pair, size::Size};

/// Which change of a document it is, and a stamp of its contents. A failover may lose the newest changes, and then two
/// histories have a third change each: the stamp tells them apart, so that nothing decided on one is stored over the
/// other. Written as `3.9f3a2b1c`; `0` stands for "there is none".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub struct Version {
    /// Counts the changes, from 1.
    pub count: u64,
    /// Of the document's bytes.
    pub stamp: u32,
}

/// Without the names of its fields, which every message between gateways would carry.
impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.count, self.stamp).serialize(serializer)
    }
}

impl Version {
    /// Of a document that does not exist.
    pub const NONE: Self = Self { count: 0, stamp: 0 };

    /// Of the next change, which writes these bytes.
    #[must_use]
    pub fn next(self, document: &[u8]) -> Self {
        Self { count: self.count + 1, stamp: xxh3_64(document) as u32 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE { f.write_str("0") } else { write!(f, "{}.{:08x}", self.count, self.stamp) }
    }
}

/// A text that is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version")]
pub struct NotAVersion;

impl FromStr for Version {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        if text == "0" {
            return Ok(Self::NONE);
        }
        let (count, stamp) = text.split_once('.').ok_or(NotAVersion)?;
        let count = count.parse().map_err(|_| NotAVersion)?;
        Ok(Self { count, stamp: u32::from_str_radix(stamp, 16).map_err(|_| NotAVersion)? })
    }
}

/// A document as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// Which one it is.
    pub version: Version,
    /// Its bytes.
    pub document: Bytes,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored(version {}, {} bytes)", self.version, self.document.len())
    }
}

/// One change of one call. All of it happens, or nothing.
#[derive(Clone)]
pub struct Commit {
    /// Which call.
    pub call: CallId,
    /// The version this change was decided on; [`Version::NONE`] makes the document.
    pub expected: Version,
    /// The version it makes: [`Version::next`] of the expected one, or of a history that is put back.
    pub version: Version,
    /// The document as it will be.
    pub document: Bytes,
    /// How long document, logs and the pair's pointer live from now, unless changed again.
    pub ttl_ms: Millis,
    /// When the call wants to be looked at again; `None` takes the deadline away.
    pub deadline: Option<Timestamp>,
    /// Whether the three are written: time to live, deadline, and the pair's pointer. `false` where they are as they were, but
    /// for a little of the time: then a store may leave them. Where there was no document, it writes them all the same.
    pub renews: bool,
    /// The call's users.
    pub pair: Pair,
    /// Whether, and how, the pair's pointer is claimed for this call.
    pub claim: Claim,
    /// What is appended to its logs and published.
    pub entries: Vec<Entry>,
    /// What is taken out of its logs.
    pub trims: Vec<(Log, RangeInclusive<u64>)>,
    /// What is put into the outbox of the call's partition.
    pub outgoing: Outgoing,
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, expected, version, document, ttl_ms, deadline, renews, .. } = self;
        let Self { pair, claim, entries, trims, outgoing, .. } = self;
        f.debug_struct("Commit")
            .field("call", call)
            .field("expected", expected)
            .field("version", version)
            .field("document", &Size::of(document))
            .field("ttl_ms", ttl_ms)
            .field("deadline", deadline)
            .field("renews", renews)
            .field("pair", pair)
            .field("claim", claim)
            .field("entries", entries)
            .field("trims", trims)
            .field("outgoing", outgoing)
            .finish()
    }
}

/// The pair's pointer names the newest call between two users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It names this call already.
    Held,
    /// It must name none, or this call, and names this call from now on.
    Free,
    /// It must name this (ended) call, and names ours from now on.
    After(CallId),
}

/// An entry of one of the call's logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which log.
    pub log: Log,
    /// Its number in it.
    pub seq: u64,
    /// Its bytes, stored and published as they are.
    pub body: Bytes,
    /// The nodes it is published to.
    pub nodes: Vec<NodeId>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({:?} {}, {} bytes, to {:?})", self.log, self.seq, self.body.len(), self.nodes)
    }
}

/// The logs of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Log {
    /// What is said to the devices of one side.
    Mailbox(Side),
    /// What is kept about the call.
    Notes,
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It was applied.
    Applied,
    /// Another change came first (or this very one, sent twice): the document as it is. `None`: there is none.
    Conflict(Option<Stored>),
    /// The pair's pointer names another call.
    PairTaken {
        /// Which.
        call: CallId,
        /// Its document, unless its time is over.
        stored: Option<Stored>,
    },
}

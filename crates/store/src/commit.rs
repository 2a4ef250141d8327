//! A change of one call, as a store sees it.

use bytes::Bytes;
use ringback_call::{CallId, Millis, NodeId, Side, Timestamp};

use crate::Pair;

/// Counts the changes of a document, from 1; 0 stands for "there is none".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub u64);

impl Version {
    /// Of a document that does not exist.
    pub const NONE: Self = Self(0);

    /// Of the next change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
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
        write!(f, "Stored(version {}, {} bytes)", self.version.0, self.document.len())
    }
}

/// One change of one call. All of it happens, or nothing.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Which call.
    pub call: CallId,
    /// The version this change was decided on; [`Version::NONE`] makes the document.
    pub expected: Version,
    /// The document as it will be, at version `expected.next()`.
    pub document: Bytes,
    /// How long document, logs and the pair's pointer live from now, unless changed again.
    pub ttl_ms: Millis,
    /// When the call wants to be looked at again; `None` takes the deadline away.
    pub deadline: Option<Timestamp>,
    /// The call's users.
    pub pair: Pair,
    /// Whether, and how, the pair's pointer is claimed for this call.
    pub claim: Claim,
    /// What is appended to its logs and published.
    pub entries: Vec<Entry>,
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
    /// It was applied; this is the version now.
    Applied(Version),
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

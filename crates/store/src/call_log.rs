//! A user's log of calls: what is kept of them once they are over.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{CallId, DeviceId, Millis, Timestamp, UserId};

use crate::{StoreError, size::Size};

/// Devices of one user whose word is kept on what they know of; of more, those whose word is the oldest are forgotten.
pub const DEVICES_HEARD: usize = 64;

/// What is to be remembered of a call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When it did.
    pub at: Timestamp,
    /// For how long it is remembered as one of the last, for a device that was away then.
    pub keep_ms: Millis,
    /// What is written into the user's log, if anything is.
    pub log: Option<LogEntry>,
}

/// What is written into a user's log.
#[derive(Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The call, for whoever reads the log.
    pub record: Bytes,
    /// Whether it is one of those that the user's devices are told of.
    pub missed: bool,
    /// How much is kept.
    pub bounds: LogBounds,
}

impl fmt::Debug for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, missed, bounds } = self;
        f.debug_struct("LogEntry")
            .field("record", &Size::of(record))
            .field("missed", missed)
            .field("bounds", bounds)
            .finish()
    }
}

/// How much of a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBounds {
    /// So many calls, the last.
    pub entries: usize,
    /// For so long after their end.
    pub age_ms: Millis,
}

/// Which part of a log is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// What comes after this call in the log, that is, ended before it; `None`: from the newest on.
    pub before: Option<LogPlace>,
    /// Only what ended at this time or later.
    pub since: Timestamp,
    /// So many at most.
    pub limit: usize,
}

/// A call's place in a log: by its end, and by its id among those that ended in the same millisecond.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    /// When it ended.
    pub ended_at: Timestamp,
    /// Which.
    pub call: CallId,
}

/// Missed calls that a device does not know of.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Missed {
    /// Their records, the newest first.
    pub records: Vec<Bytes>,
    /// What the device may confirm: it knows then of all that were written down until this moment, which no two calls
    /// share. 0 where there are none.
    pub until: Timestamp,
}

impl fmt::Debug for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, until } = self;
        let records: Vec<Size> = records.iter().map(Size::of).collect();
        f.debug_struct("Missed").field("records", &records).field("until", until).finish()
    }
}

/// Users' logs of calls. Written by [`Users::delist`](crate::Users::delist): a call is written down once, and again only
/// if what is known of its end is another.
#[async_trait]
pub trait CallLog: Send + Sync {
    /// A part of a user's log, the newest call first.
    async fn log(&self, user: &UserId, page: LogPage) -> Result<Vec<(LogPlace, Bytes)>, StoreError>;

    /// The missed calls of a user that were written down since a device confirmed, at most `limit`, the newest. Those
    /// that were written down until `since` count as confirmed.
    async fn missed(
        &self,
        user: &UserId,
        device: &DeviceId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Missed, StoreError>;

    /// A device knows of the missed calls that were written down until then. Kept for `ttl_ms`; an older word does not
    /// take the place of a newer one.
    async fn confirm(
        &self,
        user: &UserId,
        device: &DeviceId,
        until: Timestamp,
        ttl_ms: Millis,
    ) -> Result<(), StoreError>;
}

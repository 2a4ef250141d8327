//! Which partitions could not be looked at, and until when: what was due in an outage of the store is told so.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use ringback_call::{Millis, Timestamp};
use ringback_store::Partition;

/// For how long after an outage it is told to the calls that were due in it.
const REMEMBERED_MS: Millis = 60_000;

#[derive(Debug, Default)]
pub(super) struct Outages(Mutex<HashMap<Partition, Away>>);

/// An outage of one partition.
#[derive(Clone, Copy, Debug)]
enum Away {
    /// It goes on.
    Still,
    /// It was over then.
    Until(Timestamp),
}

impl Outages {
    /// A partition was there, or was not.
    pub(super) fn note(&self, partition: Partition, there: bool, now: Timestamp) {
        let mut away = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (there, away.get(&partition).copied()) {
            (false, _) => {
                away.insert(partition, Away::Still);
            }
            (true, Some(Away::Still)) => {
                away.insert(partition, Away::Until(now));
            }
            (true, Some(Away::Until(until))) if now.since(until) > REMEMBERED_MS => {
                away.remove(&partition);
            }
            (true, _) => {}
        }
    }

    /// Until when a partition was away, if it has been of late.
    pub(super) fn away_until(&self, partition: Partition, now: Timestamp) -> Option<Timestamp> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&partition)? {
            Away::Still => Some(now),
            Away::Until(until) => Some(*until),
        }
    }
}

//! Which partitions could not be looked at, and until when: what was due in an outage of the store is told so.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use ringback_call::{Millis, Timestamp};
use ringback_store::{Partition, StoreError};

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
    /// A partition was looked at. One that answers what can't be read is there.
    pub(super) fn note<T>(&self, partition: Partition, looked: &Result<T, StoreError>, now: Timestamp) {
        let there = !looked.as_ref().is_err_and(StoreError::is_transient);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_does_not_answer_is_away() {
        let (outages, partition) = (Outages::default(), Partition(1));
        let note = |looked: Result<(), StoreError>, at| outages.note(partition, &looked, Timestamp(at));
        note(Err(StoreError::corrupt("deadlines", "torn")), 1);
        assert_eq!(outages.away_until(partition, Timestamp(2)), None);
        note(Err(StoreError::unavailable("away")), 3);
        assert_eq!(outages.away_until(partition, Timestamp(4)), Some(Timestamp(4)));
        note(Ok(()), 5);
        assert_eq!(outages.away_until(partition, Timestamp(6)), Some(Timestamp(5)));
        note(Ok(()), 6 + REMEMBERED_MS);
        assert_eq!(outages.away_until(partition, Timestamp(7 + REMEMBERED_MS)), None);
    }
}

//! Events read as call detail records: those of all partitions, in the order in which they were stored.

use std::{fmt, str::FromStr};

use ringback_call::{Millis, Timestamp};
use ringback_store::{DeadLetter, Letter, Partition, Position, Retention, StoreError};

use super::merge::{self, Wanted};
use crate::Node;

/// Dead letters that are read at once to be sent anew.
const REDELIVERED_AT_ONCE: usize = 100;
/// Events are shown after this time: by then none is stored any more that belongs before them, though the clocks of the
/// partitions' servers differ by as much.
const SETTLED_MS: Millis = 2_000;

/// A letter's place among those of all partitions, ordered by time. Written as `1795510033937-0-p12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    at: Timestamp,
    partition: Partition,
    seq: u64,
}

impl Mark {
    /// Of a letter.
    pub const fn of(partition: Partition, position: Position) -> Self {
        Self { at: position.at, partition, seq: position.seq }
    }

    /// In which partition.
    pub const fn partition(self) -> Partition {
        self.partition
    }

    /// Where in it.
    pub const fn position(self) -> Position {
        Position { at: self.at, seq: self.seq }
    }

    /// The place in another partition behind which everything comes after this.
    fn in_partition(self, partition: Partition) -> Position {
        if partition == self.partition {
            self.position()
        } else if partition < self.partition {
            Position { at: self.at, seq: u64::MAX }
        } else {
            let before = self.at.0.checked_sub(1).map(|at| Position { at: Timestamp(at), seq: u64::MAX });
            before.unwrap_or(Position::START)
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.position(), self.partition)
    }
}

/// A text that is no mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a mark")]
pub struct NotAMark;

impl FromStr for Mark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let (position, partition) = text.rsplit_once("-p").ok_or(NotAMark)?;
        let position: Position = position.parse().map_err(|_| NotAMark)?;
        let partition = partition.parse().map(Partition).map_err(|_| NotAMark)?;
        Ok(Self::of(partition, position))
    }
}

/// A letter with its mark.
pub struct Marked<T> {
    /// Its place.
    pub mark: Mark,
    /// The letter.
    pub letter: T,
}

impl Node {
    /// At most `limit` events after a mark, in order; those of the last two seconds are not among them yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn events(&self, after: Option<Mark>, limit: usize) -> Result<Vec<Marked<Letter>>, StoreError> {
        let until = Timestamp(self.clock.now().0.saturating_sub(SETTLED_MS));
        let read = |partition, from, limit| self.store.browse(partition, from, limit);
        let wanted = Wanted { limit, until };
        merge::first(self.starts(after), wanted, read, |letter: &Letter| letter.position).await
    }

    /// At most `limit` dead letters after a mark, in the order in which they died.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dead_letters(
        &self,
        after: Option<Mark>,
        limit: usize,
    ) -> Result<Vec<Marked<DeadLetter>>, StoreError> {
        let read = |partition, from, limit| self.store.browse_dead(partition, from, limit);
        let wanted = Wanted { limit, until: Timestamp(u64::MAX) };
        merge::first(self.starts(after), wanted, read, |dead: &DeadLetter| dead.letter.position).await
    }

    /// Where in each partition that begins which comes after a mark.
    fn starts(&self, after: Option<Mark>) -> Vec<(Partition, Position)> {
        let from = |partition| after.map_or(Position::START, |after| after.in_partition(partition));
        self.store.partitions().all().map(|partition| (partition, from(partition))).collect()
    }

    /// Sends dead letters anew, at most `limit`, in the order in which they died; how many were, and whether there may be
    /// more.
    ///
    /// # Errors
    /// When the store fails. Some may have been sent then.
    pub async fn redeliver_all(&self, limit: usize) -> Result<(usize, bool), StoreError> {
        let (mut after, mut seen, mut sent) = (None, 0, 0);
        while seen < limit {
            let page = self.dead_letters(after, REDELIVERED_AT_ONCE.min(limit - seen)).await?;
            // Their letters are not kept until all are sent.
            let marks: Vec<Mark> = page.into_iter().map(|dead| dead.mark).collect();
            let Some(last) = marks.last() else { return Ok((sent, false)) };
            after = Some(*last);
            seen += marks.len();
            for mark in marks {
                sent += usize::from(self.redeliver(mark).await?);
            }
        }
        Ok((sent, true))
    }

    /// Sends a dead letter anew; `false` if there is no such letter.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn redeliver(&self, dead: Mark) -> Result<bool, StoreError> {
        if dead.partition.0 >= self.store.partitions().count() {
            return Ok(false);
        }
        let retention: Retention = self.config.events.retention;
        let revived = self.store.revive(dead.partition, dead.position(), retention).await?;
        self.calls.doorbell.ring(dead.partition);
        Ok(revived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_can_be_written_down() {
        let mark = Mark { at: Timestamp(17), partition: Partition(63), seq: 2 };
        assert_eq!(mark.to_string(), "17-2-p63");
        assert_eq!("17-2-p63".parse(), Ok(mark));
        for bad in ["", "17-2", "17-2-63", "p63", "x-2-p63", "17-2-p99999"] {
            assert!(bad.parse::<Mark>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_comes_after_a_mark_does_in_every_partition() {
        let mark = Mark { at: Timestamp(17), partition: Partition(5), seq: 2 };
        for (at, partition, seq) in [(17, 4, 9), (17, 5, 2), (17, 5, 3), (17, 6, 0), (16, 6, 9), (18, 4, 0)] {
            let other = Mark { at: Timestamp(at), partition: Partition(partition), seq };
            assert_eq!(other > mark, other.position() > mark.in_partition(other.partition), "{other}");
        }
    }
}

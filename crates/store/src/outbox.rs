//! What is to be delivered outside the cluster, at least once and in order: a transactional outbox in each partition.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{Millis, NodeId, Timestamp};

use crate::{Partition, StoreError};

/// Letters that [`Calls::commit`](crate::Calls::commit) has put into a partition's outbox, for whoever delivers them.
///
/// One node at a time does: it holds the partition's lease, which runs out by itself. A letter that was handed out is
/// *pending* until it is acknowledged or buried; who takes the lease is given all that is pending anew. Delivered
/// letters stay readable for as long as they are kept.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes or renews the lease, if there is anything to deliver, and hands out at most `limit` letters in their order:
    /// first those that were pending already, after the given position, then new ones. `None` is behind all that is
    /// pending. Who was without the lease is given all of it, whatever it asks for.
    async fn collect(
        &self,
        partition: Partition,
        lease: &Lease,
        pending_after: Option<Position>,
        limit: usize,
    ) -> Result<Collected, StoreError>;

    /// A letter was delivered, or is given up.
    async fn acknowledge(&self, partition: Partition, letter: Position) -> Result<(), StoreError>;

    /// A pending letter can't be delivered: moves it to the dead letters, of which so much is kept. One that is not pending
    /// (any more) is left alone.
    async fn bury(
        &self,
        partition: Partition,
        letter: &Letter,
        why: &str,
        retention: Retention,
    ) -> Result<(), StoreError>;

    /// Gives the lease up, if it is this node's.
    async fn release(&self, partition: Partition, holder: &NodeId) -> Result<(), StoreError>;

    /// How many letters were not delivered yet, whether they are pending or nobody has asked for them. Those that went with
    /// their time may be among them for as long as they are pending.
    async fn waiting(&self, partition: Partition) -> Result<u64, StoreError>;

    /// Letters after a position, delivered or not, in their order.
    async fn browse(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Letter>, StoreError>;

    /// Dead letters after a position, in the order in which they died.
    async fn browse_dead(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Puts a dead letter into the outbox anew; `false` if there is no such letter (any more).
    async fn revive(
        &self,
        partition: Partition,
        dead: Position,
        retention: Retention,
    ) -> Result<bool, StoreError>;
}

/// What a commit puts into the outbox.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Each letter, in order.
    pub letters: Vec<Bytes>,
    /// How long they are kept.
    pub retention: Retention,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} letters)", self.letters.len())
    }
}

/// How much of an outbox is kept, delivered or not, or of its dead letters. A store may keep some more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// A letter, from when it was stored (or died).
    pub keep_ms: Millis,
    /// So many letters of one partition; of more the oldest go.
    pub most: usize,
}

/// A claim to deliver a partition's letters.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Whose.
    pub holder: NodeId,
    /// For how long from now.
    pub ttl_ms: Millis,
}

/// A letter's place in its outbox. Written as `1795510033937-0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// When it was stored, by the clock of the store.
    pub at: Timestamp,
    /// Which of that millisecond.
    pub seq: u64,
}

impl Position {
    /// Before every letter.
    pub const START: Self = Self { at: Timestamp(0), seq: 0 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.0, self.seq)
    }
}

/// A text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position")]
pub struct NotAPosition;

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (at, seq) = text.split_once('-').ok_or(NotAPosition)?;
        let at = at.parse().map(Timestamp).map_err(|_| NotAPosition)?;
        Ok(Self { at, seq: seq.parse().map_err(|_| NotAPosition)? })
    }
}

/// A letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its place.
    pub position: Position,
    /// What it says.
    pub body: Bytes,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({}, {} bytes)", self.position, self.body.len())
    }
}

/// One that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The letter, at its place among the dead.
    pub letter: Letter,
    /// Why.
    pub why: String,
}

/// What [`Outbox::collect`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collected {
    /// There is nothing to deliver, and nobody needs the lease.
    Nothing,
    /// Another node delivers.
    Theirs,
    /// The lease is ours.
    Ours {
        /// It was not before: what was handed out to us earlier counts for nothing.
        anew: bool,
        /// To be delivered, in this order.
        letters: Vec<Letter>,
        /// Where to go on among what was pending; `None`: all of it has been handed out.
        pending_after: Option<Position>,
        /// Letters that went with their time before they were delivered.
        lost: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_can_be_written_down() {
        let position = Position { at: Timestamp(1_795_510_033_937), seq: 7 };
        assert_eq!(position.to_string().parse(), Ok(position));
        for bad in ["", "7", "7-", "-7", "7-x", "7-1-1", "7 -1"] {
            assert!(bad.parse::<Position>().is_err(), "{bad}");
        }
    }
}

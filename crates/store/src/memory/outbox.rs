//! Outboxes in memory.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{NodeId, Timestamp};

use super::MemoryStore;
use crate::{
    Collected, DeadLetter, Lease, Letter, Outbox, Outgoing, Partition, Position, Retention, StoreError,
};

/// One partition's.
#[derive(Clone, Default)]
pub(super) struct OutboxRow {
    letters: BTreeMap<Position, Bytes>,
    /// When all of it has outlived its time, unless more is put there.
    letters_until: Timestamp,
    dead: BTreeMap<Position, (Bytes, String)>,
    dead_until: Timestamp,
    /// The last position given to a letter, and to a dead one.
    last: Position,
    last_dead: Position,
    /// How far letters were handed out, and which of them have not been settled.
    handed_out: Position,
    pending: BTreeSet<Position>,
    lease: Option<(NodeId, Timestamp)>,
}

/// The position after `last`, now.
fn next(last: &mut Position, now: Timestamp) -> Position {
    *last =
        if now > last.at { Position { at: now, seq: 0 } } else { Position { seq: last.seq + 1, ..*last } };
    *last
}

/// Takes out what is not to be kept any more.
fn trim<T>(kept: &mut BTreeMap<Position, T>, retention: Retention, now: Timestamp) {
    let oldest = Timestamp(now.0.saturating_sub(retention.keep_ms));
    while kept.len() > retention.most
        || kept.first_key_value().is_some_and(|(position, _)| position.at < oldest)
    {
        kept.pop_first();
    }
}

impl OutboxRow {
    pub(super) fn put(&mut self, outgoing: &Outgoing, now: Timestamp) {
        for body in &outgoing.letters {
            self.put_one(body.clone(), outgoing.retention, now);
        }
    }

    fn put_one(&mut self, body: Bytes, retention: Retention, now: Timestamp) {
        self.letters.insert(next(&mut self.last, now), body);
        trim(&mut self.letters, retention, now);
        self.letters_until = now.after(retention.keep_ms);
    }

    /// Drops what has outlived its time.
    pub(super) fn expire(&mut self, now: Timestamp) {
        if now >= self.letters_until && !self.letters.is_empty() {
            self.letters.clear();
            self.pending.clear();
        }
        if now >= self.dead_until {
            self.dead.clear();
        }
    }

    fn has_nothing_to_deliver(&self) -> bool {
        let new = self.letters.last_key_value().is_some_and(|(position, _)| *position > self.handed_out);
        !new && self.pending.is_empty()
    }

    fn collect(
        &mut self,
        lease: &Lease,
        pending_after: Option<Position>,
        limit: usize,
        now: Timestamp,
    ) -> Collected {
        if self.has_nothing_to_deliver() {
            return Collected::Nothing;
        }
        let held = self.lease.as_ref().filter(|(_, until)| *until > now).map(|(holder, _)| holder);
        if held.is_some_and(|holder| *holder != lease.holder) {
            return Collected::Theirs;
        }
        let anew = held.is_none();
        self.lease = Some((lease.holder.clone(), now.after(lease.ttl_ms)));
        let mut letters = Vec::new();
        let mut lost = 0;
        let mut rest = if anew { Some(Position::START) } else { pending_after };
        if let Some(after) = rest.take() {
            let pending: Vec<Position> = self.pending.iter().copied().filter(|at| *at > after).collect();
            for position in pending.iter().copied().take(limit) {
                match self.letters.get(&position) {
                    Some(body) => letters.push(Letter { position, body: body.clone() }),
                    None => {
                        self.pending.remove(&position);
                        lost += 1;
                    }
                }
            }
            if pending.len() >= limit {
                rest = pending.into_iter().take(limit).next_back().or(Some(after));
                return Collected::Ours { anew, letters, pending_after: rest, lost };
            }
        }
        let room = limit.saturating_sub(letters.len());
        let new = self.letters.iter().filter(|(position, _)| **position > self.handed_out).take(room);
        let new: Vec<Letter> =
            new.map(|(position, body)| Letter { position: *position, body: body.clone() }).collect();
        for letter in new {
            self.handed_out = letter.position;
            self.pending.insert(letter.position);
            letters.push(letter);
        }
        Collected::Ours { anew, letters, pending_after: rest, lost }
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn collect(
        &self,
        partition: Partition,
        lease: &Lease,
        pending_after: Option<Position>,
        limit: usize,
    ) -> Result<Collected, StoreError> {
        let now = self.now();
        Ok(self.shelf(partition).outbox.collect(lease, pending_after, limit, now))
    }

    async fn acknowledge(&self, partition: Partition, letter: Position) -> Result<(), StoreError> {
        self.shelf(partition).outbox.pending.remove(&letter);
        Ok(())
    }

    async fn bury(
        &self,
        partition: Partition,
        letter: &Letter,
        why: &str,
        retention: Retention,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let mut shelf = self.shelf(partition);
        let outbox = &mut shelf.outbox;
        if outbox.pending.remove(&letter.position) {
            let position = next(&mut outbox.last_dead, now);
            outbox.dead.insert(position, (letter.body.clone(), why.to_owned()));
            trim(&mut outbox.dead, retention, now);
            outbox.dead_until = now.after(retention.keep_ms);
        }
        Ok(())
    }

    async fn release(&self, partition: Partition, holder: &NodeId) -> Result<(), StoreError> {
        let mut shelf = self.shelf(partition);
        shelf.outbox.lease.take_if(|(held_by, _)| held_by == holder);
        Ok(())
    }

    async fn waiting(&self, partition: Partition) -> Result<u64, StoreError> {
        let shelf = self.shelf(partition);
        let outbox = &shelf.outbox;
        let new = outbox.letters.keys().rev().take_while(|position| **position > outbox.handed_out);
        Ok((new.count() + outbox.pending.len()) as u64)
    }

    async fn browse(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Letter>, StoreError> {
        let shelf = self.shelf(partition);
        let letters = shelf.outbox.letters.iter().filter(|(position, _)| **position > after).take(limit);
        Ok(letters.map(|(position, body)| Letter { position: *position, body: body.clone() }).collect())
    }

    async fn browse_dead(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let shelf = self.shelf(partition);
        let dead = shelf.outbox.dead.iter().filter(|(position, _)| **position > after).take(limit);
        let letter = |(position, (body, why)): (&Position, &(Bytes, String))| DeadLetter {
            letter: Letter { position: *position, body: body.clone() },
            why: why.clone(),
        };
        Ok(dead.map(letter).collect())
    }

    async fn revive(
        &self,
        partition: Partition,
        dead: Position,
        retention: Retention,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let mut shelf = self.shelf(partition);
        let Some((body, _)) = shelf.outbox.dead.remove(&dead) else { return Ok(false) };
        shelf.outbox.put_one(body, retention, now);
        Ok(true)
    }
}

//! Documents, logs and deadlines in memory.

use std::ops::Bound;

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{CallId, Timestamp};

use super::{MemoryStore, shelf::Shelf};
use crate::{
    BusEvent, Calls, Claim, Commit, Committed, Deadlines, Due, Log, Partition, Store as _, StoreError,
    Stored, Version,
};

#[async_trait]
impl Calls for MemoryStore {
    async fn load(&self, call: &CallId) -> Result<Option<Stored>, StoreError> {
        let Some(partition) = self.partitions().of_call(call) else { return Ok(None) };
        Ok(self.shelf(partition).calls.get(call).map(|row| row.stored.clone()))
    }

    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        let Some(partition) = self.partitions().of_call(&commit.call) else {
            return Err(StoreError::corrupt("a call id", "it names no partition"));
        };
        let mut shelf = self.shelf(partition);
        if let Some(refused) = refuse(&shelf, &commit) {
            return Ok(refused);
        }
        let expires_at = self.now().after(commit.ttl_ms);
        // A call that only holds the pair leaves it to a later call that has claimed it since.
        let passed_on = shelf.pairs.get(&commit.pair).is_some_and(|row| row.call != commit.call);
        if commit.claim != Claim::Held || !passed_on {
            shelf.put_pair(&commit.pair, &commit.call, expires_at);
        }
        let now = self.now();
        shelf.outbox.put(&commit.outgoing, now);
        let row = shelf.put_call(
            &commit.call,
            Stored { version: commit.version, document: commit.document.clone() },
            expires_at,
        );
        for entry in &commit.entries {
            row.logs.insert((entry.log, entry.seq), entry.body.clone());
        }
        for (log, numbers) in &commit.trims {
            row.logs.retain(|(kept, seq), _| kept != log || !numbers.contains(seq));
        }
        let before = std::mem::replace(&mut row.deadline, commit.deadline);
        if before != commit.deadline {
            if let Some(at) = before {
                shelf.deadlines.remove(&(at, commit.call.clone()));
            }
            if let Some(at) = commit.deadline {
                shelf.deadlines.insert((at, commit.call.clone()));
            }
        }
        // Published under the lock, as the script does: in the order of the versions.
        for entry in &commit.entries {
            for node in &entry.nodes {
                let document = Some(commit.document.clone());
                self.send(node, BusEvent::Entry { body: entry.body.clone(), document });
            }
        }
        Ok(Committed::Applied)
    }

    async fn settle(&self, _call: &CallId, _version: Version) -> Result<(), StoreError> {
        Ok(())
    }

    async fn read(
        &self,
        call: &CallId,
        log: Log,
        first: u64,
        last: u64,
    ) -> Result<Vec<(u64, Bytes)>, StoreError> {
        let Some(partition) = self.partitions().of_call(call) else { return Ok(Vec::new()) };
        if first > last {
            return Ok(Vec::new());
        }
        let shelf = self.shelf(partition);
        let Some(row) = shelf.calls.get(call) else { return Ok(Vec::new()) };
        Ok(row.logs.range((log, first)..=(log, last)).map(|((_, seq), body)| (*seq, body.clone())).collect())
    }
}

fn refuse(shelf: &Shelf, commit: &Commit) -> Option<Committed> {
    let stored = shelf.calls.get(&commit.call).map(|row| &row.stored);
    if stored.map_or(Version::NONE, |stored| stored.version) != commit.expected {
        return Some(Committed::Conflict(stored.cloned()));
    }
    let held = shelf.pairs.get(&commit.pair).map(|row| &row.call);
    let taken = match (&commit.claim, held) {
        (Claim::Held, _) | (_, None) => None,
        (_, Some(held)) if *held == commit.call => None,
        (Claim::Free, Some(held)) => Some(held),
        (Claim::After(ended), Some(held)) => (held != ended).then_some(held),
    };
    taken.map(|call| Committed::PairTaken {
        call: call.clone(),
        stored: shelf.calls.get(call).map(|row| row.stored.clone()),
    })
}

#[async_trait]
impl Deadlines for MemoryStore {
    async fn due(
        &self,
        partition: Partition,
        after: Option<&Due>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        let shelf = self.shelf(partition);
        let after = after.map(|Due { at, call }| (*at, call.clone()));
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let due =
            shelf.deadlines.range((from, Bound::Unbounded)).take_while(|(at, _)| *at <= now).take(limit);
        Ok(due.map(|(at, call)| Due { at: *at, call: call.clone() }).collect())
    }

    async fn forget(&self, call: &CallId) -> Result<(), StoreError> {
        if let Some(partition) = self.partitions().of_call(call) {
            let mut shelf = self.shelf(partition);
            if !shelf.calls.contains_key(call) {
                shelf.deadlines.retain(|(_, member)| member != call);
            }
        }
        Ok(())
    }

    async fn reschedule(
        &self,
        call: &CallId,
        due: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let Some(partition) = self.partitions().of_call(call) else { return Ok(()) };
        let mut shelf = self.shelf(partition);
        let Some(row) = shelf.calls.get_mut(call) else { return Ok(()) };
        let goes = |at: &Timestamp| if next.is_some() { *at <= due } else { *at == due };
        if let Some(at) = row.deadline.filter(goes) {
            row.deadline = next;
            shelf.deadlines.remove(&(at, call.clone()));
            shelf.deadlines.extend(next.map(|next| (next, call.clone())));
        }
        Ok(())
    }
}

//! The documents this gateway saw last, and the newest entries of their mailboxes. Only a guess as to what is stored:
//! each commit is checked against the store. But should the store lose what it had, this is what is put back.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use ringback_call::{Call, CallId};
use ringback_store::{
    Entry, Log, StoreError, Stored, Version,
    record::{self, Document},
};
use tokio::sync::Mutex;

/// Calls remembered at most. One takes about a kilobyte, some ten while it is set up.
const MAX_CALLS: u64 = 100_000;
/// A call nobody asked about for so long is forgotten.
const IDLE: Duration = Duration::from_secs(1_800);
/// Entries remembered of one call, and their bytes.
const MAX_ENTRIES: usize = 64;
const MAX_BYTES: usize = 128 * 1024;

/// A document as it was seen.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which one.
    pub version: Version,
    /// What it says.
    pub document: Document,
    /// The same as it is stored.
    pub bytes: Bytes,
}

impl Known {
    /// Reads what the store holds now.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(stored: &Stored) -> Result<Self, StoreError> {
        let document = record::decode_call(&stored.document)?;
        Ok(Self { version: stored.version, document, bytes: stored.document.clone() })
    }

    /// The call.
    pub const fn call(&self) -> &Call {
        &self.document.call
    }

    /// Whether this is what `older` has become, as far as that can be told.
    pub(super) fn descends_from(&self, older: Version) -> bool {
        self.document.descends_from(self.version, older)
    }
}

/// One call's place. Its lock makes commands of one gateway take turns, so that they do not conflict in the store.
pub(super) type Slot = Mutex<Place>;

#[derive(Default)]
pub(super) struct Place {
    pub(super) known: Option<Known>,
    pub(super) recent: Recent,
}

impl Place {
    /// Takes what the store is known to hold.
    pub(super) fn learn(&mut self, known: Known) {
        self.recent.trim(known.call());
        self.known = Some(known);
    }
}

/// The newest entries of a call's mailboxes that nobody is known to have seen.
#[derive(Default)]
pub(super) struct Recent {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Recent {
    pub(super) fn push(&mut self, log: Log, seq: u64, body: Bytes) {
        self.bytes += body.len();
        self.entries.push_back(Entry { log, seq, body, nodes: Vec::new() });
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.body.len();
        }
    }

    /// Forgets what has been taken out of the mailboxes.
    fn trim(&mut self, call: &Call) {
        self.entries.retain(|entry| match entry.log {
            Log::Mailbox(side) => {
                let mailbox = &call.mailboxes[side];
                entry.seq > mailbox.trimmed || mailbox.own.is_none_or(|own| entry.seq <= own)
            }
            Log::Notes => false,
        });
        self.bytes = self.entries.iter().map(|entry| entry.body.len()).sum();
    }

    /// What the mailboxes of this call are known to hold.
    pub(super) fn entries(&self, call: &Call) -> Vec<Entry> {
        let there = |entry: &&Entry| match entry.log {
            Log::Mailbox(side) => entry.seq <= call.mailboxes[side].last,
            Log::Notes => false,
        };
        self.entries.iter().filter(there).cloned().collect()
    }
}

pub(super) struct Cache(moka::sync::Cache<CallId, Arc<Slot>>);

impl Default for Cache {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(MAX_CALLS).time_to_idle(IDLE).build())
    }
}

impl Cache {
    /// A call's place, made if there is none.
    pub(super) fn slot(&self, call: &CallId) -> Arc<Slot> {
        self.0.get_with_by_ref(call, Arc::default)
    }

    /// A call's place if there is one.
    pub(super) fn find(&self, call: &CallId) -> Option<Arc<Slot>> {
        self.0.get(call)
    }

    pub(super) fn forget(&self, call: &CallId) {
        self.0.invalidate(call);
    }

    /// Every place there is, in the order of the calls' names.
    pub(super) fn all(&self) -> Vec<(CallId, Arc<Slot>)> {
        let mut all: Vec<_> = self.0.iter().map(|(call, slot)| ((*call).clone(), slot)).collect();
        all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        all
    }
}

#[cfg(test)]
mod tests {
    use ringback_call::Side;

    use super::*;

    #[test]
    fn what_is_remembered_of_a_call_is_bounded() {
        let mut recent = Recent::default();
        for seq in 1..=1_000 {
            recent.push(Log::Mailbox(Side::Caller), seq, Bytes::from(vec![0; 4_096]));
        }
        assert_eq!((recent.entries.len(), recent.bytes), (32, 128 * 1024));
        assert_eq!(recent.entries.front().unwrap().seq, 969);
        recent.push(Log::Mailbox(Side::Caller), 1_001, Bytes::from(vec![0; 4 * MAX_BYTES]));
        assert!(recent.entries.is_empty() && recent.bytes == 0, "one too large to be kept");
    }
}

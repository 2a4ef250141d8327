//! What a call's mailboxes hold, as far as it was heard of.

use std::{collections::VecDeque, ops::RangeInclusive};

use bytes::Bytes;
use ringback_call::{Call, Side};
use ringback_store::{
    Entry, Log,
    record::{self, Envelope},
};

use super::Known;

/// Entries remembered of one call, and their bytes.
pub(super) const MAX_ENTRIES: usize = 64;
pub(super) const MAX_BYTES: usize = 128 * 1024;

/// The newest entries of a call's mailboxes that nobody is known to have seen.
#[derive(Default)]
pub(super) struct Recent {
    pub(super) entries: VecDeque<Entry>,
    pub(super) bytes: usize,
}

impl Recent {
    /// Notes are not put back, and would only drive out what is.
    pub(super) fn push(&mut self, log: Log, seq: u64, body: Bytes) {
        if log == Log::Notes {
            return;
        }
        if self.entries.iter().any(|entry| (entry.log, entry.seq, &entry.body) == (log, seq, &body)) {
            return;
        }
        self.bytes += body.len();
        self.entries.push_back(Entry { log, seq, body, nodes: Vec::new() });
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.body.len();
        }
    }

    /// Forgets what has been taken out of the mailboxes.
    pub(super) fn trim(&mut self, call: &Call) {
        self.entries.retain(|entry| match entry.log {
            Log::Mailbox(side) => {
                let mailbox = &call.mailboxes[side];
                // Of a call that is over, the end is enough.
                if call.has_ended() {
                    return entry.seq == mailbox.last;
                }
                entry.seq > mailbox.trimmed || mailbox.own.is_none_or(|own| entry.seq <= own)
            }
            Log::Notes => false,
        });
        self.bytes = self.entries.iter().map(|entry| entry.body.len()).sum();
    }

    /// The numbers of one side's mailbox that only the `lost` history of two has handed out.
    pub(super) fn alone(&self, side: Side, lost: &Known, stored: &Known) -> Option<RangeInclusive<u64>> {
        let ours = self.entries.iter().filter(|entry| entry.log == Log::Mailbox(side));
        let alone = ours.filter(|entry| {
            let envelope = record::decode::<Envelope>("an envelope", &entry.body);
            envelope.is_ok_and(|envelope| !stored.may_descend_from(envelope.version))
        });
        let numbers: Vec<u64> = alone.map(|entry| entry.seq).collect();
        let (ours, theirs) = (lost.call().mailboxes[side].last, stored.call().mailboxes[side].last);
        let first = numbers.iter().min().copied().or((ours > theirs).then_some(theirs + 1))?;
        Some(first..=numbers.into_iter().fold(ours, u64::max))
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

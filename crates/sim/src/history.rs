//! What was committed, and what of it the store has lost. For the oracles, and for nobody else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ringback_call::{CallId, CallRecord, Side, State};
use ringback_store::{Commit, Partition, Partitions, record};
use tokio::time::Instant;

/// Changes of all calls.
#[derive(Debug)]
pub struct History {
    partitions: Partitions,
    start: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    calls: BTreeMap<CallId, Past>,
    losses: Vec<Loss>,
    /// Whatever was kept.
    failovers: Vec<Loss>,
}

/// What is known of one call.
#[derive(Debug, Default)]
struct Past {
    /// Candidates that wait for their description.
    held: BTreeSet<String>,
    /// Candidates that waited when the call ended, or when it was changed last: nobody gets them.
    discarded: BTreeSet<String>,
    /// When it was changed, in virtual milliseconds.
    changes: Vec<u64>,
    /// When it was answered or ended, or became again what it had been before.
    turns: Vec<u64>,
    /// What remains of it, once it has ended.
    record: Option<CallRecord>,
    /// Whether anybody had answered it, and whether it had ended, when it was changed last.
    stands: (bool, bool),
}

/// What a store lost for good: the commits of these partitions between two moments.
#[derive(Debug)]
struct Loss {
    partitions: Vec<Partition>,
    from: u64,
    to: u64,
}

impl Loss {
    fn took(&self, at: u64) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

impl History {
    /// Nothing has happened yet.
    pub fn new(partitions: Partitions) -> Self {
        Self { partitions, start: Instant::now(), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Virtual milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Every call there has been.
    pub(crate) fn calls(&self) -> Vec<CallId> {
        self.inner().calls.keys().cloned().collect()
    }

    /// A commit was applied.
    pub(crate) fn committed(&self, commit: &Commit) {
        let Ok(document) = record::decode_call(&commit.document) else { return };
        let now = self.now();
        let mut inner = self.inner();
        let past = inner.calls.entry(commit.call.clone()).or_default();
        past.changes.push(now);
        let stands = (document.call.bound(Side::Callee).is_some(), document.call.has_ended());
        if std::mem::replace(&mut past.stands, stands) != stands {
            past.turns.push(now);
        }
        past.record = CallRecord::of(&document.call);
        match &document.call.state {
            State::Connecting(dialog) | State::Connected { dialog, .. } => {
                let held = Side::BOTH.into_iter().flat_map(|side| &dialog.held[side]);
                past.held = held.filter_map(|candidate| words(candidate.as_str())).collect();
            }
            State::Ended(_) => {
                let held = std::mem::take(&mut past.held);
                past.discarded.extend(held);
            }
            State::Idle { .. } | State::Ringing { .. } => {}
        }
    }

    /// The store has lost what these partitions were told since then.
    pub(crate) fn lost(&self, partitions: &[Partition], from: u64) {
        let to = self.now();
        self.inner().losses.push(Loss { partitions: partitions.to_vec(), from, to });
    }

    /// A primary has died that was served last at this moment.
    pub(crate) fn failing_over(&self, partitions: &[Partition], from: u64) {
        let to = self.now();
        self.inner().failovers.push(Loss { partitions: partitions.to_vec(), from, to });
    }

    /// Whether a call's primary died between two moments.
    pub fn failed_over(&self, call: &str, from: u64, to: u64) -> bool {
        self.met(call, |inner| &inner.failovers, |loss, _| loss.from <= to && from <= loss.to)
    }

    /// Whether a primary died while no replica knew yet that a call was answered or had ended, as it was by this moment.
    pub fn turn_died(&self, call: &str, to: u64) -> bool {
        let turned = |loss: &Loss, past: &Past| past.turns.iter().any(|at| *at <= to && loss.took(*at));
        self.met(call, |inner| &inner.failovers, turned)
    }

    /// Whether what was stored of a call between two moments may be lost.
    pub fn may_be_lost(&self, call: &str, from: u64, to: u64) -> bool {
        self.met(call, |inner| &inner.losses, |loss, _| loss.from <= to && from <= loss.to)
    }

    /// Whether the store has lost a change of a call.
    pub fn is_torn(&self, call: &str) -> bool {
        self.met(call, |inner| &inner.losses, |loss, past| past.changes.iter().any(|at| loss.took(*at)))
    }

    /// Whether one of these losses, of the call's partition, is one of those asked for.
    fn met(&self, call: &str, of: fn(&Inner) -> &[Loss], asked: impl Fn(&Loss, &Past) -> bool) -> bool {
        let Ok(id) = CallId::new(call) else { return false };
        let Some(partition) = self.partitions.of_call(&id) else { return false };
        let inner = self.inner();
        let unknown = Past::default();
        let past = inner.calls.get(&id).unwrap_or(&unknown);
        of(&inner).iter().any(|loss| loss.partitions.contains(&partition) && asked(loss, past))
    }

    /// Whether a candidate is, or was to the end of its call, held back for want of its description.
    pub fn is_held(&self, call: &str, candidate: &str) -> bool {
        let Ok(id) = CallId::new(call) else { return false };
        let inner = self.inner();
        inner
            .calls
            .get(&id)
            .is_some_and(|past| past.held.contains(candidate) || past.discarded.contains(candidate))
    }

    /// What remains of the calls that have ended.
    pub fn ended(&self) -> Vec<CallRecord> {
        self.inner().calls.values().filter_map(|past| past.record.clone()).collect()
    }

    /// Whether the store has ever lost anything.
    pub fn has_losses(&self) -> bool {
        !self.inner().losses.is_empty()
    }
}

/// What a candidate says; nothing for the end of candidates.
fn words(json: &str) -> Option<String> {
    let candidate: serde_json::Value = serde_json::from_str(json).ok()?;
    candidate["candidate"].as_str().map(str::to_owned)
}

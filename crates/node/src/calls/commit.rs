//! Storing a decision: the document, what is said to whom, and when the call is looked at again, in one step.

use std::time::Duration;

use ringback_call::{Call, CallId, Decision, Timestamp};
use ringback_store::{
    Claim, Commit, Committed, Entry, Log, Pair, StoreError, Stored, Version,
    record::{self, Document, Envelope, Measured, NoteRecord},
};
use tokio::time::Instant;

use super::{Calls, Known, impossible_in_store, memory::Memory, unsure::Unsure};

/// How often at least a call's time to live is renewed within it, by each gateway that changes the call.
const RENEWALS: u64 = 8;

impl Calls {
    /// Stores a decision.
    pub(super) async fn commit(
        &self,
        memory: &mut Memory,
        plan: Plan<'_>,
        decision: Decision,
        at: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let Some(next) = decision.next else { return Err(impossible_in_store("nothing to store")) };
        let (expected, document) = match plan.from {
            Some(known) => (known.version, known.document.succeeded_by(known.version, next)),
            None => (Version::NONE, Document { call: next, ancestors: Vec::new() }),
        };
        let bytes = record::encode_call(&document)?;
        let version = expected.next(&bytes);
        let next = &document.call;
        let deadline = self.deadline(next, decision.deadline);
        let renews = self.renews(memory, plan.from, next, deadline);
        let queued_us = plan.came.map(|came| micros(came.elapsed()));
        let measured =
            if decision.notes.is_empty() { Vec::new() } else { std::mem::take(&mut memory.measured) };
        let notes = Notes { notes: decision.notes, queued_us, measured: measured.clone() };
        let commit = Commit {
            call: next.id.clone(),
            expected,
            version,
            document: bytes.clone(),
            ttl_ms: self.ttl_ms(next),
            deadline,
            renews,
            pair: Pair::of(&next.caller, &next.callee),
            claim: plan.claim,
            entries: self.entries(next, version, decision.deliveries, notes, at)?,
            trims: decision.trims.into_iter().map(|trim| (Log::Mailbox(trim.side), trim.entries)).collect(),
            outgoing: self.outgoing(plan.from.map(Known::call), next)?,
        };
        let follow_up = decision.follow_up;
        let call = document.call.clone();
        let known = Known { version, document, bytes };
        let decided = Instant::now();
        let committed = match self.store.commit(commit.clone()).await {
            Err(error) if error.is_transient() && plan.from.is_some() => {
                let before = plan.from.map(|before| before.call().clone());
                memory.unsure = Some(Unsure { commit, known, before, follow_up, since: Instant::now() });
                return Err(error);
            }
            committed => committed?,
        };
        match committed {
            Committed::Applied => {}
            // This very commit, sent twice.
            Committed::Conflict(Some(stored)) if stored.version == version => {}
            Committed::Conflict(stored) => {
                memory.measured = measured;
                return Ok(Outcome::Beaten(stored));
            }
            Committed::PairTaken { call, stored } => return Ok(Outcome::PairTaken(call, stored)),
        }
        if renews {
            memory.renewed = Some(decided);
        }
        memory.measure(Measured::Stored(call.notes, micros(decided.elapsed())));
        self.metrics.call_changed(plan.from.map(Known::call), &call);
        self.posted(plan.from.map(Known::call), &call);
        memory.done(commit.entries, known);
        Ok(Outcome::Stored(Box::new(call)))
    }

    /// A decision's mail and notes, as they are stored.
    fn entries(
        &self,
        call: &Call,
        version: Version,
        deliveries: Vec<ringback_call::Delivery>,
        notes: Notes,
        at: Timestamp,
    ) -> Result<Vec<Entry>, StoreError> {
        let Notes { notes, queued_us, mut measured } = notes;
        let mut entries = Vec::with_capacity(deliveries.len() + notes.len());
        for mut delivery in deliveries {
            let (log, seq) = (Log::Mailbox(delivery.side), delivery.seq);
            let nodes = std::mem::take(&mut delivery.nodes);
            let envelope = Envelope::of(call, version, at, delivery);
            entries.push(Entry { log, seq, body: record::encode("an envelope", &envelope)?, nodes });
        }
        let first_note = call.notes + 1 - notes.len() as u64;
        for (seq, note) in (first_note..).zip(notes) {
            let node = self.cluster.node().clone();
            let measured = std::mem::take(&mut measured);
            let body = record::encode_note(&NoteRecord { at, node, note, queued_us, measured })?;
            entries.push(Entry { log: Log::Notes, seq, body, nodes: Vec::new() });
        }
        Ok(entries)
    }

    /// Whether a change has to write how long the call is kept and when it is looked at next. Most changes of a call that is
    /// being set up leave that as it was, and to write it again is a third of what a commit costs Redis.
    fn renews(
        &self,
        memory: &Memory,
        from: Option<&Known>,
        next: &Call,
        deadline: Option<Timestamp>,
    ) -> bool {
        let Some(before) = from.map(Known::call).filter(|_| !next.has_ended()) else { return true };
        let old = Duration::from_millis(self.keep.live_ms / RENEWALS);
        self.rules.deadline(before) != deadline || memory.renewed.is_none_or(|at| at.elapsed() >= old)
    }

    pub(super) const fn ttl_ms(&self, call: &Call) -> u64 {
        if call.has_ended() { self.keep.ended_ms } else { self.keep.live_ms }
    }
}

/// What a commit is based on, beside the decision.
pub(super) struct Plan<'a> {
    /// `None` for a call that is made.
    pub(super) from: Option<&'a Known>,
    pub(super) claim: Claim,
    /// When the request came that it answers, if it answers one.
    pub(super) came: Option<Instant>,
}

/// What a change adds to the call's log.
struct Notes {
    notes: Vec<ringback_call::Note>,
    queued_us: Option<u64>,
    measured: Vec<Measured>,
}

/// What became of it.
pub(super) enum Outcome {
    Stored(Box<Call>),
    Beaten(Option<Stored>),
    PairTaken(CallId, Option<Stored>),
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

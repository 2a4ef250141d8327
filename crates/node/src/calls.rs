//! Calls, as this gateway serves them: load, let the core decide, commit, and decide again if somebody was quicker.

mod aftermath;
mod bereavement;
mod cache;
mod index;
mod opening;
mod placing;

use std::sync::Arc;

use ringback_call::{Ack, Call, CallId, Command, Decision, Input, Rejection, Rules};
use ringback_store::{
    Claim, Commit, Committed, Entry, Log, Pair, Store, StoreError, Stored, Version,
    record::{self, Envelope, NoteRecord},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    cluster::Cluster,
    settings::{Keep, Settings},
};
use cache::Cache;

pub use cache::Known;

/// How often a command is decided anew because another commit came first. Two busy sides conflict once or twice.
const MAX_TRIES: usize = 12;

/// Why a command was not applied.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The core refuses it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The user has as many calls as may be.
    #[error("too many calls at once")]
    TooManyCalls,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a command.
#[derive(Debug)]
pub struct Applied {
    /// What the sender is told.
    pub ack: Ack,
    /// The call as it is now.
    pub call: Call,
}

/// The calls this gateway has to do with.
pub struct Calls {
    store: Arc<dyn Store>,
    rules: Rules,
    keep: Keep,
    clock: Arc<Clock>,
    cluster: Arc<Cluster>,
    cache: Cache,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Calls {
    /// Serves calls out of a store. Work that follows from a call runs on `tasks` and ends with `stop`.
    pub fn new(
        store: Arc<dyn Store>,
        settings: &Settings,
        clock: Arc<Clock>,
        cluster: Arc<Cluster>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            rules: settings.rules.clone(),
            keep: settings.keep,
            clock,
            cluster,
            cache: Cache::default(),
            tasks,
            stop,
        })
    }

    /// Applies something to a call, whoever else does so at the same time.
    ///
    /// # Errors
    /// [`Failure::Rejected`] changes nothing; [`Failure::Store`] may or may not have: to ask again is safe.
    pub async fn apply(self: &Arc<Self>, call: &CallId, input: Input) -> Result<Applied, Failure> {
        if self.store.partitions().of_call(call).is_none() {
            return Err(Rejection::NoSuchCall.into());
        }
        let slot = self.cache.slot(call);
        let mut slot = slot.lock().await;
        // What is cached may be old: good enough to try a commit on, which checks it, but not to refuse a request.
        let mut fresh = false;
        for _ in 0..MAX_TRIES {
            let known = match slot.known.take() {
                Some(known) => known,
                None => {
                    fresh = true;
                    self.load(call).await?.ok_or(Rejection::NoSuchCall)?
                }
            };
            let command = Command { at: self.clock.now(), input: input.clone() };
            match self.rules.decide(&known.call, &command) {
                Ok(Decision { next: Some(next), ack, deliveries, notes, deadline, follow_up }) => {
                    let plan = Plan { expected: known.version, claim: Claim::Held, deadline };
                    let commit = self.commit_of(&next, plan, deliveries, notes, command.at)?;
                    match self.store.commit(commit).await? {
                        Committed::Applied(version) => {
                            slot.known = Some(Known { version, call: next.clone() });
                            drop(slot);
                            self.afterwards(Some(&known.call), &next, follow_up);
                            return Ok(Applied { ack, call: next });
                        }
                        Committed::Conflict(stored) => {
                            fresh = true;
                            slot.known = stored.as_ref().map(decode).transpose()?;
                            if slot.known.is_none() {
                                return Err(Rejection::NoSuchCall.into());
                            }
                        }
                        Committed::PairTaken { .. } => return Err(impossible("a held pair was refused")),
                    }
                }
                Ok(Decision { next: None, ack, .. }) if fresh => {
                    slot.known = Some(known.clone());
                    return Ok(Applied { ack, call: known.call });
                }
                Err(rejection) if fresh => {
                    slot.known = Some(known);
                    return Err(rejection.into());
                }
                Ok(_) | Err(_) => {}
            }
        }
        Err(StoreError::unavailable("too many gateways change this call at once").into())
    }

    /// The call as the store has it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(&self, call: &CallId) -> Result<Option<Known>, StoreError> {
        self.store.load(call).await?.as_ref().map(decode).transpose()
    }

    /// Learns a document that came with a message, if it is newer than what is known.
    pub fn learn(&self, call: &CallId, stored: &Stored) {
        let Ok(learned) = decode(stored) else { return };
        if learned.call.has_ended() {
            return self.cache.forget(call);
        }
        // A command that is under way will meet the newer document by itself.
        if let Ok(mut place) = self.cache.slot(call).try_lock()
            && place.known.as_ref().is_none_or(|known| known.version < learned.version)
        {
            place.known = Some(learned);
        }
    }

    fn commit_of(
        &self,
        next: &Call,
        plan: Plan,
        deliveries: Vec<ringback_call::Delivery>,
        notes: Vec<ringback_call::Note>,
        at: ringback_call::Timestamp,
    ) -> Result<Commit, StoreError> {
        let version = plan.expected.next();
        let mut entries = Vec::with_capacity(deliveries.len() + notes.len());
        for delivery in deliveries {
            let envelope = Envelope {
                call: next.id.clone(),
                version: version.0,
                side: delivery.side,
                seq: delivery.seq,
                at,
                user: next.user(delivery.side).clone(),
                to: delivery.to,
                event: delivery.event,
            };
            entries.push(Entry {
                log: Log::Mailbox(delivery.side),
                seq: delivery.seq,
                body: record::encode("an envelope", &envelope)?,
                nodes: delivery.nodes,
            });
        }
        let first_note = next.notes + 1 - notes.len() as u64;
        for (seq, note) in (first_note..).zip(notes) {
            let body = record::encode("a note", &NoteRecord { at, note })?;
            entries.push(Entry { log: Log::Notes, seq, body, nodes: Vec::new() });
        }
        Ok(Commit {
            call: next.id.clone(),
            expected: plan.expected,
            document: record::encode_call(next)?,
            ttl_ms: if next.has_ended() { self.keep.ended_ms } else { self.keep.live_ms },
            deadline: plan.deadline,
            pair: Pair::of(&next.caller, &next.callee),
            claim: plan.claim,
            entries,
        })
    }
}

/// What a commit is based on, beside the decision.
struct Plan {
    expected: Version,
    claim: Claim,
    deadline: Option<ringback_call::Timestamp>,
}

fn decode(stored: &Stored) -> Result<Known, StoreError> {
    Ok(Known { version: stored.version, call: record::decode_call(&stored.document)? })
}

fn impossible(what: &'static str) -> Failure {
    StoreError::corrupt("a commit's answer", what).into()
}

//! Calls, as this gateway serves them: load, let the core decide, commit, and decide again if somebody was quicker.

mod aftermath;
mod announcing;
mod attended;
mod bereavement;
mod cache;
mod call_log;
mod commit;
mod index;
mod known;
mod memory;
mod opening;
mod placing;
mod recent;
mod repair;
mod timeline;
mod unsure;

use std::sync::{Arc, OnceLock};

use ringback_call::{
    Ack, Call, CallId, Command, Decision, DeviceId, EndReason, Event, Input, Millis, Rejection, Rules, Side,
};
use ringback_store::{
    Claim, Log, Store, StoreError, Stored,
    record::{Envelope, Measured},
};
use ringback_telemetry::{Glare, Metrics, Telemetry, Tracer, Unreadable};
use tokio::time::Instant;

use crate::{
    Config,
    background::Background,
    clock::Clock,
    cluster::Cluster,
    config::{Attempts, Events, Keep},
    outbox::doorbell::Doorbell,
    policy::Gate,
    registry::Registry,
    unreadable::readable,
};
use cache::Cache;
use call_log::Logged;
use commit::{Outcome, Plan};
use memory::{Heard, Memory, News};

pub(crate) use attended::let_go;
pub use call_log::Page;
pub use known::Known;
pub use opening::Opened;
pub use timeline::Timeline;

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
    /// The user has tried to make calls too often of late; it may be tried again after so many milliseconds.
    #[error("too many calls of late")]
    TooSoon(Millis),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    /// Whether the same may work later.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }
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
    attempts: Attempts,
    keep: Keep,
    events: Events,
    /// Rung when there are events to deliver.
    pub(crate) doorbell: Doorbell,
    clock: Arc<Clock>,
    cluster: Arc<Cluster>,
    registry: Arc<Registry>,
    gate: OnceLock<Gate>,
    cache: Cache,
    logged: Logged,
    background: Arc<Background>,
    metrics: Arc<Metrics>,
    tracer: Option<Arc<Tracer>>,
}

impl Calls {
    /// Serves calls out of a store. Work that follows from a call is done in the background.
    pub fn new(
        store: Arc<dyn Store>,
        config: &Config,
        clock: Arc<Clock>,
        cluster: Arc<Cluster>,
        registry: Arc<Registry>,
        background: Arc<Background>,
        telemetry: Telemetry,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            rules: config.rules.clone(),
            attempts: config.limits.attempts,
            keep: config.keep,
            events: config.events.clone(),
            doorbell: Doorbell::default(),
            clock,
            cluster,
            registry,
            gate: OnceLock::new(),
            cache: Cache::default(),
            logged: Logged::default(),
            background,
            metrics: telemetry.metrics,
            tracer: telemetry.tracer,
        })
    }

    /// Lets only those calls be placed that this lets through.
    pub(crate) fn gate(&self, gate: Gate) {
        let _ = self.gate.set(gate);
    }

    /// Applies something to a call, whoever else does so at the same time.
    ///
    /// # Errors
    /// [`Failure::Rejected`] changes nothing; [`Failure::Store`] may or may not have: to ask again is safe.
    pub async fn apply(self: &Arc<Self>, call: &CallId, input: Input) -> Result<Applied, Failure> {
        self.apply_since(call, input, None).await
    }

    /// The same, of something that came at this moment.
    ///
    /// # Errors
    /// As [`Calls::apply`].
    pub(crate) async fn apply_since(
        self: &Arc<Self>,
        call: &CallId,
        input: Input,
        came: Option<Instant>,
    ) -> Result<Applied, Failure> {
        if self.store.partitions().of_call(call).is_none() {
            return Err(Rejection::NoSuchCall.into());
        }
        let mut slot = self.cache.slot(call);
        let mut memory = loop {
            if let Some(memory) = slot.lock().await {
                break memory;
            }
            slot = self.cache.slot(call);
        };
        // Boxed: it is large, and every connection has room for one of these.
        let outcome = Box::pin(self.apply_in(&mut memory, call, &input, came)).await;
        if outcome.is_ok() {
            self.list_if_owed(&mut memory);
        }
        self.cache.release(call, &slot, memory);
        let (applied, before, follow_up) = outcome?;
        if let Some(before) = before {
            self.afterwards(Some(&before), &applied.call, follow_up);
        }
        Ok(applied)
    }

    /// The loop of one command. Also returns the call as it was, if it was changed.
    async fn apply_in(
        self: &Arc<Self>,
        memory: &mut Memory,
        call: &CallId,
        input: &Input,
        came: Option<Instant>,
    ) -> Result<(Applied, Option<Call>, Option<ringback_call::FollowUp>), Failure> {
        // These three are rare, and boxed, since each connection has room for one command under way.
        if memory.unsure.is_some() {
            Box::pin(self.make_sure(memory)).await?;
        }
        if memory.contradiction.is_some() {
            Box::pin(self.clear_up(memory)).await?;
        }
        // What is cached may be old: good enough to try a commit on, which checks it, but not to refuse a request.
        let mut fresh = false;
        for _ in 0..MAX_TRIES {
            let known = match &memory.known {
                Some(known) => known.clone(),
                None => {
                    fresh = true;
                    let known = self.load(call).await?.ok_or(Rejection::NoSuchCall)?;
                    memory.learn(known.clone());
                    known
                }
            };
            let command = Command { at: self.clock.now(), input: input.clone() };
            match self.decide(known.call(), &command) {
                Ok(decision) if decision.next.is_some() => {
                    let (ack, follow_up) = (decision.ack.clone(), decision.follow_up);
                    let plan = Plan { from: Some(&known), claim: Claim::Held, came };
                    match self.commit(memory, plan, decision, command.at).await? {
                        Outcome::Stored(now) => {
                            let applied = Applied { ack, call: *now };
                            return Ok((applied, Some(known.document.call), follow_up));
                        }
                        Outcome::Beaten(stored) => {
                            fresh = true;
                            if !Box::pin(self.reconcile(memory, known, stored)).await? {
                                return Err(Rejection::NoSuchCall.into());
                            }
                        }
                        Outcome::PairTaken(..) => return Err(impossible("a held pair was refused")),
                    }
                }
                // What a client is told must hold, so it has to be as durable as what it stands for.
                Ok(Decision { ack, .. }) if fresh => {
                    if matches!(input, Input::Request { id: Some(_), .. }) {
                        self.metrics.requests_repeated.inc(());
                    }
                    self.store.settle(call, known.version).await?;
                    return Ok((Applied { ack, call: known.document.call }, None, None));
                }
                Err(rejection) if fresh => {
                    if rejection == Rejection::Glare {
                        self.metrics.glare.inc((Glare::Offer,));
                    }
                    return Err(rejection.into());
                }
                Ok(_) | Err(_) => {
                    fresh = true;
                    let stored = self.store.load(call).await?;
                    if !Box::pin(self.reconcile(memory, known, stored)).await? {
                        return Err(Rejection::NoSuchCall.into());
                    }
                }
            }
        }
        Err(StoreError::unavailable("too many gateways change this call at once").into())
    }

    /// Applies something that must not be forgotten, however long the store is away.
    pub(crate) fn insist(self: &Arc<Self>, call: CallId, input: Input) {
        let calls = Arc::clone(self);
        let work = async move {
            let applied = calls.background.insist(|| async {
                match calls.apply(&call, input.clone()).await {
                    Err(Failure::Store(error)) => Err(error),
                    Ok(_) | Err(_) => Ok(()),
                }
            });
            if let Err(error) = applied.await {
                tracing::warn!(?call, error = &error as &dyn std::error::Error, "given up");
            }
        };
        self.background.spawn(work);
    }

    /// The call as the store has it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load(self: &Arc<Self>, call: &CallId) -> Result<Option<Known>, StoreError> {
        let known = self.store.load(call).await?.as_ref().map(Known::read).transpose()?;
        // What is remembered of it is older: it must not be taken for lost once the store has forgotten an ended call, and
        // what a primary tells its readers before it dies has been told.
        if let Some(known) = &known
            && let Some(slot) = self.cache.find(call)
            && !self.cache.hear(call, &slot, Heard::of(known.clone()))
        {
            self.check(call).await?;
            return self.store.load(call).await?.as_ref().map(Known::read).transpose();
        }
        Ok(known)
    }

    /// Learns an entry and the document that came with it, if it is newer than what is known; `false` where they are of
    /// a history that contradicts what is known.
    pub(crate) fn learn(&self, envelope: &Envelope, body: &bytes::Bytes, stored: Option<&Stored>) -> bool {
        let over =
            matches!(&envelope.event, Event::Ended { reason, .. } if *reason != EndReason::AnsweredElsewhere);
        let heard = if over {
            let read = |stored| readable(&self.metrics, Unreadable::Document, Known::read(stored));
            let learned = stored.and_then(read);
            let Some(learned) = learned.filter(|learned| learned.call().has_ended()) else {
                self.cache.forget(&envelope.call);
                return true;
            };
            Heard::of(learned)
        } else {
            let unread = |stored| News::Unread(stored, Arc::clone(&self.metrics));
            Heard { known: stored.cloned().map(unread), ..Heard::default() }
        };
        let entry = Some((Log::Mailbox(envelope.side), envelope.seq, body.clone()));
        let heard = Heard { entry, ..heard };
        let slot = self.cache.slot(&envelope.call);
        self.cache.hear(&envelope.call, &slot, heard)
    }

    /// An entry was sent to a device so long after it was decided.
    pub(crate) fn delivered(&self, call: &CallId, side: Side, seq: u64, device: &DeviceId, after: Millis) {
        if let Some(slot) = self.cache.find(call) {
            let measured = Some(Measured::Delivered(side, seq, device.clone(), after));
            self.cache.hear(call, &slot, Heard { measured, ..Heard::default() });
        }
    }

    /// The core's answer.
    fn decide(&self, call: &Call, command: &Command) -> Result<Decision, Rejection> {
        #[cfg(feature = "mutants")]
        if let Some(decide) = crate::mutants::present().decide {
            return decide(&self.rules, call, command);
        }
        self.rules.decide(call, command)
    }
}

fn impossible(what: &'static str) -> Failure {
    impossible_in_store(what).into()
}

fn impossible_in_store(what: &'static str) -> StoreError {
    StoreError::corrupt("a commit's answer", what)
}

#[cfg(test)]
mod tests;

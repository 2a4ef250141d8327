//! Outcome events on their way to the application's servers: at least once, in order for each call.
//!
//! A change of a call puts them into its partition's outbox (`calls/announcing.rs`). The gateway that looks after the
//! partition reads them from there ([`courier`]) and gives each to the [`Receiver`], which knows how to send it; until the
//! receiver has it, it is tried again ([`errand`]). See `docs/adr/0007-outcome-events.md`.

pub(crate) mod backlog;
mod courier;
pub(crate) mod doorbell;
mod errand;
mod health;
mod lane;
mod merge;
mod reading;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use ringback_store::Retention;
use ringback_telemetry::Attempt;
use ringback_wire::OutcomeEventHead;

use crate::Node;

pub use reading::{Mark, Marked};

/// An event that is to be delivered.
pub struct Event {
    /// What who sends it has to know.
    pub head: OutcomeEventHead,
    /// What is sent, byte for byte.
    pub body: Bytes,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Event({} of {:?})", self.head.kind, self.head.call)
    }
}

/// Takes events to where they belong. Called again and again with one that it has not delivered.
#[async_trait]
pub trait Receiver: Send + Sync + 'static {
    /// One attempt. It is broken off after [`Terms::timeout`].
    async fn deliver(&self, event: &Event) -> Answer;
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The receiver has the event.
    Delivered,
    /// It has not, and may have it the next time.
    Again {
        /// What was wrong.
        attempt: Attempt,
        /// The same for people, without anything private.
        why: String,
        /// The receiver asks not to be bothered before.
        after: Option<Duration>,
    },
    /// It will never take this event.
    Never {
        /// Why, for people.
        why: String,
    },
}

/// How events are delivered.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// For one attempt.
    pub timeout: Duration,
    /// Attempts of this gateway at once.
    pub concurrency: usize,
    /// Attempts for one event, before it is a dead letter.
    pub attempts: u32,
    /// The pause after the first attempt; it doubles with each, ...
    pub first_pause: Duration,
    /// ... up to this.
    pub longest_pause: Duration,
    /// What is kept of dead letters.
    pub dead: Retention,
}

impl Node {
    /// Delivers events to this receiver from now on. To be called once, when the node starts.
    pub fn deliver_events(self: &Arc<Self>, receiver: Arc<dyn Receiver>, terms: Terms) {
        self.metrics.webhook_receiver.set((), 1.0);
        self.essential("webhooks", courier::run(Arc::clone(self), receiver, terms));
    }
}

#[cfg(test)]
mod tests;

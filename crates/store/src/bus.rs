//! A node's subscription.

use std::fmt;

use bytes::Bytes;
use ringback_call::CallId;
use tokio::sync::broadcast;

use crate::{Partition, Partitions, size::Size};

/// Messages a subscriber may lag behind before it loses some and is told so.
const CAPACITY: usize = 8_192;

/// What reaches a node.
#[derive(Clone)]
pub enum BusEvent {
    /// An entry of a call's log, as it was appended.
    Entry {
        /// The entry's bytes.
        body: Bytes,
        /// The call's document right after that commit, where it was small enough to send along.
        document: Option<Bytes>,
    },
    /// A message that belongs to no log.
    Direct(Bytes),
    /// Entries of these calls were published to this node and did not arrive.
    Missed(Vec<CallId>),
    /// Entries of any calls in these partitions may not have arrived.
    Interrupted(Vec<Partition>),
    /// These partitions may hold less than they did: a failover has lost the newest changes, or all is gone.
    Regressed(Vec<Partition>),
}

impl fmt::Debug for BusEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { body, document } => {
                let document = document.as_ref().map(Size::of);
                f.debug_struct("Entry").field("body", &Size::of(body)).field("document", &document).finish()
            }
            Self::Direct(body) => f.debug_tuple("Direct").field(&Size::of(body)).finish(),
            Self::Missed(calls) => f.debug_tuple("Missed").field(calls).finish(),
            Self::Interrupted(partitions) => f.debug_tuple("Interrupted").field(partitions).finish(),
            Self::Regressed(partitions) => f.debug_tuple("Regressed").field(partitions).finish(),
        }
    }
}

/// A store's end of a subscription.
#[derive(Clone, Debug)]
pub struct Sender(broadcast::Sender<BusEvent>);

impl Sender {
    /// Passes an event on; `false` if the subscriber is gone.
    pub fn send(&self, event: BusEvent) -> bool {
        self.0.send(event).is_ok()
    }

    /// Whether the subscriber is gone.
    pub fn is_closed(&self) -> bool {
        self.0.receiver_count() == 0
    }
}

/// A node's end of it.
#[derive(Debug)]
pub struct Subscription {
    events: broadcast::Receiver<BusEvent>,
    partitions: Partitions,
}

impl Subscription {
    /// Both ends. The queue between them is bounded: a subscriber that lags loses the oldest messages and gets
    /// [`BusEvent::Interrupted`] in their place.
    pub fn new(partitions: Partitions) -> (Sender, Self) {
        let (sender, events) = broadcast::channel(CAPACITY);
        (Sender(sender), Self { events, partitions })
    }

    /// The next event; `None` once the store is gone.
    pub async fn recv(&mut self) -> Option<BusEvent> {
        match self.events.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                Some(BusEvent::Interrupted(self.partitions.all().collect()))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

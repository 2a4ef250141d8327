//! The messages on a node's channels, and who in this process listens to them.
//!
//! A message is one byte that says what it is, four for its number on the channel, four for the length of the body
//! (both big-endian), the body, and the rest:
//!
//! | kind | body | rest | its number |
//! | --- | --- | --- | --- |
//! | 1 | an entry of a log | nothing | counts |
//! | 2 | an entry of a log | the document | counts |
//! | 3 | a direct message | nothing | counts |
//! | 4 | nothing: a probe | nothing | is the one of the last that counts |

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use fred::types::Message;
use ringback_store::{BusEvent, Partition, Sender};
use tokio::time::Instant;

use crate::{
    counts::{Counts, Heard},
    keys::Keys,
};

const ENTRY: u8 = 1;
const ENTRY_WITH_DOCUMENT: u8 = 2;
const DIRECT: u8 = 3;
const PROBE: u8 = 4;
const HEAD: usize = 9;
/// How long the nodes have to write anew what a store has lost: each notices within two seconds, and begins at once.
const SETTLING: Duration = Duration::from_secs(5);

/// A message as it came.
struct Envelope {
    number: u32,
    /// `None` for a probe.
    event: Option<BusEvent>,
}

/// What a message says; `None` for what a newer version may have sent.
fn read(message: &Bytes) -> Option<Envelope> {
    let word = |at: usize| Some(u32::from_be_bytes(message.get(at..at + 4)?.try_into().ok()?));
    let (number, length) = (word(1)?, word(5)?);
    let end = HEAD.checked_add(usize::try_from(length).ok()?)?;
    if message.len() < end {
        return None;
    }
    let body = message.slice(HEAD..end);
    let event = match message[0] {
        ENTRY => Some(BusEvent::Entry { body, document: None }),
        ENTRY_WITH_DOCUMENT => Some(BusEvent::Entry { body, document: Some(message.slice(end..)) }),
        DIRECT => Some(BusEvent::Direct(body)),
        PROBE => None,
        _ => return None,
    };
    Some(Envelope { number, event })
}

/// Messages that a node has missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) node: String,
    pub(crate) partition: Partition,
    pub(crate) heard: Heard,
}

/// The nodes of this process that have subscribed.
#[derive(Debug)]
pub(crate) struct Listeners {
    keys: Keys,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    nodes: HashMap<String, Sender>,
    counts: Counts,
    /// The histories of the partitions (see `probe.lua`).
    histories: HashMap<u16, String>,
    /// When a partition's history was last found to be another one.
    ended: HashMap<u16, Instant>,
    /// When a probe was last heard.
    proofs: HashMap<(String, u16), Instant>,
}

impl Listeners {
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, inner: Mutex::default() }
    }

    pub(crate) fn add(&self, node: &str, sender: Sender) {
        self.lock().nodes.insert(node.to_owned(), sender);
    }

    /// The nodes, without those that have dropped their subscription.
    pub(crate) fn nodes(&self) -> Vec<String> {
        let mut inner = self.lock();
        inner.nodes.retain(|_, sender| !sender.is_closed());
        let nodes: Vec<String> = inner.nodes.keys().cloned().collect();
        inner.counts.keep(&nodes);
        inner.proofs.retain(|(node, _), _| nodes.contains(node));
        nodes
    }

    /// Hands a message to its node, and says what the node has missed before it.
    pub(crate) fn deliver(&self, message: Message) -> Option<Gap> {
        let (partition, node) = self.keys.read_channel(&message.channel)?;
        let Some(envelope) = message.value.into_bytes().as_ref().and_then(read) else {
            tracing::warn!(node, "a message of an unknown kind was skipped");
            return None;
        };
        let mut inner = self.lock();
        let heard = match &envelope.event {
            Some(_) => inner.counts.message(node, partition, envelope.number),
            None => {
                inner.proofs.insert((node.to_owned(), partition.0), Instant::now());
                inner.counts.probe(node, partition, envelope.number)
            }
        };
        if let (Some(event), Some(sender)) = (envelope.event, inner.nodes.get(node)) {
            sender.send(event);
        }
        (heard != Heard::InTurn).then(|| Gap { node: node.to_owned(), partition, heard })
    }

    /// When a node last heard a probe of itself in this partition.
    pub(crate) fn proved(&self, node: &str, partition: Partition) -> Option<Instant> {
        self.lock().proofs.get(&(node.to_owned(), partition.0)).copied()
    }

    /// Takes note of a partition's history; `true` if another one was known.
    pub(crate) fn learn_history(&self, partition: Partition, history: &str) -> bool {
        let mut inner = self.lock();
        let before = inner.histories.insert(partition.0, history.to_owned());
        let ended = before.is_some_and(|before| before != history);
        if ended {
            inner.ended.insert(partition.0, Instant::now());
        }
        ended
    }

    /// A partition's history as it is known here.
    pub(crate) fn history(&self, partition: Partition) -> Option<String> {
        self.lock().histories.get(&partition.0).cloned()
    }

    /// Whether a partition may not hold yet what the nodes have to write anew: the history it has is another one than
    /// was known before it was asked for, or has been for a moment only.
    pub(crate) fn is_settling(
        &self,
        partition: Partition,
        known: Option<&str>,
        history: Option<&str>,
    ) -> bool {
        let lately = self.lock().ended.get(&partition.0).is_some_and(|at| at.elapsed() < SETTLING);
        lately || known.is_some_and(|known| history != Some(known))
    }

    /// Tells one node something that did not come by its channel.
    pub(crate) fn tell(&self, node: &str, event: BusEvent) {
        if let Some(sender) = self.lock().nodes.get(node) {
            sender.send(event);
        }
    }

    /// Tells every node.
    pub(crate) fn tell_all(&self, event: &BusEvent) {
        for sender in self.lock().nodes.values() {
            sender.send(event.clone());
        }
    }

    /// Ends every subscription.
    pub(crate) fn clear(&self) {
        self.lock().nodes.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_the_scripts_write_them() {
        let with = Bytes::from_static(b"\x02\0\0\0\x07\0\0\0\x02hidoc");
        let envelope = read(&with).unwrap();
        assert_eq!(envelope.number, 7);
        assert!(matches!(envelope.event, Some(BusEvent::Entry { body, document: Some(document) })
            if body == "hi" && document == "doc"));
        let probe = read(&Bytes::from_static(b"\x04\0\0\x01\0\0\0\0\0")).unwrap();
        assert!(probe.event.is_none());
        assert_eq!(probe.number, 256);
    }

    #[test]
    fn what_is_no_message_is_skipped() {
        for bytes in [
            &b""[..],
            b"\x01",
            b"\x01\0\0\0\x05\0\0\0\x05hi",
            b"\x09\0\0\0\0\0\0\0\0",
            b"\x01\xff\xff\xff\xff",
        ] {
            assert!(read(&Bytes::from_static(bytes)).is_none(), "{bytes:?}");
        }
    }
}

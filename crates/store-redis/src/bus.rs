//! The messages on a node's channels, and who in this process listens to them.
//!
//! A message is one byte that says what it is, four that give the length of the body (big-endian), the body, and
//! the rest:
//!
//! | kind | body | rest |
//! | --- | --- | --- |
//! | 1 | an entry of a log | nothing |
//! | 2 | an entry of a log | the document |
//! | 3 | a direct message | nothing |
//!
//! `commit.lua` writes the first two.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use fred::types::Message;
use ringback_store::{BusEvent, Sender};

use crate::keys::Keys;

const ENTRY: u8 = 1;
const ENTRY_WITH_DOCUMENT: u8 = 2;
const DIRECT: u8 = 3;
const HEAD: usize = 5;

/// A direct message as it is sent.
pub(crate) fn direct(body: &Bytes) -> Bytes {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut message = BytesMut::with_capacity(HEAD + body.len());
    message.put_u8(DIRECT);
    message.put_u32(length);
    message.put_slice(body);
    message.freeze()
}

/// What a message says; `None` for what a newer version may have sent.
fn read(message: &Bytes) -> Option<BusEvent> {
    let length: [u8; 4] = message.get(1..HEAD)?.try_into().ok()?;
    let end = HEAD.checked_add(usize::try_from(u32::from_be_bytes(length)).ok()?)?;
    if message.len() < end {
        return None;
    }
    let body = message.slice(HEAD..end);
    match message[0] {
        ENTRY => Some(BusEvent::Entry { body, document: None }),
        ENTRY_WITH_DOCUMENT => Some(BusEvent::Entry { body, document: Some(message.slice(end..)) }),
        DIRECT => Some(BusEvent::Direct(body)),
        _ => None,
    }
}

/// The nodes of this process that have subscribed.
#[derive(Debug)]
pub(crate) struct Listeners {
    keys: Keys,
    nodes: Mutex<HashMap<String, Sender>>,
}

impl Listeners {
    pub(crate) fn new(keys: Keys) -> Self {
        Self { keys, nodes: Mutex::default() }
    }

    pub(crate) fn add(&self, node: &str, sender: Sender) {
        self.lock().insert(node.to_owned(), sender);
    }

    /// The nodes, without those that have dropped their subscription.
    pub(crate) fn nodes(&self) -> Vec<String> {
        let mut nodes = self.lock();
        nodes.retain(|_, sender| !sender.is_closed());
        nodes.keys().cloned().collect()
    }

    /// Hands a message to its node.
    pub(crate) fn deliver(&self, message: Message) {
        let Some(node) = self.keys.node_of(&message.channel) else { return };
        let event = message.value.into_bytes().as_ref().and_then(read);
        match event {
            Some(event) => {
                if let Some(sender) = self.lock().get(node) {
                    sender.send(event);
                }
            }
            None => tracing::warn!(node, "a message of an unknown kind was skipped"),
        }
    }

    /// Tells every node that messages may have been lost.
    pub(crate) fn interrupt(&self) {
        for sender in self.lock().values() {
            sender.send(BusEvent::Interrupted);
        }
    }

    /// Ends every subscription.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Sender>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written() {
        let body = Bytes::from_static(b"\0\xff body");
        assert!(matches!(read(&direct(&body)), Some(BusEvent::Direct(read)) if read == body));
        let with = Bytes::from_static(b"\x02\0\0\0\x02hidoc");
        assert!(matches!(read(&with), Some(BusEvent::Entry { body, document: Some(document) })
            if body == "hi" && document == "doc"));
    }

    #[test]
    fn what_is_no_message_is_skipped() {
        for bytes in [&b""[..], b"\x01", b"\x01\0\0\0\x05hi", b"\x09\0\0\0\0", b"\x01\xff\xff\xff\xff"] {
            assert!(read(&Bytes::from_static(bytes)).is_none(), "{bytes:?}");
        }
    }
}

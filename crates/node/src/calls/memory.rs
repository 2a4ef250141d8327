//! What a gateway knows of one call, and what it hears of it.

use std::sync::Arc;

use bytes::Bytes;
use ringback_store::{Entry, Log, Stored, Version, record::Measured};
use ringback_telemetry::{Metrics, Unreadable};
use tokio::time::Instant;

use super::{Known, recent::Recent, unsure::Unsure};
use crate::unreadable::readable;

/// Measurements of one call that wait for its next note.
const MAX_MEASURED: usize = 32;

/// Something that was heard of a call: an entry, the document that came with it, what somebody read, or how long something took.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) entry: Option<(Log, u64, Bytes)>,
    pub(super) known: Option<News>,
    pub(super) measured: Option<Measured>,
}

impl Heard {
    /// A document that was read.
    pub(super) fn of(known: Known) -> Self {
        Self { known: Some(News::Read(Box::new(known))), ..Self::default() }
    }
}

/// A document that was heard of. Most come with a message about what is known already, by the reply to a commit that came
/// too late, and need not be read.
pub(super) enum News {
    /// It was read.
    Read(Box<Known>),
    /// As it came; counted here if it can't be read.
    Unread(Stored, Arc<Metrics>),
}

impl News {
    fn version(&self) -> Version {
        match self {
            Self::Read(known) => known.version,
            Self::Unread(stored, _) => stored.version,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Self::Read(known) if known.call().has_ended())
    }

    /// `None` where it can't be read.
    fn read(self) -> Option<Known> {
        match self {
            Self::Read(known) => Some(*known),
            Self::Unread(stored, metrics) => readable(&metrics, Unreadable::Document, Known::read(&stored)),
        }
    }
}

#[derive(Default)]
pub(super) struct Memory {
    pub(super) known: Option<Known>,
    pub(super) recent: Recent,
    /// A commit that nobody knows the fate of. It is made sure of before anything else is committed: should it be lost,
    /// devices may have been told of it all the same, and its numbers must not be given to something else.
    pub(super) unsure: Option<Unsure>,
    /// What was heard, while a command was under way, of a history that contradicts what is known. Devices have been told
    /// of it: the store tells which of the two stands, before anything else is committed.
    pub(super) contradiction: Option<Known>,
    /// Whether it was put back, or may have been, and its users' lists do not name it yet.
    pub(super) unlisted: bool,
    /// When this gateway last renewed the call's time to live.
    pub(super) renewed: Option<Instant>,
    /// What the next note takes along.
    pub(super) measured: Vec<Measured>,
    /// When it was first seen that nobody here takes part, since something was learned.
    pub(super) left: Option<Instant>,
}

impl Memory {
    /// Takes what the store is known to hold.
    pub(super) fn learn(&mut self, known: Known) {
        self.recent.trim(known.call());
        self.left = None;
        self.known = Some(known);
    }

    /// Takes what was committed, unless what has become of it was heard already.
    pub(super) fn done(&mut self, entries: Vec<Entry>, known: Known) {
        for Entry { log, seq, body, .. } in entries {
            self.recent.push(log, seq, body);
        }
        if !self.known.as_ref().is_some_and(|heard| heard.descends_from(known.version)) {
            self.learn(known);
        }
    }

    /// To be told with the next note; one more than fits is not told.
    pub(super) fn measure(&mut self, measured: Measured) {
        if self.measured.len() < MAX_MEASURED {
            self.measured.push(measured);
        }
    }

    /// Takes what was heard, if it is newer than what is known; the error is what contradicts that.
    pub(super) fn hear(&mut self, heard: Heard) -> Result<(), Box<Known>> {
        if let Some((log, seq, body)) = heard.entry {
            self.recent.push(log, seq, body);
        }
        if let Some(measured) = heard.measured {
            self.measure(measured);
        }
        // A message that was overtaken by another needs no reading.
        let is_old = |known: &Known, version| known.version == version || known.descends_from(version);
        let news = heard.known.filter(|news| {
            let version = news.version();
            !self.known.as_ref().is_some_and(|known| is_old(known, version))
        });
        let Some(heard) = news.and_then(News::read) else { return Ok(()) };
        match &self.known {
            // Of a history that ours is not part of, however much longer it is: the store tells. Until then ours is not
            // forgotten, for devices may have been told of it.
            Some(known) if !heard.may_descend_from(known.version) => Err(Box::new(heard)),
            Some(_) | None => {
                self.learn(heard);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ringback_call::{
        Call, CallId, ConnectionId, DeviceId, Link, Media, NodeId, Opening, Origin, RequestId, Rules,
        SessionId, Side, Timestamp, UserId,
    };

    use ringback_store::record::Document;

    use super::{super::recent::MAX_BYTES, *};

    fn call() -> Call {
        let link = Link { node: NodeId::new("gw-1").unwrap(), connection: ConnectionId(1) };
        let from = Origin {
            user: UserId::new("alice").unwrap(),
            device: DeviceId::new("phone").unwrap(),
            session: SessionId::new("s").unwrap(),
            link,
            seen: 0,
        };
        let opening = Opening {
            id: CallId::new("p0-1").unwrap(),
            from,
            request: RequestId(1),
            to: UserId::new("bob").unwrap(),
            media: Media { audio: true, video: false },
            metadata: None,
            traceparent: None,
            granted: true,
            at: Timestamp(1),
        };
        Rules::default().open(&opening).unwrap().next.unwrap()
    }

    /// The change with this count and stamp, made from changes with these stamps, the newest first.
    fn known(count: u64, stamp: u32, ancestors: &[u32]) -> Known {
        let document = Document { call: call(), ancestors: ancestors.to_vec() };
        Known { version: Version { count, stamp }, document, bytes: Bytes::new() }
    }

    fn hear(memory: &mut Memory, heard: Known) -> bool {
        memory.hear(Heard::of(heard)).is_ok()
    }

    #[test]
    fn a_history_that_contradicts_ours_does_not_take_its_place_however_long_it_is() {
        let mut memory = Memory::default();
        assert!(hear(&mut memory, known(5, 0x5a, &[4, 3])));
        assert!(
            !hear(&mut memory, known(6, 0x6b, &[0x5b, 4, 3])),
            "another fifth change was made of the fourth"
        );
        assert!(hear(&mut memory, known(4, 4, &[3])), "one that was overtaken");
        assert_eq!(memory.known.as_ref().unwrap().version.stamp, 0x5a);
        assert!(hear(&mut memory, known(6, 0x6a, &[0x5a, 4, 3])));
        assert!(hear(&mut memory, known(9, 9, &[8, 7])), "too far on for anybody to tell");
    }

    #[test]
    fn a_commit_that_is_made_sure_of_is_not_newer_than_what_became_of_it() {
        let mut memory = Memory::default();
        assert!(hear(&mut memory, known(5, 5, &[4, 3])));
        assert!(hear(&mut memory, known(7, 7, &[6, 5, 4])));
        memory.done(Vec::new(), known(6, 6, &[5, 4]));
        assert_eq!(memory.known.as_ref().unwrap().version.count, 7);
        memory.done(Vec::new(), known(8, 8, &[7, 6]));
        assert_eq!(memory.known.as_ref().unwrap().version.count, 8);
    }

    #[test]
    fn what_is_remembered_of_a_call_is_bounded() {
        let mut recent = Recent::default();
        for seq in 1..=1_000 {
            recent.push(Log::Mailbox(Side::Caller), seq, Bytes::from(vec![0; 4_096]));
            recent.push(Log::Mailbox(Side::Caller), seq, Bytes::from(vec![0; 4_096]));
        }
        assert_eq!((recent.entries.len(), recent.bytes), (32, 128 * 1024));
        assert_eq!(recent.entries.front().unwrap().seq, 969);
        recent.push(Log::Mailbox(Side::Caller), 1_001, Bytes::from(vec![0; 4 * MAX_BYTES]));
        assert!(recent.entries.is_empty() && recent.bytes == 0, "one too large to be kept");
    }
}

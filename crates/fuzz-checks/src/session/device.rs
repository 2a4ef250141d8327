//! A device with its session, and what it was told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use ringback_call::{CallId, ConnectionId, DeviceId, Event, Link, NodeId, SessionId, Timestamp, UserId};
use ringback_session::{Identity, Session, Turn};
use ringback_store::record::Envelope;
use ringback_wire::{EventFrame, Format, Limits, ServerFrame};
use serde_json::Value;

/// Ended calls that a session says it has told of, at most (`Session::told`).
const REMEMBERED: usize = 32;

/// One of them.
pub(super) struct Device {
    pub(super) user: UserId,
    pub(super) format: Format,
    pub(super) session: Session,
    /// The number of its last request.
    pub(super) asked: u64,
    /// What was published and has not arrived.
    pub(super) inbox: VecDeque<Bytes>,
    /// Whether it has a connection.
    pub(super) is_there: bool,
    /// The newest entry of each call that it was told in this connection.
    told: BTreeMap<CallId, u64>,
    ended: BTreeSet<CallId>,
}

fn identity(user: &str, device: &str, connection: u64, opened: u64) -> Identity {
    Identity {
        user: UserId::new(user).expect("a user id"),
        device: DeviceId::new(device).expect("a device id"),
        session: SessionId::new(format!("{device}-{connection}")).expect("a session id"),
        link: Link {
            node: NodeId::new("gw-1").expect("a node id"),
            connection: ConnectionId::new(Timestamp(opened), u32::try_from(connection).unwrap_or_default()),
        },
    }
}

impl Device {
    pub(super) fn new(user: &str, device: &str, format: Format) -> Self {
        let identity = identity(user, device, 1, 1);
        Self {
            user: identity.user.clone(),
            format,
            session: Session::new(identity, format, Limits::default()),
            asked: 0,
            inbox: VecDeque::new(),
            is_there: true,
            told: BTreeMap::new(),
            ended: BTreeSet::new(),
        }
    }

    pub(super) fn identity(&self) -> &Identity {
        self.session.identity()
    }

    /// A new connection, with a new session.
    pub(super) fn connect(&mut self, now: Timestamp) {
        let Identity { user, device, link, .. } = self.identity();
        let opened = now.0.max(link.connection.opened_at().0 + 1);
        let identity = identity(user.as_str(), device.as_str(), opened, opened);
        self.session = Session::new(identity, self.format, Limits::default());
        self.inbox.clear();
        self.told.clear();
        self.ended.clear();
        self.is_there = true;
    }

    /// A frame leaves: its client can read it.
    pub(super) fn send(&self, frame: &ServerFrame) {
        let written = self.format.encode(frame);
        let written = written.unwrap_or_else(|error| panic!("{frame:?} can't be written: {error}"));
        let read: Result<Value, String> = match self.format {
            Format::Json => serde_json::from_slice(&written).map_err(|error| error.to_string()),
            Format::MsgPack => rmp_serde::from_slice(&written).map_err(|error| error.to_string()),
        };
        let read = read.unwrap_or_else(|error| panic!("{frame:?} can't be read: {error}"));
        assert!(read.get("type").is_some_and(Value::is_string), "{frame:?} has no type");
    }

    /// What an entry of a mailbox turned out to be. `between` are the entries for this device after the one it was told last,
    /// and before this one.
    pub(super) fn hear(&mut self, entry: &Envelope, turn: Turn, between: impl Fn(u64) -> Vec<u64>) {
        let Turn::Deliver(frame) = turn else { return };
        let EventFrame { call, seq, event, .. } = &*frame;
        assert!((call, *seq, event) == (&entry.call, entry.seq, &entry.event), "it is told something else");
        assert!(entry.user == self.user, "it is told what is another user's");
        assert!(entry.to.includes(&self.identity().device), "it is told what is another device's");
        assert!(!self.ended.contains(call), "it is told {event:?} after the end");
        if let Some(last) = self.told.insert(call.clone(), *seq) {
            assert!(last < *seq, "it is told {seq} after {last}");
            let missing = between(last);
            assert!(missing.is_empty(), "it is told {seq} after {last}, and was not told {missing:?}");
        }
        if matches!(event, Event::Ended { .. }) {
            self.ended.insert(call.clone());
        }
        self.send(&ServerFrame::Event(*frame));
    }

    /// What has to be true of a session at any time.
    pub(super) fn is_sound(&mut self, calls: usize) {
        assert!(self.session.told().count() <= REMEMBERED);
        assert!(self.session.live_calls().count() <= calls, "it knows calls that do not exist");
        for (call, seen) in self.session.take_seen() {
            let reached = self.session.reached(&call);
            assert!(reached.is_some_and(|reached| seen <= reached), "it has seen what it was not told");
        }
    }
}

//! Builders, so that a test reads as a story: who (`ALICE`, `BOB`, …), what (`Ask`), and what was heard, in words.
#![allow(dead_code, reason = "each test binary takes what it needs")]

pub(crate) mod ask;
pub(crate) mod laws;
pub(crate) mod story;
pub(crate) mod words;

use ringback_call::{
    Attendance, ConnectionId, DeviceId, Endpoint, Leg, Link, NodeId, Origin, PerSide, SessionId, UserId,
};

/// One device of one user, on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Device {
    pub(crate) user: &'static str,
    pub(crate) name: &'static str,
    pub(crate) node: &'static str,
    pub(crate) connection: u64,
}

const fn device(user: &'static str, name: &'static str, node: &'static str) -> Device {
    Device { user, name, node, connection: 10 }
}

/// Who calls.
pub(crate) const ALICE: Device = device("alice", "alice-phone", "gw-1");
/// Another device of who calls: it has no part in the call.
pub(crate) const ALICE_LAPTOP: Device = device("alice", "alice-laptop", "gw-1");
/// Who is called: the device that answers.
pub(crate) const BOB: Device = device("bob", "bob-phone", "gw-2");
/// Who is called: a device that rings as well.
pub(crate) const BOB_TABLET: Device = device("bob", "bob-tablet", "gw-3");
/// Who is called: a device that is not there at first.
pub(crate) const BOB_WATCH: Device = device("bob", "bob-watch", "gw-3");
/// Somebody else.
pub(crate) const MALLORY: Device = device("mallory", "mallory-phone", "gw-2");

impl Device {
    pub(crate) fn user(self) -> UserId {
        UserId::new(self.user).unwrap()
    }

    pub(crate) fn device(self) -> DeviceId {
        DeviceId::new(self.name).unwrap()
    }

    pub(crate) fn link(self) -> Link {
        Link { node: NodeId::new(self.node).unwrap(), connection: ConnectionId(self.connection) }
    }

    pub(crate) fn leg(self) -> Leg {
        Leg::present(self.device(), self.link())
    }

    pub(crate) fn endpoint(self) -> Endpoint {
        Endpoint { user: self.user(), device: self.device() }
    }

    /// Its session outlives its connections.
    pub(crate) fn origin(self) -> Origin {
        let session = SessionId::new(format!("s-{}", self.name)).unwrap();
        Origin { user: self.user(), device: self.device(), session, link: self.link(), seen: 0 }
    }

    /// The same device on a newer connection, to another gateway.
    pub(crate) const fn moved(self, node: &'static str) -> Self {
        Self { node, connection: self.connection + 1, ..self }
    }
}

/// Both bound devices are where they were.
pub(crate) fn both_there() -> Attendance {
    PerSide { caller: Some(ALICE.link()), callee: Some(BOB.link()) }
}

/// Bob's device has no connection any more.
pub(crate) fn only_alice() -> Attendance {
    PerSide { caller: Some(ALICE.link()), callee: None }
}

//! A user's record.

use ringback_call::{CallId, ConnectionId, DeviceId, Link, Millis, NodeId, Timestamp};

/// Where a device is connected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// On which gateway.
    pub node: NodeId,
    /// By which connection.
    pub connection: ConnectionId,
}

impl From<Route> for Link {
    fn from(route: Route) -> Self {
        Self { node: route.node, connection: route.connection }
    }
}

/// What is known of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRecord {
    /// The devices that are connected, or were to a gateway that died. Sorted by device.
    pub routes: Vec<(DeviceId, Route)>,
    /// The user's calls; some may have ended. Sorted by call.
    pub calls: Vec<Listed>,
}

/// A call on a user's list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Which.
    pub call: CallId,
    /// When it was put there; its document follows.
    pub at: Timestamp,
}

/// Ended calls that are remembered of one user.
pub const LAST_ENDED: usize = 32;

/// What became of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The route is in place.
    Done {
        /// The connection whose place it took.
        replaced: Option<Route>,
        /// The record as it is now.
        record: UserRecord,
    },
    /// The device has a newer connection: this one.
    Superseded(Route),
    /// The user has too many devices; the record names them.
    TooMany(UserRecord),
}

/// What calls of a user are counted as, of those that may not come too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// One that the user makes.
    Made,
    /// One to the user.
    Received,
}

/// How often calls may come: one each so many milliseconds, and so many at once where there was none for as long as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two, on the whole; at least 1.
    pub every_ms: Millis,
    /// At once; at least 1.
    pub burst: u32,
}

impl Pace {
    /// How far ahead of its pace something may be.
    pub const fn ahead_ms(self) -> Millis {
        self.every_ms.saturating_mul(self.burst as Millis)
    }
}

/// What became of adding a call to a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enlisted {
    /// It is on the list; the record as it is now.
    Done(UserRecord),
    /// The list is full; the record names what is on it.
    Full(UserRecord),
    /// There were too many attempts of late: it may be tried again after so many milliseconds.
    TooSoon(Millis),
}

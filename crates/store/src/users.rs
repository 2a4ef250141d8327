//! A user's record.

use ringback_call::{CallId, ConnectionId, DeviceId, Link, NodeId};

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
    /// The user's calls; some may have ended. Sorted.
    pub calls: Vec<CallId>,
}

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
    /// The device has a newer connection.
    Superseded,
    /// The user has too many devices; the record names them.
    TooMany(UserRecord),
}

/// What became of adding a call to a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enlisted {
    /// It is on the list; the record as it is now.
    Done(UserRecord),
    /// The list is full; the record names what is on it.
    Full(UserRecord),
}

//! What a store promises, whatever it is made of.
//!
//! A store keeps *documents it does not understand*: rules are in `ringback-call`, atomicity is here. Eight small
//! traits say what each caller needs ([`Calls`], [`Deadlines`], [`Users`], [`CallLog`], [`Sessions`], [`Nodes`],
//! [`Bus`], [`Outbox`]), and [`conformance`] holds every implementation to the promises written on them.
//!
//! Everything lives in one of a fixed number of [partitions](Partition). All keys of a call are in one partition,
//! chosen by its unordered pair of users; all keys of a user in another, chosen by the user. Only what is in one
//! partition can change in one step.

mod bus;
mod call_log;
mod commit;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
pub mod memory;
mod outbox;
mod partition;
pub mod record;
mod size;
mod users;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{CallId, ConnectionId, DeviceId, Endpoint, Millis, NodeId, SessionId, Timestamp, UserId};

use size::Size;

pub use bus::{BusEvent, Sender, Subscription};
pub use call_log::{CallLog, DEVICES_HEARD, Ended, LogBounds, LogEntry, LogPage, LogPlace, Missed};
pub use commit::{Claim, Commit, Committed, Entry, Log, NotAVersion, Stored, Version};
pub use error::StoreError;
pub use outbox::{Collected, DeadLetter, Lease, Letter, NotAPosition, Outbox, Outgoing, Position, Retention};
pub use partition::{Pair, Partition, Partitions};
pub use users::{Attempt, Enlisted, LAST_ENDED, Listed, Pace, Registered, Route, UserRecord};

/// How long a store may take before a call on it fails with [`StoreError::Unavailable`], in milliseconds.
pub const COMMAND_TIMEOUT_MS: Millis = 2_000;

/// Call documents and their logs.
#[async_trait]
pub trait Calls: Send + Sync {
    /// The newest document of a call, or `None` where there is none (never was, or its time to live is over).
    async fn load(&self, call: &CallId) -> Result<Option<Stored>, StoreError>;

    /// Compare and set: in one step, if the stored version is the expected one (and the pair, where it is claimed,
    /// is as expected), writes the document, appends the entries, puts letters into the outbox, sets deadline and time to
    /// live, and publishes the entries to their nodes. Otherwise nothing at all is changed and the present document is returned.
    ///
    /// Returns once it is as durable as the store is set up to make it.
    ///
    /// An error means *unknown*: the commit may have been applied. To send the same commit again is safe: if it
    /// was applied, it is a [`Committed::Conflict`] with the document that it wrote (and its version) or a later one.
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError>;

    /// Returns once this version of a call, or a later one, is as durable as [`Self::commit`] makes what it stores.
    async fn settle(&self, call: &CallId, version: Version) -> Result<(), StoreError>;

    /// The entries of a log numbered `first..=last`, in order; those that were trimmed or never were are left out.
    async fn read(
        &self,
        call: &CallId,
        log: Log,
        first: u64,
        last: u64,
    ) -> Result<Vec<(u64, Bytes)>, StoreError>;
}

/// A call that wants to be looked at: the earliest is first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub call: CallId,
}

/// When calls want to be looked at again. Set by [`Calls::commit`].
#[async_trait]
pub trait Deadlines: Send + Sync {
    /// Calls of a partition whose deadline is at or before `now`, in the order of [`Due`], at most `limit`; where one is named
    /// that they come `after`, those behind it, whether that one is still due or not.
    async fn due(
        &self,
        partition: Partition,
        after: Option<&Due>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError>;

    /// Takes a deadline away whose call is gone; leaves it where the call exists.
    async fn forget(&self, call: &CallId) -> Result<(), StoreError>;

    /// Moves the deadline of a call to another time, if it is `due` or was before; or takes it away, if it is `due`. An earlier
    /// one is of a history that a failover has brought back, in which the call lives and needs it. A call that is over has one
    /// for as long as its users' logs may not have been written.
    async fn reschedule(
        &self,
        call: &CallId,
        due: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError>;
}

/// Who is reachable where, and in which calls. One record a user.
#[async_trait]
pub trait Users: Send + Sync {
    /// Puts a device's route in place of its older one, in one step with the check that the user has no more than
    /// `max` devices. A newer connection of the same device is left in place.
    async fn register(
        &self,
        user: &UserId,
        device: &DeviceId,
        route: Route,
        max: usize,
    ) -> Result<Registered, StoreError>;

    /// Takes a device's route away if it is still this connection's.
    async fn unregister(
        &self,
        user: &UserId,
        device: &DeviceId,
        connection: ConnectionId,
    ) -> Result<bool, StoreError>;

    /// The user's record; an unknown user's is empty. A store that has just lost data, so that routes may be missing
    /// which their gateways have not written again yet, is [unavailable](StoreError::Unavailable) rather than to say
    /// that there are none. So is [`enlist`](Self::enlist).
    async fn lookup(&self, user: &UserId) -> Result<UserRecord, StoreError>;

    /// Adds a call to the user's list, unless it holds `max` others, and returns the record as it then is. The
    /// list is an index, not the truth: it may name calls that have ended, or that were never made.
    ///
    /// Where it counts as an attempt, it does so in the same step by the store's clock, whether there is room for it or
    /// not; one that comes too soon changes nothing. A call that is on the list already is no attempt.
    async fn enlist(
        &self,
        user: &UserId,
        call: &CallId,
        at: Timestamp,
        max: usize,
        counts: Option<(Attempt, Pace)>,
    ) -> Result<Enlisted, StoreError>;

    /// Takes a call off the user's list. One that has `ended` is remembered as one of the last that have
    /// ([`LAST_ENDED`] at most), and written into the user's [log](CallLog), in the same step.
    async fn delist(&self, user: &UserId, call: &CallId, ended: Option<Ended>) -> Result<(), StoreError>;

    /// The last calls that have ended, of those still to be remembered when the newest of them did. Sorted by call.
    async fn last_ended(&self, user: &UserId) -> Result<Vec<CallId>, StoreError>;
}

/// Sessions that can be resumed. A session belongs to one device of one user.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Keeps a session, with something to be remembered of it, for `ttl_ms` from now, whether it was kept before or
    /// not.
    async fn keep(
        &self,
        owner: &Endpoint,
        session: &SessionId,
        notes: Bytes,
        ttl_ms: Millis,
    ) -> Result<(), StoreError>;

    /// What a new connection of a device has to know: what is remembered of the session it names, if that is kept and
    /// is this device's (another's is as good as none), and what time it is by a clock that all connections of this
    /// user share.
    async fn greet(&self, owner: &Endpoint, session: Option<&SessionId>) -> Result<Greeted, StoreError>;
}

/// What a new connection has to know.
#[derive(Clone, PartialEq, Eq)]
pub struct Greeted {
    /// What is remembered of its session; `None` if it is not kept.
    pub notes: Option<Bytes>,
    /// Microseconds since the epoch.
    pub now_us: u64,
}

impl fmt::Debug for Greeted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { notes, now_us } = self;
        let notes = notes.as_ref().map(Size::of);
        f.debug_struct("Greeted").field("notes", &notes).field("now_us", now_us).finish()
    }
}

/// Which gateways live, and what time it is.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Proves that a node lives, for `ttl_ms`, and returns the store's clock and all nodes that live by it.
    async fn heartbeat(&self, node: &NodeId, ttl_ms: Millis) -> Result<Pulse, StoreError>;

    /// A node says that it is gone.
    async fn leave(&self, node: &NodeId) -> Result<(), StoreError>;
}

/// What a heartbeat returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// The store's clock, which all gateways share.
    pub now: Timestamp,
    /// The nodes that live, sorted.
    pub nodes: Vec<NodeId>,
}

/// Messages to a node: a fast path, never the truth. Each arrives at most once and in the order of its partition, and
/// one that does not arrive is noticed: within seconds the node gets [`BusEvent::Missed`], or
/// [`BusEvent::Interrupted`] where nobody knows any more what it missed.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Subscribes a node to its own channel in every partition; returns once every one is subscribed. Only one
    /// process may use a node's name.
    async fn subscribe(&self, node: &NodeId) -> Result<Subscription, StoreError>;

    /// Sends a node a message that belongs to no call's log. Returns whether a node received it.
    async fn publish(&self, partition: Partition, node: &NodeId, body: Bytes) -> Result<bool, StoreError>;
}

/// All of it.
pub trait Store: Calls + Deadlines + Users + CallLog + Sessions + Nodes + Bus + Outbox + 'static {
    /// How many partitions it has: fixed for ever once data is in it.
    fn partitions(&self) -> Partitions;
}

//! Everything that can happen to a call.

use std::ops::RangeInclusive;

use crate::{
    CallId, Candidate, ConnectionId, Detail, DeviceId, EndRequest, Leg, Link, Media, Metadata, Outcome,
    PerSide, RejectReason, RequestId, Sdp, SessionId, StateName, Stats, Terms, Timestamp, TraceParent,
    UserId,
};

/// One thing that happens to a call, and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    /// By the store's clock.
    pub at: Timestamp,
    /// What.
    pub input: Input,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A client asks for something.
    Request {
        /// Which client.
        from: Origin,
        /// Its number; `None` where the gateway asks on a client's behalf and can't ask twice.
        id: Option<RequestId>,
        /// For what.
        action: Action,
    },
    /// The policy and the look-up of the callee have been answered.
    Admission(Admission),
    /// A connection is gone.
    Dropped {
        /// Whose.
        user: UserId,
        /// Of which device.
        device: DeviceId,
        /// Which connection; an older one than the device's present one says nothing.
        connection: ConnectionId,
        /// Its gateway says so, and has not just died: a route that still names this connection is a mistake.
        closed: bool,
    },
    /// A device has a (new) connection.
    Attached {
        /// Whose.
        user: UserId,
        /// Which device.
        device: DeviceId,
        /// Where it is now.
        link: Link,
        /// Whether it has forgotten everything it knew of the call.
        fresh: bool,
    },
    /// A device has this entry of its mailbox, and all before it.
    Seen {
        /// Whose.
        user: UserId,
        /// Which device.
        device: DeviceId,
        /// The entry's number.
        seq: u64,
    },
    /// The call's deadline may have passed.
    Deadline {
        /// Where its devices are.
        attendance: Attendance,
        /// Until when the store was away, if it has been of late.
        away_until: Option<Timestamp>,
    },
    /// The store has lost a history of this call that went further.
    Rewritten {
        /// The entries that were handed out in it alone, the first and the last.
        lost: PerSide<Option<RangeInclusive<u64>>>,
        /// How the call ended in it, if it did: somebody was told so, and there is but one outcome.
        outcome: Option<Outcome>,
    },
    /// An operator ends the call.
    Terminate,
}

/// Who sends a request, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The user its token names.
    pub user: UserId,
    /// Its device.
    pub device: DeviceId,
    /// Its session: request ids are counted in it.
    pub session: SessionId,
    /// Its connection.
    pub link: Link,
    /// The last entry of its mailbox that it says it has; 0 where it says nothing.
    pub seen: u64,
}

/// What a client can ask of a call (protocol section 3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `call:init` to the peer of a call that exists already.
    Init,
    /// `call:ringing`
    Ringing,
    /// `call:accept`
    Accept,
    /// `call:reject`
    Reject(RejectReason),
    /// `call:end`
    End(EndRequest),
    /// `webrtc:offer`
    Offer(Sdp),
    /// `webrtc:answer`
    Answer {
        /// What it says.
        sdp: Sdp,
        /// The offer that it answers, by its number in the sender's mailbox, if the client says so.
        offer: Option<u64>,
    },
    /// `webrtc:ice`, at least one
    Ice(Vec<Candidate>),
    /// `call:connected`
    Connected,
    /// `call:report`
    Report(Stats),
}

/// `call:init` for a call that does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Opening {
    /// The new call's id, made from the session and request, so that the same request makes the same call.
    pub id: CallId,
    /// Who calls.
    pub from: Origin,
    /// The request's number.
    pub request: RequestId,
    /// Who is called.
    pub to: UserId,
    /// What is proposed.
    pub media: Media,
    /// What the application attached.
    pub metadata: Option<Metadata>,
    /// Where the caller's own trace of it is.
    pub traceparent: Option<TraceParent>,
    /// Whether the caller may call them at all, as far as its token says.
    pub granted: bool,
    /// When.
    pub at: Timestamp,
}

/// The answer of the policy and of the look-up of the callee.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Admission {
    /// The policy says no.
    Denied {
        /// Why, if it says so.
        detail: Option<Detail>,
    },
    /// The policy says yes, and this is what was found.
    Allowed {
        /// The callee's connected devices.
        legs: Vec<Leg>,
        /// The states of the callee's other live calls.
        others: Vec<StateName>,
        /// What the policy changes for this call.
        terms: Terms,
    },
}

/// Where the bound devices are according to the routes; `None`: nowhere.
pub type Attendance = PerSide<Option<Link>>;

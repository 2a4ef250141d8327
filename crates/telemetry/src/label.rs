//! What metrics are told apart by. A label is a type, and its values are few and all known: nothing that a client says can
//! make a new one.

use ringback_call::{EndReason, OutcomeEvent, Phase, StateName};
use ringback_session::Departure;
use ringback_wire::{CloseCode, ErrorCode};

/// A label.
pub trait Label: Copy + PartialEq + Sized + 'static {
    /// Its name.
    const NAME: &'static str;
    /// Every value it may have.
    const ALL: &'static [Self];
    /// As it is shown.
    fn value(self) -> &'static str;
}

/// The labels of one metric.
pub trait Labels: Copy {
    /// Their names.
    const NAMES: &'static [&'static str];
    /// Every combination of their values.
    fn all() -> Vec<Vec<&'static str>>;
    /// The place of this combination among them.
    fn index(self) -> usize;
}

fn place<L: Label>(label: L) -> usize {
    L::ALL.iter().position(|other| *other == label).unwrap_or_default()
}

impl Labels for () {
    const NAMES: &'static [&'static str] = &[];

    fn all() -> Vec<Vec<&'static str>> {
        vec![Vec::new()]
    }

    fn index(self) -> usize {
        0
    }
}

impl<A: Label> Labels for (A,) {
    const NAMES: &'static [&'static str] = &[A::NAME];

    fn all() -> Vec<Vec<&'static str>> {
        A::ALL.iter().map(|a| vec![a.value()]).collect()
    }

    fn index(self) -> usize {
        place(self.0)
    }
}

impl<A: Label, B: Label> Labels for (A, B) {
    const NAMES: &'static [&'static str] = &[A::NAME, B::NAME];

    fn all() -> Vec<Vec<&'static str>> {
        A::ALL.iter().flat_map(|a| B::ALL.iter().map(|b| vec![a.value(), b.value()])).collect()
    }

    fn index(self) -> usize {
        place(self.0) * B::ALL.len() + place(self.1)
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident, $label:literal { $($(#[$about:meta])* $variant:ident = $value:literal,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $name { $($(#[$about])* $variant,)+ }

            impl Label for $name {
                const NAME: &'static str = $label;
                const ALL: &'static [Self] = &[$(Self::$variant),+];

                fn value(self) -> &'static str {
                    match self { $(Self::$variant => $value,)+ }
                }
            }
        )+
    };
}

labels! {
    /// How a phase of a set-up came to its end.
    Finish, "finish" {
        /// The next one began.
        Done = "done",
        /// The call ended in it.
        Ended = "ended",
    }

    /// What became of a commit.
    CommitOutcome, "outcome" {
        /// Stored.
        Applied = "applied",
        /// Another gateway was quicker: decided anew.
        Conflict = "conflict",
        /// The two users have a call already.
        PairTaken = "pair_taken",
        /// Nobody knows yet.
        Unknown = "unknown",
        /// Refused for good.
        Failed = "failed",
    }

    /// Why something was read up from the store.
    Gap, "cause" {
        /// A number was missing in front of an entry.
        Sequence = "sequence",
        /// A message to this node was lost.
        MessageLost = "message_lost",
        /// A subscription was interrupted.
        Interrupted = "interrupted",
        /// The store may hold less than it did: a failover, or an emptied Redis.
        DataLost = "data_lost",
    }

    /// What crossed.
    Glare, "level" {
        /// Two calls of the same two users: merged into one.
        Call = "call",
        /// Two offers in one call: one is refused.
        Offer = "offer",
    }

    /// What a `hello` came to.
    Greeting, "result" {
        /// A new session.
        Fresh = "fresh",
        /// The session goes on, and nothing is missing.
        Resumed = "resumed",
        /// A session was named that can't be continued: the client starts from snapshots.
        Unproved = "unproved",
        /// None of it.
        Refused = "refused",
    }

    /// Why a connection was not let in.
    NoRoom, "reason" {
        /// The gateway has as many as it takes.
        Connections = "connections",
        /// Too many are being greeted.
        Greetings = "greetings",
        /// The gateway has more to do than it gets done.
        Overloaded = "overloaded",
        /// Its address has as many as it may.
        AddressConnections = "address_connections",
        /// Its address connects too often.
        AddressRate = "address_rate",
        /// Too many hellos from its address were refused.
        AddressFailures = "address_failures",
        /// Its address has as many as it may that are no WebSockets (yet).
        HalfOpen = "half_open",
        /// Pages of its origin may not connect.
        Origin = "origin",
    }

    /// What a connection is not let do, and is held back from or closed for.
    Unwelcome, "what" {
        /// A message took too long to come in.
        SlowMessage = "slow_message",
        /// More bytes came than may.
        Bytes = "bytes",
        /// More requests of a connection than may be.
        Requests = "requests",
        /// More requests of a user's connections than may be.
        UserRequests = "user_requests",
        /// More calls of a user than may be tried.
        CallAttempts = "call_attempts",
        /// More calls to a user than may be tried.
        CallsToUser = "calls_to_user",
    }

    /// What clients ask for.
    Request, "type" {
        /// `call:init`
        Init = "call:init",
        /// `call:ringing`
        Ringing = "call:ringing",
        /// `call:accept`
        Accept = "call:accept",
        /// `call:reject`
        Reject = "call:reject",
        /// `call:end`
        End = "call:end",
        /// `webrtc:offer`
        Offer = "webrtc:offer",
        /// `webrtc:answer`
        Answer = "webrtc:answer",
        /// `webrtc:ice`
        Ice = "webrtc:ice",
        /// `call:connected`
        Connected = "call:connected",
        /// `call:report`
        Report = "call:report",
        /// `token`
        Token = "token",
        /// `ping`, and what could not be read.
        Other = "other",
    }

    /// What the store is asked for.
    StoreOperation, "operation" {
        /// A call's document.
        Load = "load",
        /// To change a call.
        Commit = "commit",
        /// To make sure that a change is durable.
        Settle = "settle",
        /// Entries of a mailbox.
        Read = "read",
        /// Deadlines.
        Due = "due",
        /// To drop a deadline.
        Forget = "forget",
        /// To make a route public.
        Register = "register",
        /// To take a route away.
        Unregister = "unregister",
        /// A user's record.
        Lookup = "lookup",
        /// To put a call on a user's list.
        Enlist = "enlist",
        /// To take it off.
        Delist = "delist",
        /// The last calls of a user that have ended.
        LastEnded = "last_ended",
        /// A part of a user's log of calls.
        Log = "log",
        /// The missed calls that a device does not know of.
        Missed = "missed",
        /// To note that it does.
        Confirm = "confirm",
        /// To move the deadline of a call that is over.
        Reschedule = "reschedule",
        /// To keep a session.
        Keep = "keep",
        /// A session.
        Greet = "greet",
        /// To prove that this node lives.
        Heartbeat = "heartbeat",
        /// To say that it goes.
        Leave = "leave",
        /// To hear what is for this node.
        Subscribe = "subscribe",
        /// To tell another node something.
        Publish = "publish",
        /// Letters to be delivered.
        Collect = "collect",
        /// To say that one was.
        Acknowledge = "acknowledge",
        /// To put one with the dead.
        Bury = "bury",
        /// To leave an outbox to another node.
        Release = "release",
        /// How many were not delivered yet.
        Waiting = "waiting",
        /// Letters, dead or not, to be looked at.
        Browse = "browse",
        /// To send a dead one anew.
        Revive = "revive",
    }

    /// What came of an attempt to deliver an event.
    Attempt, "result" {
        /// The receiver has it.
        Delivered = "delivered",
        /// It answered otherwise.
        Refused = "refused",
        /// It did not answer in time.
        TimedOut = "timed_out",
        /// There was no way to it.
        Unreachable = "unreachable",
    }

    /// What the policy said of a call.
    Judged, "result" {
        /// It may be placed.
        Allowed = "allowed",
        /// It may not.
        Denied = "denied",
        /// There was no answer in time.
        TimedOut = "timed_out",
        /// There was no way to ask.
        Unreachable = "unreachable",
        /// It was answered with an error, or with what is no answer.
        Invalid = "invalid",
        /// It was not asked: too many questions before had no answer (circuit breaker).
        Spared = "spared",
    }

    /// A port of the gateway that may speak TLS.
    TlsPort, "port" {
        /// Where clients connect.
        Clients = "clients",
        /// Where operators look.
        Admin = "admin",
    }

    /// What came of a certificate that was changed.
    Loading, "result" {
        /// It is in use.
        Loaded = "loaded",
        /// It can't be used, and the old one stays.
        Failed = "failed",
    }

    /// How a TLS handshake ended.
    Handshake, "result" {
        /// The connection is safe.
        Done = "done",
        /// The two did not agree, or one went away.
        Failed = "failed",
        /// It took too long.
        TimedOut = "timed_out",
    }

    /// What was wrong with a token.
    TokenFault, "fault" {
        /// It is none, or too long.
        Malformed = "malformed",
        /// It is signed by an algorithm that is not accepted, or not at all.
        Algorithm = "algorithm",
        /// There is no key with its `kid` and algorithm.
        UnknownKey = "unknown_key",
        /// It is signed with another key.
        Signature = "signature",
        /// Its claims are not as they should be.
        Claims = "claims",
        /// It is over.
        Expired = "expired",
        /// It is not valid yet.
        NotYet = "not_yet",
        /// It is by another issuer.
        Issuer = "issuer",
        /// It is for another audience.
        Audience = "audience",
        /// Its key does not speak for its tenant.
        Tenant = "tenant",
        /// Its `sub` is no user.
        Subject = "subject",
        /// It is for another device.
        Device = "device",
        /// It renews one of somebody else.
        Owner = "owner",
    }

    /// What came of fetching keys.
    Fetched, "result" {
        /// They are there.
        Ok = "ok",
        /// There was no answer in time, or no way to ask.
        Unreachable = "unreachable",
        /// The answer was an error, or no set of keys.
        Invalid = "invalid",
    }

    /// Why an event was not delivered.
    Undelivered, "cause" {
        /// As often as it was tried: a dead letter.
        Attempts = "attempts",
        /// The receiver said never to send it again: a dead letter.
        Refused = "refused",
        /// It could not be read: a dead letter.
        Unreadable = "unreadable",
        /// The gateway panicked over it: a dead letter.
        Panicked = "panicked",
        /// It waited for longer than events are kept.
        Expired = "expired",
    }

    /// What could not be read, and was left out.
    Unreadable, "record" {
        /// A call in a user's log.
        Log = "log",
        /// A step on a call's timeline.
        Note = "note",
        /// An event on its way to clients.
        Envelope = "envelope",
        /// The call's document that comes with it.
        Document = "document",
        /// What one gateway tells another.
        Message = "message",
    }

    /// Why the store did not do it.
    StoreFailure, "kind" {
        /// It is away, or was too slow.
        Unavailable = "unavailable",
        /// It can't, or what it holds can't be read.
        Permanent = "permanent",
    }
}

impl Label for EndReason {
    const NAME: &'static str = "reason";
    const ALL: &'static [Self] = &Self::ALL;

    fn value(self) -> &'static str {
        self.as_str()
    }
}

impl Label for Phase {
    const NAME: &'static str = "phase";
    const ALL: &'static [Self] = &Self::ALL;

    fn value(self) -> &'static str {
        self.as_str()
    }
}

impl Label for OutcomeEvent {
    const NAME: &'static str = "event";
    const ALL: &'static [Self] = &Self::ALL;

    fn value(self) -> &'static str {
        self.as_str()
    }
}

/// Those of live calls.
impl Label for StateName {
    const NAME: &'static str = "state";
    const ALL: &'static [Self] = &[Self::Idle, Self::Ringing, Self::Connecting, Self::Connected];

    fn value(self) -> &'static str {
        self.as_str()
    }
}

impl Label for ErrorCode {
    const NAME: &'static str = "code";
    const ALL: &'static [Self] = &Self::ALL;

    fn value(self) -> &'static str {
        self.as_str()
    }
}

impl Label for Departure {
    const NAME: &'static str = "reason";
    const ALL: &'static [Self] = &[
        Self::Client,
        Self::Closed(CloseCode::GoingAway),
        Self::Closed(CloseCode::SlowReader),
        Self::Closed(CloseCode::NoPong),
        Self::Closed(CloseCode::TooManyRequests),
        Self::Closed(CloseCode::BadFrame),
        Self::Closed(CloseCode::BadToken),
        Self::Closed(CloseCode::NoHello),
        Self::Closed(CloseCode::Replaced),
        Self::Closed(CloseCode::FrameTooLarge),
        Self::Closed(CloseCode::EndedByOperator),
    ];

    fn value(self) -> &'static str {
        self.label()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_combination_is_found_in_its_place() {
        let all = <(EndReason, Phase)>::all();
        assert_eq!(all.len(), 65);
        assert_eq!(all[(EndReason::Rejected, Phase::Ring).index()], ["rejected", "ring"]);
        assert_eq!(all[(EndReason::EndedByServer, Phase::Talk).index()], ["ended_by_server", "talk"]);
    }

    #[test]
    fn no_way_for_a_connection_to_end_is_left_out() {
        assert_eq!(Departure::ALL.len(), 1 + CloseCode::ALL.len());
        for code in CloseCode::ALL {
            assert!(Departure::ALL.contains(&code.into()), "{code:?}");
        }
    }
}

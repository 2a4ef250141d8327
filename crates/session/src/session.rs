//! A connection that has said who it is.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    fmt,
};

use ringback_call::{
    Action, Audience, CallId, DeviceId, Event, Input, Link, Origin, RequestId, SessionId, Timestamp, UserId,
};
use ringback_wire::{
    Ack, Body, ClientFrame, CloseCode, ErrorCode, ErrorFrame, EventFrame, Format, FrameError, Init, Limits,
    SeenMap, ServerFrame,
};

/// How far the clocks of two gateways may be apart, and a message be late, in milliseconds.
const UNSURE_MS: u64 = 2_000;
/// Ended calls whose numbers are still remembered, so that an entry that comes late is not delivered again.
const REMEMBERED: usize = 32;

/// Who a connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// By its token.
    pub user: UserId,
    /// Its installation.
    pub device: DeviceId,
    /// Its session.
    pub session: SessionId,
    /// Where it is.
    pub link: Link,
}

impl Identity {
    /// As the core knows the sender of a request.
    pub fn origin(&self) -> Origin {
        Origin {
            user: self.user.clone(),
            device: self.device.clone(),
            session: self.session.clone(),
            link: self.link.clone(),
            seen: 0,
        }
    }
}

/// What a frame asks of the gateway.
#[derive(PartialEq, Eq)]
pub enum Step {
    /// Nothing more; what the client has seen may have become more.
    Seen,
    /// To be sent as it is.
    Reply(ServerFrame),
    /// A new call is wanted.
    Place(RequestId, Init),
    /// Something is asked of a call.
    Act(RequestId, CallId, Input),
    /// A new token is offered.
    Renew(RequestId, String),
    /// The connection is to be closed.
    Close(CloseCode),
}

/// A token does not print.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seen => f.write_str("Seen"),
            Self::Reply(frame) => f.debug_tuple("Reply").field(frame).finish(),
            Self::Place(id, init) => f.debug_tuple("Place").field(id).field(init).finish(),
            Self::Act(id, call, input) => f.debug_tuple("Act").field(id).field(call).field(input).finish(),
            Self::Renew(id, _) => f.debug_tuple("Renew").field(id).finish(),
            Self::Close(code) => f.debug_tuple("Close").field(code).finish(),
        }
    }
}

impl Step {
    /// The number of the request it comes from, where there is one.
    pub fn id(&self) -> Option<u64> {
        match self {
            Self::Place(id, _) | Self::Act(id, ..) | Self::Renew(id, _) => Some(id.0),
            Self::Reply(ServerFrame::Ack(ack)) => Some(ack.id.0),
            Self::Reply(ServerFrame::Error(error)) => error.id,
            Self::Reply(_) | Self::Seen | Self::Close(_) => None,
        }
    }
}

/// A connection with a name.
#[derive(Debug)]
pub struct Session {
    identity: Identity,
    format: Format,
    limits: Limits,
    /// How far it has got in each call's mailbox: everything up to this entry was delivered, or was for others.
    reached: HashMap<CallId, u64>,
    /// Each with the number of its end.
    ended: VecDeque<(CallId, u64)>,
    /// Calls of its own that the client has not been told the name of, and of which something was kept from it.
    untold: BTreeSet<CallId>,
    seen: SeenMap,
    /// Calls of which it has seen more of late.
    news: BTreeSet<CallId>,
    /// Until when it was told of missed calls.
    missed_told: Option<Timestamp>,
    /// Until when it knows of them, if that is news.
    missed_known: Option<Timestamp>,
}

/// What an entry is to a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// To be sent.
    Deliver(Box<EventFrame>),
    /// Delivered already, or for other devices.
    Skip,
    /// Something before it is missing: the mailbox has to be read first.
    Gap,
    /// Of a call whose name the client does not know.
    Unknown,
}

impl Session {
    /// Begins.
    pub fn new(identity: Identity, format: Format, limits: Limits) -> Self {
        Self {
            identity,
            format,
            limits,
            reached: HashMap::new(),
            ended: VecDeque::new(),
            untold: BTreeSet::new(),
            seen: SeenMap::new(),
            news: BTreeSet::new(),
            missed_told: None,
            missed_known: None,
        }
    }

    /// Who it is.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Takes a frame.
    pub fn receive(&mut self, bytes: &[u8], now: Timestamp) -> Step {
        match self.format.decode(bytes, &self.limits) {
            Err(FrameError::Malformed) => Step::Close(CloseCode::BadFrame),
            Err(FrameError::Refused { id, code, message }) => {
                Step::Reply(ServerFrame::Error(ErrorFrame::new(id, code, message)))
            }
            Ok(ClientFrame::Hello(hello)) => Step::Reply(ServerFrame::Error(ErrorFrame::new(
                Some(hello.id.0),
                ErrorCode::BadRequest,
                "hello was said already",
            ))),
            Ok(ClientFrame::Seen(seen)) => {
                self.note_seen(seen.calls);
                self.note_missed(seen.missed);
                Step::Seen
            }
            Ok(ClientFrame::Request(request)) => {
                self.note_seen(request.seen);
                self.step(request.id, request.body, now)
            }
        }
    }

    fn step(&self, id: RequestId, body: Body, now: Timestamp) -> Step {
        match body {
            Body::Ping => Step::Reply(ServerFrame::Ack(Ack { at: Some(now), ..Ack::done(id) })),
            Body::Token(token) => Step::Renew(id, token),
            Body::Init(init) => Step::Place(id, init),
            Body::Act(call, action) => {
                let input = self.request(&call, id, action);
                Step::Act(id, call, input)
            }
        }
    }

    /// A request of this client's, as the core takes it, with what the client has seen of the call.
    fn request(&self, call: &CallId, id: RequestId, action: Action) -> Input {
        let seen = self.seen.get(call).copied().unwrap_or_default();
        Input::Request { from: Origin { seen, ..self.identity.origin() }, id: Some(id), action }
    }

    /// What the next entry of this user's mailbox in a call is to this device.
    pub fn next(&mut self, call: &CallId, seq: u64, at: Timestamp, to: &Audience, event: &Event) -> Turn {
        let ours = to.includes(&self.identity.device);
        let reached = match self.reached.get(call) {
            Some(reached) => *reached,
            // A call this device has no part in, or none yet.
            None if !ours => return Turn::Skip,
            // It may have begun to ring before this device was there: the call tells whether the device is rung.
            None if names_itself(to, event) && at.0 < self.sure_from() => return Turn::Gap,
            None if names_itself(to, event) => 0,
            None => return Turn::Unknown,
        };
        match seq.checked_sub(reached) {
            None | Some(0) => Turn::Skip,
            Some(1) => self.advance(call, seq, at, ours.then_some(event)),
            Some(_) => Turn::Gap,
        }
    }

    /// What is said to all devices from this moment on includes this one for certain.
    fn sure_from(&self) -> u64 {
        self.identity.link.connection.opened_at().0 + UNSURE_MS
    }

    /// An entry that was read from the mailbox: nothing before it is missing, whatever its number.
    pub fn replayed(&mut self, call: &CallId, seq: u64, at: Timestamp, to: &Audience, event: &Event) -> Turn {
        if self.reached.get(call).is_some_and(|reached| *reached >= seq) {
            return Turn::Skip;
        }
        let ours = to.includes(&self.identity.device);
        self.advance(call, seq, at, ours.then_some(event))
    }

    fn advance(&mut self, call: &CallId, seq: u64, at: Timestamp, event: Option<&Event>) -> Turn {
        self.reached.insert(call.clone(), seq);
        let Some(event) = event else { return Turn::Skip };
        if matches!(event, Event::Ended { .. }) {
            self.forget_later(call, seq);
        }
        Turn::Deliver(Box::new(EventFrame { call: call.clone(), seq, at, event: event.clone() }))
    }

    /// Everything up to this entry was delivered, or is none of this device's business.
    pub fn reach(&mut self, call: &CallId, seq: u64) {
        let reached = self.reached.entry(call.clone()).or_default();
        *reached = seq.max(*reached);
    }

    /// Something of a call is kept from the client until it is told the call's name.
    pub fn withhold(&mut self, call: &CallId) {
        if self.untold.len() >= REMEMBERED {
            self.untold.pop_first();
        }
        self.untold.insert(call.clone());
    }

    /// The client has been told the name of a call that it asked for, by the reply. Whether it has to be read what else
    /// was said in that call: something was kept from it until now, or `was_there`, it being made by an earlier request.
    pub fn introduce(&mut self, call: &CallId, was_there: bool) -> bool {
        let is_new = !self.reached.contains_key(call);
        self.reach(call, 0);
        self.untold.remove(call) || (is_new && was_there)
    }

    /// How far it has got in a call's mailbox; `None` for a call it has not heard of.
    pub fn reached(&self, call: &CallId) -> Option<u64> {
        self.reached.get(call).copied()
    }

    fn forget_later(&mut self, call: &CallId, end: u64) {
        self.ended.push_back((call.clone(), end));
        if self.ended.len() > REMEMBERED
            && let Some((oldest, _)) = self.ended.pop_front()
        {
            self.reached.remove(&oldest);
            self.seen.remove(&oldest);
        }
    }

    /// What a client says it has seen counts only as far as it was told.
    fn note_seen(&mut self, seen: SeenMap) {
        for (call, seq) in seen {
            if let Some(reached) = self.reached.get(&call) {
                let newest = self.seen.entry(call.clone()).or_default();
                let seen = seq.min(*reached);
                if seen > *newest {
                    *newest = seen;
                    self.news.insert(call);
                }
            }
        }
    }

    /// The calls of which the client has seen more since this was last asked, and how far.
    pub fn take_seen(&mut self) -> SeenMap {
        let news = std::mem::take(&mut self.news);
        news.into_iter().filter_map(|call| Some((call.clone(), *self.seen.get(&call)?))).collect()
    }

    /// It is told of the missed calls until this moment.
    pub const fn told_missed(&mut self, until: Timestamp) {
        self.missed_told = Some(until);
    }

    /// As with what it has seen, only what was told counts; and once, for nothing more follows in this connection.
    fn note_missed(&mut self, known: Option<Timestamp>) {
        if let Some(told) = self.missed_told
            && known.is_some_and(|known| known >= told)
        {
            self.missed_known = self.missed_told.take();
        }
    }

    /// Until when the client knows of the missed calls, if it has said so since this was last asked.
    pub const fn take_missed(&mut self) -> Option<Timestamp> {
        self.missed_known.take()
    }

    /// The calls whose end it was told, the last of them, with the number of the end.
    pub fn told(&self) -> impl Iterator<Item = &(CallId, u64)> {
        self.ended.iter()
    }

    /// An earlier connection of this session was told of a call's end.
    pub fn was_told(&mut self, call: &CallId, end: u64) {
        if !self.has_ended(call) {
            self.forget_later(call, end);
        }
    }

    fn has_ended(&self, call: &CallId) -> bool {
        self.ended.iter().any(|(ended, _)| ended == call)
    }

    /// The calls this connection was told of and that have not ended.
    pub fn live_calls(&self) -> impl Iterator<Item = &CallId> {
        self.reached.keys().filter(|call| !self.has_ended(call))
    }
}

/// Whether a client understands this of a call it has not heard of. What is for its device alone is not: the call is one
/// that it asked for, and the reply that names it could not be given yet.
const fn names_itself(to: &Audience, event: &Event) -> bool {
    matches!(event, Event::Incoming { .. }) || !matches!(to, Audience::Only(_))
}

#[cfg(test)]
mod tests;

//! A connection that has said who it is.

use std::collections::{HashMap, VecDeque};

use ringback_call::{
    Action, Audience, CallId, DeviceId, Event, Input, Link, Origin, RequestId, SessionId, Timestamp, UserId,
};
use ringback_wire::{
    Ack, Body, ClientFrame, CloseCode, ErrorCode, ErrorFrame, EventFrame, Format, FrameError, Init, Limits,
    SeenMap, ServerFrame,
};

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
        }
    }
}

/// What a frame asks of the gateway.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing more.
    Nothing,
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

impl Step {
    /// The number of the request it comes from, where there is one.
    pub fn id(&self) -> Option<u64> {
        match self {
            Self::Place(id, _) | Self::Act(id, ..) | Self::Renew(id, _) => Some(id.0),
            Self::Reply(ServerFrame::Ack(ack)) => Some(ack.id.0),
            Self::Reply(ServerFrame::Error(error)) => error.id,
            Self::Reply(_) | Self::Nothing | Self::Close(_) => None,
        }
    }
}

/// A connection with a name.
#[derive(Debug)]
pub struct Session {
    identity: Identity,
    format: Format,
    limits: Limits,
    /// The newest entry of each call that was delivered.
    delivered: HashMap<CallId, u64>,
    ended: VecDeque<CallId>,
    seen: SeenMap,
}

impl Session {
    /// Begins.
    pub fn new(identity: Identity, format: Format, limits: Limits) -> Self {
        Self {
            identity,
            format,
            limits,
            delivered: HashMap::new(),
            ended: VecDeque::new(),
            seen: SeenMap::new(),
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
                self.note_seen(seen);
                Step::Nothing
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
            Body::Act(call, action) => Step::Act(id, call, self.request(id, action)),
        }
    }

    /// A request of this client's, as the core takes it.
    pub fn request(&self, id: RequestId, action: Action) -> Input {
        Input::Request { from: self.identity.origin(), id: Some(id), action }
    }

    /// The frame for an entry of this user's mailbox, unless it is for other devices or was delivered already.
    pub fn deliver(
        &mut self,
        call: &CallId,
        seq: u64,
        at: Timestamp,
        to: &Audience,
        event: &Event,
    ) -> Option<EventFrame> {
        if !to.includes(&self.identity.device) || self.delivered.get(call).is_some_and(|last| *last >= seq) {
            return None;
        }
        self.delivered.insert(call.clone(), seq);
        if matches!(event, Event::Ended { .. }) {
            self.forget_later(call);
        }
        Some(EventFrame { call: call.clone(), seq, at, event: event.clone() })
    }

    /// The client has been told of a call up to this entry, by a snapshot.
    pub fn start_at(&mut self, call: &CallId, seq: u64) {
        self.delivered.insert(call.clone(), seq);
    }

    /// The client takes part in a call of which it may have been told nothing yet.
    pub fn joined(&mut self, call: &CallId) {
        self.delivered.entry(call.clone()).or_default();
    }

    fn forget_later(&mut self, call: &CallId) {
        self.ended.push_back(call.clone());
        if self.ended.len() > REMEMBERED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.delivered.remove(&oldest);
            self.seen.remove(&oldest);
        }
    }

    /// What a client says it has seen counts only as far as it was told.
    fn note_seen(&mut self, seen: SeenMap) {
        for (call, seq) in seen {
            if let Some(delivered) = self.delivered.get(&call) {
                let newest = self.seen.entry(call).or_default();
                *newest = seq.min(*delivered).max(*newest);
            }
        }
    }

    /// What the client has seen, by call.
    pub const fn seen(&self) -> &SeenMap {
        &self.seen
    }

    /// The calls this connection was told of and that have not ended.
    pub fn live_calls(&self) -> impl Iterator<Item = &CallId> {
        self.delivered.keys().filter(|call| !self.ended.contains(call))
    }
}

#[cfg(test)]
mod tests;

//! Frames to a client.

use std::fmt;

use ringback_call::{
    CallId, DeviceId, EndReason, Endpoint, Media, NodeId, Rejection, RequestId, SessionId, Side, StateName,
    Timestamp, UserId,
};
use serde::Serialize;

use crate::{ErrorCode, EventFrame, MissedFrame, party};

/// A frame to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ServerFrame {
    /// The reply to `hello`.
    Hello(Box<HelloAck>),
    /// The reply to any other request that was applied.
    Ack(Ack),
    /// The reply to a request that was refused.
    Error(ErrorFrame),
    /// Something happened to a call.
    Event(EventFrame),
    /// Calls were missed.
    Missed(MissedFrame),
    /// The client is asked to connect anew.
    Goaway(Goaway),
    /// The client's token is over soon.
    TokenExpiring(TokenExpiring),
}

/// The reply to `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "ack")]
pub struct HelloAck {
    /// The request's number.
    pub id: RequestId,
    /// The session, to be named when coming back.
    pub session: SessionId,
    /// Whether continuity is proved; if not, `calls` is the truth to start from.
    pub resumed: bool,
    /// Who the client is, by its token.
    #[serde(serialize_with = "party::name")]
    pub user: UserId,
    /// Its device, made up where the client named none.
    pub device: DeviceId,
    /// The gateway.
    pub node: NodeId,
    /// How often the client should be heard of, in milliseconds.
    pub heartbeat_ms: u64,
    /// When the token expires; absent where it never does (development).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<Timestamp>,
    /// STUN and TURN servers, as `RTCIceServer`s.
    pub ice_servers: Vec<IceServer>,
    /// The live calls this device takes part in or may answer.
    pub calls: Vec<Snapshot>,
}

/// The client's token is over soon: told to those that ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "token_expiring")]
pub struct TokenExpiring {
    /// When.
    pub expires_at: Timestamp,
}

/// An `RTCIceServer`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct IceServer {
    /// `stun:` and `turn:` addresses.
    pub urls: Vec<String>,
    /// TURN: who the client says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN: proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// A call as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Which.
    pub call: CallId,
    /// `ringing`, `connecting` or `connected`; a call that is still being placed counts as `ringing`.
    pub state: StateName,
    /// The side of the client.
    pub role: Side,
    /// The other side; its device once one is bound.
    pub peer: PeerRef,
    /// What the caller proposed.
    pub media: Media,
    /// When it was placed.
    pub created_at: Timestamp,
    /// The newest entry of the client's mailbox.
    pub seq: u64,
}

/// The other side of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerRef {
    /// Who.
    #[serde(serialize_with = "party::name")]
    pub user: UserId,
    /// On which device, once one is bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
}

impl From<Endpoint> for PeerRef {
    fn from(endpoint: Endpoint) -> Self {
        Self { user: endpoint.user, device: Some(endpoint.device) }
    }
}

/// The reply to a request that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "ack")]
pub struct Ack {
    /// The request's number.
    pub id: RequestId,
    /// `call:init`: the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// `call:init` that met the callee's own: the side the client is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Side>,
    /// `call:init`: whether it met the callee's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glare: Option<bool>,
    /// The call had ended already, with this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub already: Option<EndReason>,
    /// `ping`: the server's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// `token`: when the new one expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<Timestamp>,
    /// `token`: STUN and TURN servers, with fresh credentials.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
}

impl Ack {
    /// Done, and no more to say.
    pub const fn done(id: RequestId) -> Self {
        Self {
            id,
            call: None,
            role: None,
            glare: None,
            already: None,
            at: None,
            token_expires_at: None,
            ice_servers: Vec::new(),
        }
    }

    /// What the core says of a request.
    pub fn of(id: RequestId, ack: ringback_call::Ack) -> Self {
        let done = Self::done(id);
        match ack {
            ringback_call::Ack::Done => done,
            ringback_call::Ack::Placed(call) => Self { call: Some(call), ..done },
            ringback_call::Ack::Merged(call) => {
                Self { call: Some(call), role: Some(Side::Callee), glare: Some(true), ..done }
            }
            ringback_call::Ack::Already(reason) => Self { already: Some(reason), ..done },
        }
    }
}

/// The reply to a request that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "error")]
pub struct ErrorFrame {
    /// The request's number, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// What clients switch on.
    pub code: ErrorCode,
    /// What developers read.
    pub message: String,
    /// `invalid_state`: the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateName>,
    /// `unavailable`, `rate_limited`: when to try again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorFrame {
    /// An error with nothing special about it.
    pub fn new(id: Option<u64>, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { id, code, message: message.into(), state: None, retry_after_ms: None }
    }

    /// What the core says against a request.
    pub fn of(id: RequestId, rejection: Rejection) -> Self {
        let state = match rejection {
            Rejection::InvalidState(state) => Some(state),
            _ => None,
        };
        Self { state, ..Self::new(Some(id.0), rejection.into(), rejection.to_string()) }
    }

    /// The same, to be tried again after this many milliseconds.
    #[must_use]
    pub fn retry_after(self, ms: u64) -> Self {
        Self { retry_after_ms: Some(ms), ..self }
    }
}

/// The client is asked to connect anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "goaway")]
pub struct Goaway {
    /// After this many milliseconds.
    pub reconnect_after_ms: u64,
    /// Why.
    pub reason: &'static str,
}

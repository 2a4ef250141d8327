//! Frames from a client.

mod fields;

use std::collections::BTreeMap;

use ringback_call::{
    Action, CallId, Candidate, DeviceId, Media, Metadata, RequestId, Sdp, SessionId, Stats, Timestamp,
    TraceParent, UserId,
};

use crate::{ErrorCode, Format, FrameError, Limits, format::Head, json_text::JsonText};
use fields::{Common, OfRequest};

/// What a client reports to have seen: the number of the newest entry, by call.
pub type SeenMap = BTreeMap<CallId, u64>;

/// A frame from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFrame {
    /// The first one.
    Hello(Box<Hello>),
    /// What arrived. Has no id and no reply.
    Seen(Seen),
    /// Anything that is answered.
    Request(Request),
}

/// `seen`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How far, in each call.
    pub calls: SeenMap,
    /// The missed calls the client knows of: those it was told with this `until`, and with any before.
    pub missed: Option<Timestamp>,
}

/// `hello`
#[derive(Clone, PartialEq, Eq)]
pub struct Hello {
    /// The request's number.
    pub id: RequestId,
    /// A JSON Web Token (RFC 7519), not checked yet.
    pub token: String,
    /// The installation; absent: the server makes one up.
    pub device: Option<DeviceId>,
    /// A session to resume. One that we can't have given out is as good as none.
    pub session: Option<SessionId>,
    /// What the client has seen.
    pub seen: SeenMap,
    /// Asks to be told of missed calls, but for those that the client knows of, by the `until` it was told them with.
    pub missed: Option<Timestamp>,
    /// How long before its token expires the client wants to be told so, in milliseconds.
    pub warn_expiry_ms: Option<u64>,
    /// What the client is.
    pub client: Option<ClientInfo>,
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, token: _, device, session, seen, missed, warn_expiry_ms, client } = self;
        f.debug_struct("Hello")
            .field("id", id)
            .field("device", device)
            .field("session", session)
            .field("seen", seen)
            .field("missed", missed)
            .field("warn_expiry_ms", warn_expiry_ms)
            .field("client", client)
            .finish_non_exhaustive()
    }
}

/// The client's program, for logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct ClientInfo {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
}

/// Anything that is answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number.
    pub id: RequestId,
    /// What the client has seen meanwhile.
    pub seen: SeenMap,
    /// What is asked for.
    pub body: Body,
}

/// What a request asks for.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// `ping`
    Ping,
    /// `token`: a new one.
    Token(String),
    /// `call:init`
    Init(Init),
    /// Everything on a call that exists.
    Act(CallId, Action),
}

/// `call:init`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init {
    /// Who is called.
    pub to: UserId,
    /// What is proposed.
    pub media: Media,
    /// What the application attached.
    pub metadata: Option<Metadata>,
    /// Where the client's own trace of it is; one that is not valid is ignored, as W3C Trace Context has it.
    pub traceparent: Option<TraceParent>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({} {:?})", self.id.0, self.body)
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ping => f.write_str("Ping"),
            Self::Token(_) => f.write_str("Token"),
            Self::Init(init) => init.fmt(f),
            Self::Act(call, action) => write!(f, "{action:?} of {call:?}"),
        }
    }
}

/// Reads the rest of a frame whose head is known.
pub(crate) fn decode(
    format: Format,
    head: &Head,
    bytes: &[u8],
    limits: &Limits,
) -> Result<ClientFrame, FrameError> {
    let reader = Reader { format, bytes, limits };
    reader.frame(&head.kind).map_err(|Refusal { code, message }| FrameError::Refused {
        id: head.id(),
        code,
        message,
    })
}

struct Refusal {
    code: ErrorCode,
    message: String,
}

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        Self { code: ErrorCode::BadRequest, message: message.into() }
    }
}

struct Reader<'a> {
    format: Format,
    bytes: &'a [u8],
    limits: &'a Limits,
}

impl<'a> Reader<'a> {
    fn frame(&self, kind: &str) -> Result<ClientFrame, Refusal> {
        match kind {
            "hello" => self.hello(),
            "seen" => {
                let fields: fields::Seen = self.read()?;
                let missed = fields.missed.map(Timestamp);
                Ok(ClientFrame::Seen(Seen { calls: self.seen(fields.calls)?, missed }))
            }
            _ => self.request(kind),
        }
    }

    fn hello(&self) -> Result<ClientFrame, Refusal> {
        let fields: fields::Hello = self.read()?;
        self.fits("token", fields.token.len(), self.limits.token_bytes)?;
        Ok(ClientFrame::Hello(Box::new(Hello {
            id: request_id(fields.id)?,
            token: fields.token,
            device: fields
                .device
                .map(|device| DeviceId::new(device).map_err(|error| Refusal::bad(error.to_string())))
                .transpose()?,
            session: fields.session.and_then(|session| SessionId::new(session).ok()),
            seen: self.seen(fields.seen)?,
            missed: fields.missed.map(Timestamp),
            warn_expiry_ms: fields.warn_expiry_ms,
            client: fields.client,
        })))
    }

    fn request(&self, kind: &str) -> Result<ClientFrame, Refusal> {
        let (common, body) = match kind {
            "ping" => (self.ask::<fields::Plain>()?.0, Body::Ping),
            "token" => {
                let (common, fields::Token { token, .. }) = self.ask()?;
                self.fits("token", token.len(), self.limits.token_bytes)?;
                (common, Body::Token(token))
            }
            "call:init" => self.init()?,
            "call:ringing" => self.plain(Action::Ringing)?,
            "call:accept" => self.plain(Action::Accept)?,
            "call:connected" => self.plain(Action::Connected)?,
            "call:reject" => {
                let (common, fields::Reject { call, reason, .. }) = self.ask()?;
                (common, act(call, Action::Reject(reason.unwrap_or_default()))?)
            }
            "call:end" => {
                let (common, fields::End { call, reason, .. }) = self.ask()?;
                (common, act(call, Action::End(reason.unwrap_or_default()))?)
            }
            "webrtc:offer" => {
                let (common, fields::Offer { call, sdp, .. }) = self.ask()?;
                (common, act(call, Action::Offer(self.description(sdp)?))?)
            }
            "webrtc:answer" => {
                let (common, fields::Answer { call, sdp, offer, .. }) = self.ask()?;
                (common, act(call, Action::Answer { sdp: self.description(sdp)?, offer })?)
            }
            "webrtc:ice" => self.candidates()?,
            "call:report" => {
                let (common, fields::Report { call, stats: JsonText(stats), .. }) = self.ask()?;
                self.fits("stats", stats.len(), self.limits.report_bytes)?;
                (common, act(call, Action::Report(Stats::new(stats)))?)
            }
            _ => return Err(Refusal::bad("unknown type")),
        };
        Ok(ClientFrame::Request(Request { id: request_id(common.id)?, seen: self.seen(common.seen)?, body }))
    }

    fn init(&self) -> Result<(Common, Body), Refusal> {
        let (common, fields): (_, fields::Init) = self.ask()?;
        let metadata = fields.metadata.filter(|JsonText(text)| text != "null");
        if let Some(JsonText(text)) = &metadata {
            self.fits("metadata", text.len(), self.limits.metadata_bytes)?;
        }
        let init = Init {
            to: UserId::new(fields.to).map_err(|error| Refusal::bad(format!("`to`: {error}")))?,
            media: fields.media.unwrap_or_default(),
            metadata: metadata.map(|JsonText(text)| Metadata::new(text)),
            traceparent: fields
                .traceparent
                .and_then(|JsonText(text)| TraceParent::new(text.trim_matches('"')).ok()),
        };
        Ok((common, Body::Init(init)))
    }

    fn plain(&self, action: Action) -> Result<(Common, Body), Refusal> {
        let (common, fields::OfCall { call, .. }) = self.ask()?;
        Ok((common, act(call, action)?))
    }

    fn description(&self, sdp: String) -> Result<Sdp, Refusal> {
        self.fits("sdp", sdp.len(), self.limits.sdp_bytes)?;
        Ok(Sdp::new(sdp))
    }

    fn candidates(&self) -> Result<(Common, Body), Refusal> {
        let (common, fields): (_, fields::Ice) = self.ask()?;
        if fields.candidates.is_empty() {
            return Err(Refusal::bad("`candidates` is empty"));
        }
        let mut candidates = Vec::with_capacity(fields.candidates.len());
        for JsonText(text) in fields.candidates {
            if !(text.starts_with('{') || text == "null") {
                return Err(Refusal::bad("a candidate is an object or null"));
            }
            self.fits("a candidate", text.len(), self.limits.candidate_bytes)?;
            candidates.push(Candidate::new(text));
        }
        Ok((common, act(fields.call, Action::Ice(candidates))?))
    }

    /// The fields of a request, and those that every request may have.
    fn ask<T: serde::Deserialize<'a> + OfRequest>(&self) -> Result<(Common, T), Refusal> {
        let mut fields: T = self.read()?;
        Ok((fields.common(), fields))
    }

    fn read<T: serde::Deserialize<'a>>(&self) -> Result<T, Refusal> {
        self.format.read(self.bytes).map_err(Refusal::bad)
    }

    fn fits(&self, what: &str, size: usize, max: usize) -> Result<(), Refusal> {
        if size <= max {
            return Ok(());
        }
        Err(Refusal { code: ErrorCode::TooLarge, message: format!("{what} is larger than {max} bytes") })
    }

    /// What names no call of ours says nothing, and neither does what is too much.
    fn seen(&self, seen: BTreeMap<String, u64>) -> Result<SeenMap, Refusal> {
        let known = seen.into_iter().filter_map(|(call, seq)| Some((CallId::new(call).ok()?, seq)));
        Ok(known.take(self.limits.seen_calls).collect())
    }
}

fn request_id(id: u64) -> Result<RequestId, Refusal> {
    // 2^53 - 1: the greatest integer that JavaScript counts exactly.
    if (1..=(1 << 53) - 1).contains(&id) {
        Ok(RequestId(id))
    } else {
        Err(Refusal::bad("`id` is out of range"))
    }
}

/// An id that can't be one of ours is a call that does not exist: the same answer as for any other.
fn act(call: String, action: Action) -> Result<Body, Refusal> {
    match CallId::new(call) {
        Ok(call) => Ok(Body::Act(call, action)),
        Err(_) => Err(Refusal { code: ErrorCode::NoSuchCall, message: "no such call".to_owned() }),
    }
}

//! Frames as a client writes them: what was read can be written again, in either format.

use ringback_call::{Action, Candidate};
use ringback_wire::{Body, ClientFrame, ClientInfo, Format, Hello, Init, Request, Seen, SeenMap};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};
use serde_json::value::RawValue;

/// Writes a client's frame.
pub(crate) fn write(format: Format, frame: &ClientFrame) -> Vec<u8> {
    let written = Written(frame);
    match format {
        Format::Json => serde_json::to_vec(&written).map_err(|error| error.to_string()),
        Format::MsgPack => {
            // As many fields as there are, which the format says first, is known to `Fields` alone.
            rmp_serde::to_vec_named(&written).map_err(|error| error.to_string())
        }
    }
    .expect("what was read can be written")
}

/// JSON text, written as the value it stands for.
struct Text<'a>(&'a str);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let raw: &RawValue = serde_json::from_str(self.0).map_err(S::Error::custom)?;
            return raw.serialize(serializer);
        }
        serde_transcode::transcode(&mut serde_json::Deserializer::from_str(self.0), serializer)
    }
}

struct Candidates<'a>(&'a [Candidate]);

impl Serialize for Candidates<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|candidate| Text(candidate.as_str())))
    }
}

struct Client<'a>(&'a ClientInfo);

impl Serialize for Client<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("name", &self.0.name), ("version", &self.0.version)])
    }
}

struct Seens<'a>(&'a SeenMap);

impl Serialize for Seens<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(call, seq)| (call.as_str(), seq)))
    }
}

struct Written<'a>(&'a ClientFrame);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Not known before: rmp-serde counts the fields itself.
        let mut fields = serializer.serialize_map(None)?;
        match self.0 {
            ClientFrame::Hello(hello) => write_hello(&mut fields, hello)?,
            ClientFrame::Seen(Seen { calls, missed }) => {
                fields.serialize_entry("type", "seen")?;
                fields.serialize_entry("calls", &Seens(calls))?;
                fields.serialize_entry("missed", &missed.map(|at| at.0))?;
            }
            ClientFrame::Request(Request { id, seen, body }) => {
                fields.serialize_entry("id", &id.0)?;
                fields.serialize_entry("seen", &Seens(seen))?;
                write_body(&mut fields, body)?;
            }
        }
        fields.end()
    }
}

fn write_hello<M: SerializeMap>(fields: &mut M, hello: &Hello) -> Result<(), M::Error> {
    let Hello { id, token, device, session, seen, missed, warn_expiry_ms, client } = hello;
    fields.serialize_entry("type", "hello")?;
    fields.serialize_entry("id", &id.0)?;
    fields.serialize_entry("token", token)?;
    fields.serialize_entry("device", &device.as_ref().map(|device| device.as_str()))?;
    fields.serialize_entry("session", &session.as_ref().map(|session| session.as_str()))?;
    fields.serialize_entry("seen", &Seens(seen))?;
    fields.serialize_entry("missed", &missed.map(|at| at.0))?;
    fields.serialize_entry("warn_expiry_ms", warn_expiry_ms)?;
    fields.serialize_entry("client", &client.as_ref().map(Client))
}

fn write_body<M: SerializeMap>(fields: &mut M, body: &Body) -> Result<(), M::Error> {
    match body {
        Body::Ping => fields.serialize_entry("type", "ping"),
        Body::Token(token) => {
            fields.serialize_entry("type", "token")?;
            fields.serialize_entry("token", token)
        }
        Body::Init(Init { to, media, metadata, traceparent }) => {
            fields.serialize_entry("type", "call:init")?;
            fields.serialize_entry("to", to.as_str())?;
            fields.serialize_entry("media", media)?;
            fields.serialize_entry("metadata", &metadata.as_ref().map(|text| Text(text.as_str())))?;
            fields.serialize_entry("traceparent", &traceparent.as_ref().map(|trace| trace.as_str()))
        }
        Body::Act(call, action) => {
            fields.serialize_entry("call", call.as_str())?;
            write_action(fields, action)
        }
    }
}

fn write_action<M: SerializeMap>(fields: &mut M, action: &Action) -> Result<(), M::Error> {
    let kind = match action {
        Action::Init => "call:init",
        Action::Ringing => "call:ringing",
        Action::Accept => "call:accept",
        Action::Reject(_) => "call:reject",
        Action::End(_) => "call:end",
        Action::Offer(_) => "webrtc:offer",
        Action::Answer { .. } => "webrtc:answer",
        Action::Ice(_) => "webrtc:ice",
        Action::Connected => "call:connected",
        Action::Report(_) => "call:report",
    };
    fields.serialize_entry("type", kind)?;
    match action {
        Action::Init | Action::Ringing | Action::Accept | Action::Connected => Ok(()),
        Action::Reject(reason) => fields.serialize_entry("reason", reason),
        Action::End(reason) => fields.serialize_entry("reason", reason),
        Action::Offer(sdp) => fields.serialize_entry("sdp", sdp.as_str()),
        Action::Answer { sdp, offer } => {
            fields.serialize_entry("sdp", sdp.as_str())?;
            fields.serialize_entry("offer", offer)
        }
        Action::Ice(candidates) => fields.serialize_entry("candidates", &Candidates(candidates)),
        Action::Report(stats) => fields.serialize_entry("stats", &Text(stats.as_str())),
    }
}

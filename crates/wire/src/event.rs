//! Events: what a client is told of a call.

use ringback_call::{CallId, Event, PeerStatus, Timestamp};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use crate::{json_text::JsonValue, party::Device};

/// An event of a call, on its way to one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFrame {
    /// Of which call.
    pub call: CallId,
    /// Its number in the client's mailbox.
    pub seq: u64,
    /// When, by the server's clock.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

impl EventFrame {
    /// The frame's `type`.
    pub const fn kind(&self) -> &'static str {
        match &self.event {
            Event::Incoming { .. } => "call:incoming",
            Event::Ringing => "call:ringing",
            Event::Accepted { .. } => "call:accepted",
            Event::Offer(_) => "webrtc:offer",
            Event::Answer(_) => "webrtc:answer",
            Event::Ice(_) => "webrtc:ice",
            Event::Connected { .. } => "call:connected",
            Event::Peer(_) => "call:peer",
            Event::Ended { .. } => "call:ended",
        }
    }

    /// How many fields it has beside `type`, `call`, `seq` and `at`.
    fn own_fields(&self) -> usize {
        match &self.event {
            Event::Incoming { metadata, .. } => 2 + usize::from(metadata.is_some()),
            Event::Ringing => 0,
            Event::Accepted { .. }
            | Event::Offer(_)
            | Event::Answer(_)
            | Event::Ice(_)
            | Event::Connected { .. }
            | Event::Peer(PeerStatus::Reconnecting | PeerStatus::Back) => 1,
            Event::Peer(PeerStatus::Restarted) => 2,
            Event::Ended { reason: _, by, duration_ms, setup_ms, detail } => {
                1 + usize::from(by.is_some())
                    + usize::from(duration_ms.is_some())
                    + usize::from(setup_ms.is_some())
                    + usize::from(detail.is_some())
            }
        }
    }
}

impl Serialize for EventFrame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4 + self.own_fields()))?;
        map.serialize_entry("type", self.kind())?;
        map.serialize_entry("call", self.call.as_str())?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("at", &self.at)?;
        match &self.event {
            Event::Incoming { from, media, metadata } => {
                map.serialize_entry("from", &Device(from))?;
                map.serialize_entry("media", media)?;
                if let Some(metadata) = metadata {
                    map.serialize_entry("metadata", &JsonValue(metadata.as_str()))?;
                }
            }
            Event::Ringing => {}
            Event::Accepted { by } => map.serialize_entry("by", &Device(by))?,
            Event::Offer(sdp) | Event::Answer(sdp) => map.serialize_entry("sdp", sdp.as_str())?,
            Event::Ice(candidates) => map.serialize_entry("candidates", &Candidates(candidates))?,
            Event::Connected { setup_ms } => map.serialize_entry("setup_ms", setup_ms)?,
            Event::Peer(PeerStatus::Reconnecting) => map.serialize_entry("status", "reconnecting")?,
            Event::Peer(PeerStatus::Back) => map.serialize_entry("status", "back")?,
            Event::Peer(PeerStatus::Restarted) => {
                map.serialize_entry("status", "back")?;
                map.serialize_entry("resumed", &false)?;
            }
            Event::Ended { reason, by, duration_ms, setup_ms, detail } => {
                map.serialize_entry("reason", reason)?;
                if let Some(by) = by {
                    map.serialize_entry("by", &Device(by))?;
                }
                if let Some(duration_ms) = duration_ms {
                    map.serialize_entry("duration_ms", duration_ms)?;
                }
                if let Some(setup_ms) = setup_ms {
                    map.serialize_entry("setup_ms", setup_ms)?;
                }
                if let Some(detail) = detail {
                    map.serialize_entry("detail", detail)?;
                }
            }
        }
        map.end()
    }
}

struct Candidates<'a>(&'a [ringback_call::Candidate]);

impl Serialize for Candidates<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for candidate in self.0 {
            list.serialize_element(&JsonValue(candidate.as_str()))?;
        }
        list.end()
    }
}

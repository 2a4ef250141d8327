//! A client's side of the wire protocol (`docs/protocol.md`), written against that page alone.

pub(crate) mod codec;
pub(crate) mod frame;
pub(crate) mod request;
pub(crate) mod token;

use serde::{Deserialize, Serialize};

use crate::measure::metric::Metric;

/// The `type` of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[serde(rename = "hello")]
    Hello,
    #[serde(rename = "seen")]
    Seen,
    #[serde(rename = "ack")]
    Ack,
    #[serde(rename = "error")]
    Error,
    #[serde(rename = "goaway")]
    GoAway,
    /// The floor's first word.
    #[serde(rename = "ready")]
    Ready,
    /// What a floor that keeps messages says of each.
    #[serde(rename = "kept")]
    Kept,
    #[serde(rename = "call:init")]
    Init,
    #[serde(rename = "call:incoming")]
    Incoming,
    #[serde(rename = "call:ringing")]
    Ringing,
    #[serde(rename = "call:accept")]
    Accept,
    #[serde(rename = "call:accepted")]
    Accepted,
    #[serde(rename = "call:reject")]
    Reject,
    #[serde(rename = "webrtc:offer")]
    Offer,
    #[serde(rename = "webrtc:answer")]
    Answer,
    #[serde(rename = "webrtc:ice")]
    Ice,
    #[serde(rename = "call:connected")]
    Connected,
    #[serde(rename = "call:peer")]
    Peer,
    #[serde(rename = "call:end")]
    End,
    #[serde(rename = "call:ended")]
    Ended,
    /// What this tool does not know: a later version's.
    #[serde(other)]
    Unknown,
}

impl Kind {
    /// As on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Seen => "seen",
            Self::Ack => "ack",
            Self::Error => "error",
            Self::GoAway => "goaway",
            Self::Ready => "ready",
            Self::Kept => "kept",
            Self::Init => "call:init",
            Self::Incoming => "call:incoming",
            Self::Ringing => "call:ringing",
            Self::Accept => "call:accept",
            Self::Accepted => "call:accepted",
            Self::Reject => "call:reject",
            Self::Offer => "webrtc:offer",
            Self::Answer => "webrtc:answer",
            Self::Ice => "webrtc:ice",
            Self::Connected => "call:connected",
            Self::Peer => "call:peer",
            Self::End => "call:end",
            Self::Ended => "call:ended",
            Self::Unknown => "unknown",
        }
    }

    /// Where the time to the ack of such a request belongs.
    pub(crate) fn ack(self) -> Option<Metric> {
        Some(match self {
            Self::Init => Metric::AckInit,
            Self::Ringing => Metric::AckRinging,
            Self::Accept => Metric::AckAccept,
            Self::Reject => Metric::AckReject,
            Self::Offer => Metric::AckOffer,
            Self::Answer => Metric::AckAnswer,
            Self::Ice => Metric::AckIce,
            Self::Connected => Metric::AckConnected,
            Self::End => Metric::AckEnd,
            _ => return None,
        })
    }

    /// Where the time to the delivery of such an event belongs.
    pub(crate) fn delivery(self) -> Option<Metric> {
        Some(match self {
            Self::Incoming => Metric::DeliveryInit,
            Self::Ringing => Metric::DeliveryRinging,
            Self::Accepted => Metric::DeliveryAccept,
            Self::Offer => Metric::DeliveryOffer,
            Self::Answer => Metric::DeliveryAnswer,
            Self::Ice => Metric::DeliveryIce,
            Self::Connected => Metric::DeliveryConnected,
            Self::Ended => Metric::DeliveryEnd,
            _ => return None,
        })
    }
}

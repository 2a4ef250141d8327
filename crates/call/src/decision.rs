//! What follows from a command.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::{
    Call, CallId, Candidate, Detail, DeviceId, EndReason, Endpoint, Media, Metadata, Millis, NodeId, Sdp,
    Side, Stats, Step, Timestamp,
};

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    /// The call as it is from now on; `None` where nothing changed and nothing has to be stored.
    pub next: Option<Call>,
    /// What the sender is told.
    pub ack: Ack,
    /// What is appended to the mailboxes, in order.
    pub deliveries: Vec<Delivery>,
    /// What is taken out of the mailboxes.
    pub trims: Vec<Trim>,
    /// What is appended to the call's log.
    pub notes: Vec<Note>,
    /// When something must happen next; `None` once nothing can.
    pub deadline: Option<Timestamp>,
    /// What the gateway does next, once this is stored.
    pub follow_up: Option<FollowUp>,
}

impl Decision {
    /// An acknowledgement that changes nothing.
    pub(crate) const fn unchanged(ack: Ack) -> Self {
        Self {
            next: None,
            ack,
            deliveries: Vec::new(),
            trims: Vec::new(),
            notes: Vec::new(),
            deadline: None,
            follow_up: None,
        }
    }
}

/// What the sender of a request is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ack {
    /// Done.
    Done,
    /// `call:init`: this is the call.
    Placed(CallId),
    /// `call:init` met the callee's own call and was taken as the accept of it.
    Merged(CallId),
    /// It had ended already, for the sender at least.
    Already(EndReason),
}

/// An entry of a mailbox, and the gateways to tell of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// Whose mailbox.
    pub side: Side,
    /// Its number there.
    pub seq: u64,
    /// Which of that user's devices it is for.
    pub to: Audience,
    /// The gateways that have one of them.
    pub nodes: Vec<NodeId>,
    /// What is said.
    pub event: Event,
}

/// Entries of a mailbox that nobody needs any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trim {
    /// Whose mailbox.
    pub side: Side,
    /// Their numbers.
    pub entries: RangeInclusive<u64>,
}

/// Which devices of one user an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Each one.
    All,
    /// This one.
    Only(DeviceId),
    /// These.
    Among(Vec<DeviceId>),
    /// Each one but this.
    Except(DeviceId),
}

impl Audience {
    /// Whether a device is meant.
    pub fn includes(&self, device: &DeviceId) -> bool {
        match self {
            Self::All => true,
            Self::Only(one) => one == device,
            Self::Among(some) => some.contains(device),
            Self::Except(one) => one != device,
        }
    }
}

/// What a client is told of a call (protocol section 3, the events).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// `call:incoming`
    Incoming {
        /// Who calls.
        from: Endpoint,
        /// What is proposed.
        media: Media,
        /// What the application attached.
        metadata: Option<Metadata>,
    },
    /// `call:ringing`
    Ringing,
    /// `call:accepted`
    Accepted {
        /// Who answered.
        by: Endpoint,
    },
    /// `webrtc:offer`
    Offer(Sdp),
    /// `webrtc:answer`
    Answer(Sdp),
    /// `webrtc:ice`
    Ice(Vec<Candidate>),
    /// `call:connected`
    Connected {
        /// Milliseconds from `call:init` to media on both sides.
        setup_ms: Millis,
    },
    /// `call:peer`
    Peer(PeerStatus),
    /// `call:ended`: the last one.
    Ended {
        /// Why.
        reason: EndReason,
        /// Who ended it, unless it was the server.
        by: Option<Endpoint>,
        /// Milliseconds of media, if it came to that.
        duration_ms: Option<Millis>,
        /// Milliseconds from `call:init` to media, if it came to that.
        setup_ms: Option<Millis>,
        /// Why, in more detail, for its caller; for both where their time was up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Detail>,
    },
}

/// How the peer's device is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerStatus {
    /// It has lost its connection and may come back.
    Reconnecting,
    /// It has come back.
    Back,
    /// It has come back having forgotten everything, as a page does that is loaded anew: media has to be negotiated
    /// anew too.
    Restarted,
}

/// An entry of the call's own log, which no client is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// What happened.
    Step(Step),
    /// A client's report on its media.
    Report {
        /// Whose.
        by: Side,
        /// Of which device.
        device: DeviceId,
        /// What it says.
        stats: Stats,
    },
}

/// Work that only a gateway can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FollowUp {
    /// Ask the policy, look the callee up, and come back with an [`Admission`](crate::Admission).
    Place,
}

//! The states of a call, each with just the data that exists in it.

use serde::{Deserialize, Serialize};

use crate::{
    Candidate, Detail, DeviceId, EndReason, Endpoint, Leg, Millis, PerSide, Side, Timestamp,
    stored::is_default,
};

/// Where a call stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The pair is reserved and the policy is being asked; no device of the callee knows yet.
    Idle {
        /// The callee's device that called the caller meanwhile (call glare): it takes the call once it is admitted.
        #[serde(default, skip_serializing_if = "is_default")]
        crossing: Option<Leg>,
        /// Devices of the callee that connected since: whoever looks the callee up may have looked too early.
        #[serde(default, skip_serializing_if = "is_default")]
        arrivals: Vec<Leg>,
        /// Since when it could be placed: `call:init`, or the return of a caller who was away.
        since: Timestamp,
        /// When placing the call was last begun; a gateway that dies over it is taken over from here.
        placed_at: Timestamp,
    },
    /// Devices of the callee ring (SIP early dialog); or none was there, and one is awaited that is being woken.
    Ringing {
        /// The devices that were rung, and where they were.
        legs: Vec<Leg>,
        /// Whether one of them has said that it alerts its person (SIP 180).
        alerted: bool,
        /// When it began to ring, or to wait for a device.
        since: Timestamp,
    },
    /// Accepted; descriptions and candidates are exchanged.
    Connecting(Dialog),
    /// Both sides report media.
    Connected {
        /// What the two devices have agreed on.
        dialog: Dialog,
        /// Since when.
        since: Timestamp,
        /// Milliseconds from `call:init` to here.
        setup_ms: Millis,
        /// When both devices were last known to be there (RFC 4028 calls this a session timer).
        checked_at: Timestamp,
    },
    /// Over. Kept for a while so that what comes late is refused and what is sent again is acknowledged.
    Ended(Outcome),
}

/// What exists from the accept on: the confirmed dialog between two devices.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dialog {
    /// The callee's device that answered.
    pub callee: Leg,
    /// When it answered.
    pub accepted_at: Timestamp,
    /// Whose turn it is.
    pub negotiation: Negotiation,
    /// Whether an offer has ever been answered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub agreed: bool,
    /// The number of the last offer in the mailbox it was put into.
    #[serde(default, skip_serializing_if = "is_default")]
    pub offered: u64,
    /// Candidates that wait for their sender's description.
    #[serde(default, skip_serializing_if = "is_default")]
    pub held: PerSide<Vec<Candidate>>,
    /// Who has reported media.
    #[serde(default, skip_serializing_if = "is_default")]
    pub media: PerSide<bool>,
}

/// The offer/answer exchange (RFC 3264, RFC 9429 section 3.2), as the server arbitrates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Negotiation {
    /// Nothing was offered yet; the first offer is the caller's.
    Awaited,
    /// This side's offer awaits the other's answer.
    Open(Side),
    /// Offer and answer have been exchanged; either side may offer anew.
    Stable,
}

impl Negotiation {
    /// Whether this side's description of the current negotiation has been forwarded, so that its candidates
    /// may follow.
    pub fn described(self, side: Side) -> bool {
        match self {
            Self::Awaited => false,
            Self::Open(offerer) => offerer == side,
            Self::Stable => true,
        }
    }
}

/// How a call ended. There is exactly one for each call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Outcome {
    /// Why.
    pub reason: EndReason,
    /// Who ended it, unless it was the server.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by: Option<Endpoint>,
    /// When.
    pub at: Timestamp,
    /// The callee's device that had answered, if one had: the others lost the race for good.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answered_by: Option<DeviceId>,
    /// Whether devices of the callee had been told of the call.
    pub rang: bool,
    /// Milliseconds from `call:init` to media, if it came to that.
    #[serde(default, skip_serializing_if = "is_default")]
    pub setup_ms: Option<Millis>,
    /// Milliseconds of media, if it came to that.
    #[serde(default, skip_serializing_if = "is_default")]
    pub duration_ms: Option<Millis>,
    /// Why, in more detail.
    #[serde(default, skip_serializing_if = "is_default")]
    pub detail: Option<Detail>,
}

/// The name of a state, as the protocol spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateName {
    /// [`State::Idle`]
    Idle,
    /// [`State::Ringing`]
    Ringing,
    /// [`State::Connecting`]
    Connecting,
    /// [`State::Connected`]
    Connected,
    /// [`State::Ended`]
    Ended,
}

impl StateName {
    /// As the protocol spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Ringing => "ringing",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Ended => "ended",
        }
    }
}

impl State {
    /// Its name.
    pub const fn name(&self) -> StateName {
        match self {
            Self::Idle { .. } => StateName::Idle,
            Self::Ringing { .. } => StateName::Ringing,
            Self::Connecting(_) => StateName::Connecting,
            Self::Connected { .. } => StateName::Connected,
            Self::Ended(_) => StateName::Ended,
        }
    }

    /// Whether a first device of the callee is awaited.
    pub const fn is_waking(&self) -> bool {
        matches!(self, Self::Ringing { legs, .. } if legs.is_empty())
    }

    /// The dialog, from the accept to the end.
    pub const fn dialog(&self) -> Option<&Dialog> {
        match self {
            Self::Connecting(dialog) | Self::Connected { dialog, .. } => Some(dialog),
            Self::Idle { .. } | Self::Ringing { .. } | Self::Ended(_) => None,
        }
    }

    pub(crate) const fn dialog_mut(&mut self) -> Option<&mut Dialog> {
        match self {
            Self::Connecting(dialog) | Self::Connected { dialog, .. } => Some(dialog),
            Self::Idle { .. } | Self::Ringing { .. } | Self::Ended(_) => None,
        }
    }
}

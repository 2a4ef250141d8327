//! What the application's own servers are told of a call (webhooks, in the field's word), and when.
//!
//! An event is a function of the call's document: whoever derives it, and from however late a document, finds the same. So
//! events that a store has lost with a change come back with the change.

use serde::{Deserialize, Serialize};

use crate::{Call, Milestones, Timestamp};

/// Something a call comes to once at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OutcomeEvent {
    /// `call:init` was stored.
    #[serde(rename = "call.placed")]
    Placed,
    /// No device of the callee is there: the application may wake one, and the call waits for it.
    #[serde(rename = "call.wake")]
    Wake,
    /// Devices of the callee are rung. Two calls that cross ring nobody.
    #[serde(rename = "call.ringing")]
    Ringing,
    /// One of them has accepted.
    #[serde(rename = "call.answered")]
    Answered,
    /// Both sides have media.
    #[serde(rename = "call.connected")]
    Connected,
    /// It is over before a device came that could be rung.
    #[serde(rename = "call.wake_cancelled")]
    WakeCancelled,
    /// It is over.
    #[serde(rename = "call.ended")]
    Ended,
}

impl OutcomeEvent {
    /// Every event, in the order in which a call comes to them.
    pub const ALL: [Self; 7] = [
        Self::Placed,
        Self::Wake,
        Self::Ringing,
        Self::Answered,
        Self::Connected,
        Self::WakeCancelled,
        Self::Ended,
    ];

    /// As receivers, settings and metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "call.placed",
            Self::Wake => "call.wake",
            Self::Ringing => "call.ringing",
            Self::Answered => "call.answered",
            Self::Connected => "call.connected",
            Self::WakeCancelled => "call.wake_cancelled",
            Self::Ended => "call.ended",
        }
    }

    /// When a call came to it, if it has.
    pub fn at(self, call: &Call) -> Option<Timestamp> {
        match self {
            Self::Placed => Some(call.created_at),
            Self::Wake => call.milestones.woken_at,
            Self::Ringing => call.milestones.rung_at,
            Self::Answered => call.milestones.accepted_at,
            Self::Connected => call.milestones.connected_at,
            Self::WakeCancelled => {
                let Milestones { woken_at, rung_at, accepted_at, .. } = call.milestones;
                let nobody_came = woken_at.is_some() && rung_at.or(accepted_at).is_none();
                call.outcome().filter(|_| nobody_came).map(|outcome| outcome.at)
            }
            Self::Ended => call.outcome().map(|outcome| outcome.at),
        }
    }

    /// What a change from `before`, if the call was there, to `now` announces.
    pub fn announced(before: Option<&Call>, now: &Call) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |event| event.at(now).is_some() && before.and_then(|call| event.at(call)).is_none())
    }
}

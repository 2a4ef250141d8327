//! Who the sender of a request is to a call.

use crate::{Call, DeviceId, Endpoint, Side, State};

/// A sender's relation to a call. Every rule on "who may" asks this and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    /// The device bound on this side.
    Bound(Side),
    /// A device of the callee while none is bound: it may answer.
    Rung,
    /// A device of the callee after another one answered.
    Loser,
    /// Anybody else. A caller's other devices too: only the one that calls takes part.
    Stranger,
}

impl Party {
    pub(crate) fn of(call: &Call, sender: &Endpoint) -> Self {
        match call.side_of(&sender.user) {
            Some(Side::Caller) if call.caller_leg.device == sender.device => Self::Bound(Side::Caller),
            Some(Side::Callee) => Self::of_callee(call, &sender.device),
            Some(Side::Caller) | None => Self::Stranger,
        }
    }

    fn of_callee(call: &Call, device: &DeviceId) -> Self {
        let bound = |answered_by: &DeviceId| {
            if answered_by == device { Self::Bound(Side::Callee) } else { Self::Loser }
        };
        match &call.state {
            State::Idle { crossing: Some(leg), .. } => bound(&leg.device),
            State::Idle { crossing: None, .. } => Self::Stranger,
            State::Ringing { .. } => Self::Rung,
            State::Connecting(dialog) | State::Connected { dialog, .. } => bound(&dialog.callee.device),
            State::Ended(outcome) => match &outcome.answered_by {
                Some(answered_by) => bound(answered_by),
                None if outcome.rang => Self::Rung,
                None => Self::Stranger,
            },
        }
    }
}

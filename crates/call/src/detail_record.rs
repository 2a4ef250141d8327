//! What remains of a call once it is over: its call detail record (CDR, in the field's word).

use serde::{Deserialize, Serialize};

use crate::{
    Call, CallId, Detail, DeviceId, EndReason, Endpoint, Media, Millis, Phase, Side, Timestamp, UserId,
};

/// The facts of a call that has ended. They do not change any more, so that two who write them down write the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CallRecord {
    /// Which call.
    pub call: CallId,
    /// Who called.
    pub caller: UserId,
    /// On which device.
    pub caller_device: DeviceId,
    /// Who was called.
    pub callee: UserId,
    /// The device that answered, if one did.
    pub callee_device: Option<DeviceId>,
    /// What the caller proposed.
    pub media: Media,
    /// When `call:init` was stored.
    pub created_at: Timestamp,
    /// When a device of the callee accepted, if one did.
    pub accepted_at: Option<Timestamp>,
    /// When both had media, if it came to that.
    pub connected_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why.
    pub reason: EndReason,
    /// Who ended it, unless it was the server.
    pub by: Option<Endpoint>,
    /// What it was busy with then.
    pub phase: Phase,
    /// Whether its callee missed it.
    pub missed: bool,
    /// Milliseconds from `call:init` to media, if it came to that.
    pub setup_ms: Option<Millis>,
    /// Milliseconds of media, if it came to that.
    pub duration_ms: Option<Millis>,
    /// Why, in more detail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
}

impl CallRecord {
    /// Of a call that has ended; `None` of one that lives.
    pub fn of(call: &Call) -> Option<Self> {
        let outcome = call.outcome()?;
        Some(Self {
            call: call.id.clone(),
            caller: call.caller.clone(),
            caller_device: call.caller_leg.device.clone(),
            callee: call.callee.clone(),
            callee_device: outcome.answered_by.clone(),
            media: call.media,
            created_at: call.created_at,
            accepted_at: call.milestones.accepted_at,
            connected_at: call.milestones.connected_at,
            ended_at: outcome.at,
            reason: outcome.reason,
            by: outcome.by.clone(),
            phase: call.phase(),
            missed: was_missed(call),
            setup_ms: outcome.setup_ms,
            duration_ms: outcome.duration_ms,
            detail: outcome.detail.clone(),
        })
    }

    /// Whether this side missed it: the callee may have, and for the caller there is nothing to miss.
    pub fn missed_by(&self, side: Side) -> bool {
        self.missed && side == Side::Callee
    }

    /// Whether a device of the callee answered.
    pub const fn answered(&self) -> bool {
        self.callee_device.is_some()
    }

    /// Whose side a user was on.
    pub fn side_of(&self, user: &UserId) -> Option<Side> {
        if self.caller == *user {
            Some(Side::Caller)
        } else if self.callee == *user {
            Some(Side::Callee)
        } else {
            None
        }
    }
}

/// Whether somebody wanted to talk to the callee, and the callee neither answered nor said no: it is for them to call back.
/// A call that the policy refused was never theirs.
fn was_missed(call: &Call) -> bool {
    let Some(outcome) = call.outcome() else { return false };
    let said_no = outcome.by.as_ref().is_some_and(|by| by.user == call.callee);
    outcome.answered_by.is_none() && !said_no && outcome.reason != EndReason::Denied
}

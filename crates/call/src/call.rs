//! A call: the one document the cluster shares about it.

use serde::{Deserialize, Serialize};

use crate::{
    CallId, ConnectionId, DeviceId, Endpoint, Mailbox, Media, Metadata, Milestones, Negotiation, NodeId,
    Outcome, PerSide, Replay, Side, State, StateName, Terms, Timestamp, TraceParent, UserId,
    mailbox::GREATEST,
    stored::{is_default, without_names},
};

/// Everything that is known of a call. Plain data: only [`Rules`](crate::Rules) change it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Call {
    /// Its name.
    pub id: CallId,
    /// When `call:init` was stored.
    pub created_at: Timestamp,
    /// Who calls.
    pub caller: UserId,
    /// The device that calls: bound from the start.
    pub caller_leg: Leg,
    /// Who is called.
    pub callee: UserId,
    /// What the caller proposes.
    pub media: Media,
    /// What the application attached.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metadata: Option<Metadata>,
    /// Where it stands.
    pub state: State,
    /// How each side's mailbox is numbered.
    pub mailboxes: PerSide<Mailbox>,
    /// How many notes the call's log holds.
    pub notes: u64,
    /// Whether steps were left out of that log, for want of room.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_log_cut: bool,
    /// How many of them are clients' reports.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reports: u64,
    /// The requests that made it what it is.
    pub replay: Replay,
    /// Time alone ends nothing before this: the store was away, and nobody could do anything about it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_before: Timestamp,
    /// When it got how far.
    #[serde(default, skip_serializing_if = "is_default")]
    pub milestones: Milestones,
    /// Where the caller's own trace of it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub traceparent: Option<TraceParent>,
    /// What the policy changed for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub terms: Terms,
}

/// One device's part in a call (a branch of the fork, in SIP's words).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leg {
    /// Which device.
    pub device: DeviceId,
    /// Where it is, or was last.
    pub link: Link,
    /// Since when it has had no connection.
    #[serde(default, skip_serializing_if = "is_default")]
    pub absent_since: Option<Timestamp>,
    /// Its connection is known to be closed, so that no route can prove the opposite.
    #[serde(default, skip_serializing_if = "is_default")]
    pub closed: bool,
    /// The last entry of its side's mailbox from before it took part.
    #[serde(default, skip_serializing_if = "is_default")]
    pub joined_after: u64,
}

/// Where a device can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Link {
    /// On which gateway.
    pub node: NodeId,
    /// By which connection; a newer one of the same device is greater.
    pub connection: ConnectionId,
}

without_names!(Link { node, connection });

impl Leg {
    /// Whether a connection of this device counts as newer than the known one. Once that one is known to be closed, any
    /// other does: clocks may have been set back since.
    pub(crate) fn gives_way_to(&self, link: &Link) -> bool {
        let (known, other) = (self.link.connection, link.connection);
        other > known || self.closed && other != known
    }

    /// A device that is there.
    pub const fn present(device: DeviceId, link: Link) -> Self {
        Self { device, link, absent_since: None, closed: false, joined_after: 0 }
    }
}

impl Call {
    /// Whether its numbers are such that the rules can have made it. What was damaged may be read all the same and say anything;
    /// the rules count on its numbers, so that it is refused where documents are read.
    pub fn is_sound(&self) -> bool {
        let Self { mailboxes, notes, reports, replay, .. } = self;
        [&mailboxes.caller, &mailboxes.callee].into_iter().all(Mailbox::is_sound)
            && (*notes).max(*reports) <= GREATEST
            && replay.is_sound()
    }

    /// The name of its state.
    pub const fn state_name(&self) -> StateName {
        self.state.name()
    }

    /// Whether it has its outcome.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// How it ended, if it has.
    pub const fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Ended(outcome) => Some(outcome),
            State::Idle { .. } | State::Ringing { .. } | State::Connecting(_) | State::Connected { .. } => {
                None
            }
        }
    }

    /// Whose side it is.
    pub const fn user(&self, side: Side) -> &UserId {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    /// Which side a user is on.
    pub fn side_of(&self, user: &UserId) -> Option<Side> {
        Side::BOTH.into_iter().find(|&side| self.user(side) == user)
    }

    /// The device bound to the call on this side: the caller's from the start, the callee's from the accept on. A
    /// crossing `call:init` was acknowledged as the accept, so its device is bound while the policy is still asked.
    pub const fn bound(&self, side: Side) -> Option<&Leg> {
        match (side, &self.state) {
            (Side::Caller, _) => Some(&self.caller_leg),
            (Side::Callee, State::Idle { crossing, .. }) => crossing.as_ref(),
            (Side::Callee, State::Connecting(dialog) | State::Connected { dialog, .. }) => {
                Some(&dialog.callee)
            }
            (Side::Callee, State::Ringing { .. } | State::Ended(_)) => None,
        }
    }

    pub(crate) const fn bound_mut(&mut self, side: Side) -> Option<&mut Leg> {
        match (side, &mut self.state) {
            (Side::Caller, _) => Some(&mut self.caller_leg),
            (Side::Callee, State::Idle { crossing, .. }) => crossing.as_mut(),
            (Side::Callee, State::Connecting(dialog) | State::Connected { dialog, .. }) => {
                Some(&mut dialog.callee)
            }
            (Side::Callee, State::Ringing { .. } | State::Ended(_)) => None,
        }
    }

    /// The device that has the call on this side, or had it when it ended.
    pub const fn final_device(&self, side: Side) -> Option<&DeviceId> {
        match (side, &self.state) {
            (Side::Callee, State::Ended(outcome)) => outcome.answered_by.as_ref(),
            (side, _) => match self.bound(side) {
                Some(leg) => Some(&leg.device),
                None => None,
            },
        }
    }

    /// The endpoint bound on this side.
    pub fn endpoint(&self, side: Side) -> Option<Endpoint> {
        let leg = self.bound(side)?;
        Some(Endpoint { user: self.user(side).clone(), device: leg.device.clone() })
    }

    /// Every device that takes part on this side now.
    pub fn legs(&self, side: Side) -> &[Leg] {
        match (side, &self.state) {
            (Side::Caller, _) => std::slice::from_ref(&self.caller_leg),
            (Side::Callee, State::Idle { crossing, .. }) => crossing.as_slice(),
            (Side::Callee, State::Ringing { legs, .. }) => legs,
            (Side::Callee, State::Connecting(dialog) | State::Connected { dialog, .. }) => {
                std::slice::from_ref(&dialog.callee)
            }
            (Side::Callee, State::Ended(_)) => &[],
        }
    }

    /// The last entry from before a device took part on this side; `None` if it does not.
    pub fn joined_after(&self, side: Side, device: &DeviceId) -> Option<u64> {
        self.legs(side).iter().find(|leg| leg.device == *device).map(|leg| leg.joined_after)
    }

    /// The entry after which a device has to be told everything again that has forgotten it all: what rings rings
    /// anew, and an offer that awaits its answer comes again.
    pub fn fresh_start(&self, side: Side, device: &DeviceId) -> u64 {
        let mailbox = &self.mailboxes[side];
        match &self.state {
            State::Ringing { .. } if side == Side::Callee => {
                self.joined_after(side, device).unwrap_or(mailbox.last)
            }
            state => match state.dialog() {
                Some(dialog) if dialog.negotiation == Negotiation::Open(side.other()) => {
                    dialog.offered.saturating_sub(1)
                }
                Some(_) | None => mailbox.last,
            },
        }
    }

    /// The gateways that have a device of this side, each once. An entry for some of the devices is announced to the
    /// others' gateways too: so they know its number, and don't miss it.
    pub fn nodes(&self, side: Side) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self.legs(side).iter().map(|leg| leg.link.node.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

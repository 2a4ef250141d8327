//! A call: the one document the cluster shares about it.

use serde::{Deserialize, Serialize};

use crate::{
    Audience, CallId, ConnectionId, DeviceId, Endpoint, Media, Metadata, NodeId, PerSide, Replay, Side,
    State, StateName, Timestamp, UserId,
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
    pub metadata: Option<Metadata>,
    /// Where it stands.
    pub state: State,
    /// The number of the last entry in each side's mailbox; entries are numbered from 1 without gaps.
    pub last_seq: PerSide<u64>,
    /// How many notes the call's log holds.
    pub notes: u64,
    /// The requests that made it what it is.
    pub replay: Replay,
}

/// One device's part in a call (a branch of the fork, in SIP's words).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leg {
    /// Which device.
    pub device: DeviceId,
    /// Where it is, or was last.
    pub link: Link,
    /// Since when it has had no connection.
    pub absent_since: Option<Timestamp>,
}

/// Where a device can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// On which gateway.
    pub node: NodeId,
    /// By which connection; a newer one of the same device is greater.
    pub connection: ConnectionId,
}

impl Leg {
    /// A device that is there.
    pub const fn present(device: DeviceId, link: Link) -> Self {
        Self { device, link, absent_since: None }
    }
}

impl Call {
    /// The name of its state.
    pub const fn state_name(&self) -> StateName {
        self.state.name()
    }

    /// Whether it has its outcome.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
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

    /// The gateways that have a device this is meant for, each once.
    pub(crate) fn nodes(&self, side: Side, to: &Audience) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self
            .legs(side)
            .iter()
            .filter(|leg| to.includes(&leg.device))
            .map(|leg| leg.link.node.clone())
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

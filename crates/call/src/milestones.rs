//! How far a call got, and when: for those who want to know afterwards. No rule depends on it.

use serde::{Deserialize, Serialize};

use crate::{Call, Negotiation, State, Timestamp, stored::is_default};

/// When a call first got that far. The end, and `call:init`, are told by the call itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Milestones {
    /// Nobody was there to be rung, and the application was asked to wake somebody.
    #[serde(default, skip_serializing_if = "is_default")]
    pub woken_at: Option<Timestamp>,
    /// Devices were rung.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rung_at: Option<Timestamp>,
    /// One of them alerted its person (SIP 180).
    #[serde(default, skip_serializing_if = "is_default")]
    pub alerted_at: Option<Timestamp>,
    /// One of them accepted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub accepted_at: Option<Timestamp>,
    /// The first offer had its answer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answered_at: Option<Timestamp>,
    /// Both sides had media.
    #[serde(default, skip_serializing_if = "is_default")]
    pub connected_at: Option<Timestamp>,
}

impl Milestones {
    /// When the phase of ringing began.
    const fn ring_began_at(&self) -> Option<Timestamp> {
        match self.woken_at {
            Some(at) => Some(at),
            None => self.rung_at,
        }
    }

    /// Takes note of where a call stands now.
    pub(crate) fn pass(&mut self, state: &State, at: Timestamp) {
        let reached = |milestone: &mut Option<Timestamp>| {
            milestone.get_or_insert(at);
        };
        match state {
            State::Idle { .. } | State::Ended(_) => {}
            state if state.is_waking() => reached(&mut self.woken_at),
            State::Ringing { alerted, .. } => {
                reached(&mut self.rung_at);
                if *alerted {
                    reached(&mut self.alerted_at);
                }
            }
            State::Connecting(dialog) => {
                reached(&mut self.accepted_at);
                if dialog.negotiation == Negotiation::Stable {
                    reached(&mut self.answered_at);
                }
            }
            State::Connected { .. } => reached(&mut self.connected_at),
        }
    }
}

/// What a call is, or was at its end, busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The policy is asked and the callee looked up.
    Policy,
    /// Devices ring, and a person makes up their mind; a device is woken, if none is there.
    Ring,
    /// Offer and answer.
    Negotiate,
    /// A path for the media is sought.
    Ice,
    /// The two talk.
    Talk,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 5] = [Self::Policy, Self::Ring, Self::Negotiate, Self::Ice, Self::Talk];

    /// As traces and metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Ring => "ring",
            Self::Negotiate => "negotiate",
            Self::Ice => "ice",
            Self::Talk => "talk",
        }
    }
}

impl Call {
    /// The latest moment it tells of. Gateways' clocks differ by a few milliseconds, and what comes next is dated no earlier,
    /// so that no phase of a call takes less than no time.
    pub(crate) fn latest(&self) -> Timestamp {
        let Milestones { woken_at, rung_at, alerted_at, accepted_at, answered_at, connected_at } =
            self.milestones;
        let passed = [woken_at, rung_at, alerted_at, accepted_at, answered_at, connected_at];
        passed.into_iter().flatten().fold(self.created_at, Timestamp::max)
    }

    /// The phase it is in, or was in when it ended.
    pub const fn phase(&self) -> Phase {
        let Milestones { accepted_at, answered_at, connected_at, .. } = &self.milestones;
        match (connected_at, answered_at, accepted_at, self.milestones.ring_began_at()) {
            (Some(_), ..) => Phase::Talk,
            (None, Some(_), ..) => Phase::Ice,
            (None, None, Some(_), _) => Phase::Negotiate,
            (None, None, None, Some(_)) => Phase::Ring,
            (None, None, None, None) => Phase::Policy,
        }
    }

    /// From when to when each phase of its set-up was, in order; the last one to where the call ended, if it did before
    /// it was connected. Crossing calls ring nobody, so that they have no [`Phase::Ring`].
    pub fn phases(&self) -> impl Iterator<Item = (Phase, Timestamp, Timestamp)> {
        let Milestones { accepted_at, answered_at, connected_at, .. } = self.milestones;
        let ended_at = self.outcome().map(|outcome| outcome.at);
        let begins =
            [Some(self.created_at), self.milestones.ring_began_at(), accepted_at, answered_at, connected_at];
        let last = self.phase();
        Phase::ALL.into_iter().zip(begins).take(4).filter_map(move |(phase, begin)| {
            let next = begins[phase as usize + 1..].iter().copied().flatten().next();
            let end = next.or(if phase == last { ended_at } else { None })?;
            Some((phase, begin?, end))
        })
    }
}

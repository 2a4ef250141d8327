//! Timeouts: a deadline that passes is one more command.

use crate::{Ack, Attendance, Call, Decision, EndReason, FollowUp, Rules, Side, State, Timeouts, Timestamp};

use super::{
    attendance::{self, Arrival},
    draft::Draft,
};

impl Rules {
    /// The call's deadline may have passed. `attendance` is what the routes say of the bound devices: they may be
    /// there although the call was not told (their gateway died, the store was away), or gone without a word.
    /// An outage of the store ends nothing: after it everybody has the time to come back.
    pub(super) fn deadline_passed(
        &self,
        call: &Call,
        attendance: &Attendance,
        away_until: Option<Timestamp>,
        at: Timestamp,
    ) -> Decision {
        if self.deadline(call).is_none_or(|deadline| deadline > at) {
            return Decision::unchanged(Ack::Done);
        }
        let mut draft = Draft::new(call, at);
        if let Some(until) = away_until {
            draft.call.not_before = call.not_before.max(until.after(self.timeouts.reconnect_ms));
        }
        for side in Side::BOTH {
            match &attendance[side] {
                Some(link) => {
                    attendance::move_bound(&mut draft, side, Arrival { link, fresh: false });
                }
                None => attendance::mark_absent(&mut draft, side),
            }
        }
        if let Some(reason) = expired(&self.timeouts, &draft.call, at) {
            draft.end(reason, None);
        } else {
            match &mut draft.call.state {
                State::Idle { placed_at, .. } if draft.call.caller_leg.absent_since.is_none() => {
                    *placed_at = at;
                    draft.follow_up = Some(FollowUp::Place);
                }
                State::Connected { checked_at, .. } => *checked_at = at,
                State::Idle { .. } | State::Ringing { .. } | State::Connecting(_) | State::Ended(_) => {}
            }
        }
        draft.decide(self, Ack::Done)
    }
}

/// What time alone ends this call with, if it does.
fn expired(timeouts: &Timeouts, call: &Call, at: Timestamp) -> Option<EndReason> {
    if at < call.not_before {
        return None;
    }
    let lost = Side::BOTH
        .into_iter()
        .filter_map(|side| call.bound(side)?.absent_since)
        .any(|since| at >= since.after(timeouts.reconnect_ms));
    if lost {
        return Some(EndReason::ConnectionLost);
    }
    let (until, reason) = match &call.state {
        State::Idle { .. } if call.caller_leg.absent_since.is_some() => return None,
        State::Idle { since, .. } => (since.after(timeouts.idle_ms), EndReason::SetupTimeout),
        State::Ringing { since, .. } => (since.after(timeouts.ringing_ms), EndReason::NoAnswer),
        State::Connecting(dialog) => {
            (dialog.accepted_at.after(timeouts.connecting_ms), EndReason::SetupTimeout)
        }
        State::Connected { .. } | State::Ended(_) => return None,
    };
    (at >= until).then_some(reason)
}

/// The next moment at which time alone changes this call.
pub(super) fn next(timeouts: &Timeouts, call: &Call) -> Option<Timestamp> {
    let waits_for_caller = call.caller_leg.absent_since.is_some();
    let (end, wake) = match &call.state {
        State::Idle { .. } if waits_for_caller => (None, None),
        State::Idle { since, placed_at, .. } => {
            (Some(since.after(timeouts.idle_ms)), Some(placed_at.after(timeouts.placing_ms)))
        }
        State::Ringing { since, .. } => (Some(since.after(timeouts.ringing_ms)), None),
        State::Connecting(dialog) => (Some(dialog.accepted_at.after(timeouts.connecting_ms)), None),
        State::Connected { checked_at, .. } => (None, Some(checked_at.after(timeouts.session_ms))),
        State::Ended(_) => return None,
    };
    let losses = Side::BOTH.into_iter().filter_map(|side| call.bound(side)?.absent_since);
    let ends = losses.map(|since| since.after(timeouts.reconnect_ms)).chain(end);
    ends.map(|end| end.max(call.not_before)).chain(wake).min()
}

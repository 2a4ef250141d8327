//! Timeouts: a deadline that passes is one more command.

use crate::{
    Ack, Attendance, Call, Decision, Detail, EndReason, FollowUp, Millis, Rules, Side, State, Timeouts,
    Timestamp,
};

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
        if let Some((reason, detail)) = expired(&self.timeouts, &draft.call, at) {
            draft.end_because(reason, None, detail);
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
fn expired(timeouts: &Timeouts, call: &Call, at: Timestamp) -> Option<(EndReason, Option<Detail>)> {
    if at < call.not_before {
        return None;
    }
    let lost = Side::BOTH
        .into_iter()
        .filter_map(|side| call.bound(side)?.absent_since)
        .any(|since| at >= since.after(timeouts.reconnect_ms));
    if lost {
        return Some((EndReason::ConnectionLost, None));
    }
    let (until, reason) = match &call.state {
        State::Idle { .. } if call.caller_leg.absent_since.is_some() => return None,
        State::Idle { since, .. } => (since.after(timeouts.idle_ms), EndReason::SetupTimeout),
        State::Ringing { since, legs, .. } if legs.is_empty() => {
            (since.after(timeouts.waking_ms), EndReason::Offline)
        }
        State::Ringing { since, .. } => (since.after(ringing_ms(timeouts, call)), EndReason::NoAnswer),
        State::Connecting(dialog) => {
            (dialog.accepted_at.after(timeouts.connecting_ms), EndReason::SetupTimeout)
        }
        State::Connected { since, .. } => {
            let over = at >= since.after(call.terms.duration_ms?);
            return over.then(|| (EndReason::EndedByServer, Some(Detail::max_duration())));
        }
        State::Ended(_) => return None,
    };
    (at >= until).then_some((reason, None))
}

/// How long this call may ring: as the policy says, or as it is usual.
fn ringing_ms(timeouts: &Timeouts, call: &Call) -> Millis {
    call.terms.ringing_ms.unwrap_or(timeouts.ringing_ms)
}

/// The next moment at which time alone changes this call.
pub(super) fn next(timeouts: &Timeouts, call: &Call) -> Option<Timestamp> {
    let waits_for_caller = call.caller_leg.absent_since.is_some();
    let (end, wake) = match &call.state {
        State::Idle { .. } if waits_for_caller => (None, None),
        State::Idle { since, placed_at, .. } => {
            (Some(since.after(timeouts.idle_ms)), Some(placed_at.after(timeouts.placing_ms)))
        }
        State::Ringing { since, legs, .. } if legs.is_empty() => {
            (Some(since.after(timeouts.waking_ms)), None)
        }
        State::Ringing { since, .. } => (Some(since.after(ringing_ms(timeouts, call))), None),
        State::Connecting(dialog) => (Some(dialog.accepted_at.after(timeouts.connecting_ms)), None),
        State::Connected { since, checked_at, .. } => {
            let end = call.terms.duration_ms.map(|duration_ms| since.after(duration_ms));
            (end, Some(checked_at.after(timeouts.session_ms)))
        }
        State::Ended(_) => return None,
    };
    let losses = Side::BOTH.into_iter().filter_map(|side| call.bound(side)?.absent_since);
    let ends = losses.map(|since| since.after(timeouts.reconnect_ms)).chain(end);
    ends.map(|end| end.max(call.not_before)).chain(wake).min()
}

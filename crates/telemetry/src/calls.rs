//! What a change of a call says to the metrics.

use ringback_call::{Call, Milestones, Millis, Phase, StateName};

use crate::{Finish, Metrics};

impl Metrics {
    /// A call was changed from `before`, if it was there, to `now`. To be told by who committed the change, and nobody else.
    pub fn call_changed(&self, before: Option<&Call>, now: &Call) {
        if before.is_none() {
            self.call_attempts.inc(());
        }
        let had = before.map(|before| before.phases().count()).unwrap_or_default();
        let ended = now.has_ended() && !before.is_some_and(Call::has_ended);
        for (phase, from, to) in now.phases().skip(had) {
            let finish = if ended && phase == now.phase() { Finish::Ended } else { Finish::Done };
            self.call_phase.observe_ms((phase, finish), to.since(from));
        }
        if before.and_then(request_delay).is_none()
            && let Some(delay) = request_delay(now)
        {
            self.call_request_delay.observe_ms((), delay);
        }
        if now.state_name() == StateName::Connected
            && before.is_none_or(|before| before.state_name() != StateName::Connected)
        {
            self.set_up(now);
        }
        if let (Some(outcome), true) = (now.outcome(), ended) {
            self.call_ended.inc((outcome.reason, now.phase()));
            if let Some(duration_ms) = outcome.duration_ms {
                self.call_duration.observe_ms((), duration_ms);
            }
        }
        let held = |call: &Call| {
            call.state.dialog().map_or(0, |dialog| dialog.held.caller.len() + dialog.held.callee.len())
        };
        let more = held(now).saturating_sub(before.map_or(0, held));
        self.candidates_held.add((), more as u64);
    }

    fn set_up(&self, call: &Call) {
        let (mut whole, mut ours) = (0, 0);
        for (phase, from, to) in call.phases() {
            whole += to.since(from);
            ours += if phase == Phase::Ring { 0 } else { to.since(from) };
        }
        self.call_setup.observe_ms((), whole);
        self.call_setup_service.observe_ms((), ours);
    }
}

/// From `call:init` to the first alert, or to the accept or the end where there was none.
fn request_delay(call: &Call) -> Option<Millis> {
    let ended_at = call.outcome().map(|outcome| outcome.at);
    let Milestones { alerted_at, accepted_at, .. } = call.milestones;
    alerted_at.or(accepted_at).or(ended_at).map(|at| at.since(call.created_at))
}

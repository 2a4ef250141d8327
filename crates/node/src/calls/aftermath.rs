//! What a gateway does once a change of a call is stored.

use std::sync::Arc;

use ringback_call::{Call, FollowUp, State};
use ringback_telemetry::TraceContext;

use super::Calls;

impl Calls {
    /// Logs the change, tidies up after an end, and begins what follows.
    pub(super) fn afterwards(
        self: &Arc<Self>,
        before: Option<&Call>,
        now: &Call,
        follow_up: Option<FollowUp>,
    ) {
        log(before, now);
        if ringback_telemetry::is_set_up_over(before, now) {
            self.trace_later(now);
        }
        if now.has_ended() && !before.is_some_and(Call::has_ended) {
            self.log_later(now);
        }
        match follow_up {
            Some(FollowUp::Place) => self.place_later(now.id.clone(), now.callee.clone()),
            None => {}
        }
    }
}

impl Calls {
    /// Tells of a set-up that is over, if it is worth telling.
    fn trace_later(self: &Arc<Self>, call: &Call) {
        let Some(tracer) = self.tracer.clone().filter(|tracer| tracer.wants(call)) else { return };
        let (calls, id) = (Arc::clone(self), call.id.clone());
        self.background.spawn(async move {
            match calls.background.once(calls.timeline(&id)).await {
                Ok(Some(timeline)) => tracer.trace(&timeline.call, &timeline.notes),
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(call = ?id, error = &error as &dyn std::error::Error, "not traced");
                }
            }
        });
    }
}

fn log(before: Option<&Call>, now: &Call) {
    let (call, state) = (&now.id, now.state_name());
    if let Some(before) = before.filter(|before| before.state_name() == state) {
        tracing::debug!(?call, state = before.state_name().as_str(), "call changed");
        return;
    }
    let trace = TraceContext::of(now);
    match (&now.state, before) {
        (State::Ended(outcome), _) => tracing::info!(
            ?call,
            %trace,
            reason = outcome.reason.as_str(),
            setup_ms = outcome.setup_ms,
            duration_ms = outcome.duration_ms,
            "call ended"
        ),
        (_, None) => tracing::info!(?call, %trace, caller = ?now.caller, callee = ?now.callee, "call placed"),
        (State::Connected { setup_ms, .. }, Some(_)) => {
            tracing::info!(?call, %trace, setup_ms, "call connected");
        }
        (_, Some(_)) => tracing::info!(?call, %trace, state = state.as_str(), "call moved on"),
    }
}

//! The application's say in each call: whether it may be placed, and on what terms.
//!
//! A call is reserved first (`idle`), so that nobody is rung by one that was cancelled, or whose caller has gone, while the
//! policy is asked: the core ignores an answer that comes late. Should this gateway die over the question, another asks it
//! anew (`timeouts.placing_ms`).

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use recloser::{AsyncRecloser, Error as Broken, Recloser};
use ringback_call::{Call, Detail, Terms};
use ringback_telemetry::{Judged, Metrics};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use crate::Node;

/// Whom to ask.
#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// Asks once. It is broken off when [`Settings::timeout`] is over.
    async fn ask(&self, call: &Call) -> Result<Verdict, Unanswered>;
}

/// What the policy says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be placed, on these terms.
    Allowed(Terms),
    /// It may not, and this is what its caller is told.
    Denied(Option<Detail>),
}

/// Why the policy said nothing.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// For operators' metrics.
    pub cause: Judged,
    /// The same for people, without anything private.
    pub why: String,
}

/// How the policy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For one question, the wait for a turn included.
    pub timeout: Duration,
    /// Questions of this gateway at once; of more, each waits for its turn.
    pub concurrency: usize,
    /// For how long it is spared once too many questions had no answer (circuit breaker).
    pub pause: Duration,
    /// What becomes of a call of which the policy says nothing.
    pub on_failure: OnFailure,
}

/// What becomes of a call of which the policy says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It ends as `denied`, with the detail `policy_unavailable` (fail closed).
    Deny,
    /// It is placed (fail open).
    Allow,
}

impl Node {
    /// Asks this policy about each call from now on. To be called once, before the node starts.
    pub fn ask_policy(&self, policy: Arc<dyn Policy>, settings: Settings) {
        self.calls.gate(Gate::new(policy, settings, Arc::clone(&self.metrics)));
    }
}

/// Of so many questions ...
const QUESTIONS: usize = 20;
/// ... more than this part has no answer before nobody is asked for a while.
const FAILURES: f32 = 0.5;
/// So many are then asked at first.
const PROBES: usize = 2;

/// A policy with its bounds.
pub(crate) struct Gate {
    policy: Arc<dyn Policy>,
    breaker: AsyncRecloser,
    settings: Settings,
    turns: Semaphore,
    metrics: Arc<Metrics>,
}

impl Gate {
    pub(crate) fn new(policy: Arc<dyn Policy>, settings: Settings, metrics: Arc<Metrics>) -> Self {
        let turns = Semaphore::new(settings.concurrency);
        let breaker = Recloser::custom().error_rate(FAILURES).closed_len(QUESTIONS).half_open_len(PROBES);
        let breaker = AsyncRecloser::from(breaker.open_wait(settings.pause).build());
        Self { policy, breaker, settings, turns, metrics }
    }

    /// What becomes of this call.
    pub(crate) async fn judge(&self, call: &Call) -> Verdict {
        let timer = self.metrics.policy.start();
        let answer = self.ask(call).await;
        timer.stop(());
        let judged = match &answer {
            Ok(Verdict::Allowed(_)) => Judged::Allowed,
            Ok(Verdict::Denied(_)) => Judged::Denied,
            Err(unanswered) => unanswered.cause,
        };
        self.metrics.policy_answers.inc((judged,));
        answer.unwrap_or_else(|unanswered| {
            let on_failure = self.settings.on_failure;
            tracing::warn!(call = ?call.id, why = unanswered.why, ?on_failure, "the policy did not answer");
            match on_failure {
                OnFailure::Allow => Verdict::Allowed(Terms::default()),
                OnFailure::Deny => Verdict::Denied(Some(Detail::policy_unavailable())),
            }
        })
    }
}

impl Gate {
    async fn ask(&self, call: &Call) -> Result<Verdict, Unanswered> {
        let unanswered = |cause, why: &str| Unanswered { cause, why: why.to_owned() };
        let until = Instant::now() + self.settings.timeout;
        let turn = timeout_at(until, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| unanswered(Judged::TimedOut, "too many questions at once"))?;
        let late = |_| Err(unanswered(Judged::TimedOut, "no answer in time"));
        let asked = async { timeout_at(until, self.policy.ask(call)).await.unwrap_or_else(late) };
        self.breaker.call(asked).await.map_err(|error| match error {
            Broken::Inner(unanswered) => unanswered,
            Broken::Rejected => unanswered(Judged::Spared, "not asked: it has not answered of late"),
        })
    }
}

#[cfg(test)]
mod tests;

//! An application that has its say in calls, and takes its time.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use ringback_call::{Call, Detail, Terms};
use ringback_node::policy::{OnFailure, Policy, Settings, Unanswered, Verdict};
use ringback_telemetry::Judged;
use tokio::time::sleep;

use crate::dice::Dice;

/// How nodes ask. Failures are too rare for the circuit breaker, whose clock is not virtual.
pub(crate) const SETTINGS: Settings = Settings {
    timeout: Duration::from_millis(1_500),
    concurrency: 64,
    pause: Duration::ZERO,
    on_failure: OnFailure::Deny,
};

/// Says what the dice say, until it agrees to everything.
pub(crate) struct Whim {
    dice: Mutex<Dice>,
    agrees: AtomicBool,
}

impl Whim {
    pub(crate) const fn new(dice: Dice) -> Self {
        Self { dice: Mutex::new(dice), agrees: AtomicBool::new(false) }
    }

    /// From now on every call may be placed.
    pub(crate) fn agree(&self) {
        self.agrees.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Policy for Whim {
    async fn ask(&self, _: &Call) -> Result<Verdict, Unanswered> {
        if self.agrees.load(Ordering::Relaxed) {
            return Ok(Verdict::Allowed(Terms::default()));
        }
        let (takes, answer) = {
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            let longest = if dice.chance(0.05) { 3_000 } else { 400 };
            let takes = dice.ms(0, longest);
            let ringing_ms = dice.chance(0.2).then(|| dice.between(5_000, 60_000));
            let duration_ms = dice.chance(0.2).then(|| dice.between(10_000, 60_000));
            let unanswered =
                Unanswered { cause: Judged::Invalid, why: "it does not feel like it".to_owned() };
            let answer = match dice.below(40) {
                0 => Err(unanswered),
                1..=4 => Ok(Verdict::Denied(Detail::new("no").ok())),
                _ => Ok(Verdict::Allowed(Terms { ringing_ms, duration_ms })),
            };
            (takes, answer)
        };
        sleep(takes).await;
        answer
    }
}

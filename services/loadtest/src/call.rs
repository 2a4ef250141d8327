//! The script of one call. It plays both sides, so that a delivery is measured on one clock.

pub(crate) mod answered;
pub(crate) mod busy;
pub(crate) mod failure;
pub(crate) mod floor;
pub(crate) mod glare;
pub(crate) mod payload;
pub(crate) mod script;
pub(crate) mod unanswered;

use std::{sync::Arc, time::Instant};

use self::{failure::Failure, script::Script};
use crate::{
    measure::{Measures, metric::Metric},
    scenario::{CallPlan, mix::Outcome},
    user::User,
};

/// A call to be made.
#[derive(Debug)]
pub(crate) struct Order {
    /// How it is to go.
    pub(crate) outcome: Outcome,
    /// When it was to begin.
    pub(crate) intended: Instant,
    /// Whether its times count.
    pub(crate) counted: bool,
    /// In which stretch of the run it begins.
    pub(crate) stretch: usize,
    /// What is in it.
    pub(crate) plan: Arc<CallPlan>,
    /// Where its figures go.
    pub(crate) measures: Arc<Measures>,
    /// Whether it is made over the floor.
    pub(crate) floor: bool,
    /// Whether connections of those who call are cut meanwhile.
    pub(crate) churn: bool,
}

/// How many users that takes.
pub(crate) fn parties(outcome: Outcome) -> usize {
    if outcome == Outcome::Busy { 3 } else { 2 }
}

/// Makes the call; the users are free again when it returns.
pub(crate) async fn make(order: Order, users: &mut [User]) {
    let Order { outcome, intended, counted, stretch, plan, measures, floor, churn } = order;
    let began = Instant::now();
    let lag = began.duration_since(intended);
    if counted {
        measures.time(Metric::Lag, lag);
    }
    measures.started();
    measures.of_stretch(stretch, |stretch| {
        stretch.calls += 1;
        stretch.lag(lag);
    });
    users.iter_mut().for_each(User::forget);
    let mut script = Script::new(plan, Arc::clone(&measures), counted, intended);
    let made = match (outcome, &mut *users) {
        (_, [caller, callee, ..]) if floor => floor::answered(&mut script, caller, callee).await,
        (Outcome::Answered, [caller, callee, ..]) => answered::answered(&mut script, caller, callee).await,
        (Outcome::Rejected, [caller, callee, ..]) => unanswered::rejected(&mut script, caller, callee).await,
        (Outcome::Missed, [caller, callee, ..]) => unanswered::missed(&mut script, caller, callee).await,
        (Outcome::Cancelled, [caller, callee, ..]) => {
            unanswered::cancelled(&mut script, caller, callee).await
        }
        (Outcome::Glare, [one, other, ..]) => glare::glare(&mut script, one, other).await,
        (Outcome::Busy, [caller, callee, third, ..]) => busy::busy(&mut script, caller, callee, third).await,
        _ => Err(Failure::Gone),
    };
    match made {
        Ok(setup) => {
            let setup = setup.filter(|_| counted);
            if let Some(setup) = setup {
                measures.time(Metric::Setup, setup);
                measures.of_stretch(stretch, |stretch| stretch.setup(setup));
            }
            measures.done(outcome, setup);
        }
        Err(failure) => {
            match failure.excuse().filter(|_| churn) {
                Some(excuse) => measures.excused(excuse),
                None => {
                    measures.failed(outcome, &failure.to_string());
                    measures.of_stretch(stretch, |stretch| stretch.failed += 1);
                }
            }
            script.clean_up(users).await;
        }
    }
}

//! Who places calls.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    call::{Order, make, parties},
    crowd::Crowd,
    measure::{Measures, count::Count},
    scenario::{
        CallPlan, Scenario,
        mix::{Deal, Outcome},
        phase::Herd,
    },
    schedule::{Schedule, keep},
};

/// Calls that are under way when the last phase is over have this long beyond what their scripts may take.
const SLACK: Duration = Duration::from_secs(30);

/// Places calls.
#[derive(Debug)]
pub(crate) struct Caller {
    crowd: Arc<Crowd>,
    measures: Arc<Measures>,
    plan: Arc<CallPlan>,
    deal: Mutex<Deal>,
    calls: TaskTracker,
    /// In which stretch of the run calls begin now.
    stretch: AtomicUsize,
    /// Whether those who call are cut.
    churn: bool,
}

impl Caller {
    /// One whose calls go as the mix says.
    pub(crate) fn new(scenario: &Scenario, crowd: &Arc<Crowd>, measures: &Arc<Measures>) -> Arc<Self> {
        Arc::new(Self {
            crowd: Arc::clone(crowd),
            measures: Arc::clone(measures),
            plan: Arc::new(scenario.call.clone()),
            deal: Mutex::new(Deal::new(scenario.mix.clone())),
            calls: TaskTracker::new(),
            stretch: AtomicUsize::new(0),
            churn: scenario.churn.is_some()
                || scenario.phases.iter().any(|phase| phase.herd == Some(Herd::All)),
        })
    }

    /// Calls begin in another stretch of the run from now on.
    pub(super) fn enter(&self, stretch: &str) {
        self.stretch.store(self.measures.enter(stretch), Ordering::Relaxed);
    }

    fn next(&self) -> Outcome {
        self.deal.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    fn order(&self, outcome: Outcome, intended: Instant, counted: bool) -> Order {
        Order {
            outcome,
            intended,
            counted,
            stretch: self.stretch.load(Ordering::Relaxed),
            plan: Arc::clone(&self.plan),
            measures: Arc::clone(&self.measures),
            floor: self.crowd.floor,
            churn: self.churn,
        }
    }

    /// Begins a call that was to begin then. Does not wait for it; without free users there is none.
    pub(crate) fn begin(
        self: &Arc<Self>,
        intended: Instant,
        counted: bool,
        runtime: &tokio::runtime::Handle,
    ) {
        let outcome = self.next();
        let Some(mut users) = self.crowd.take(parties(outcome)) else {
            return self.measures.count(Count::Starved);
        };
        let (order, crowd) = (self.order(outcome, intended, counted), Arc::clone(&self.crowd));
        let call = async move {
            Box::pin(make(order, &mut users)).await;
            crowd.give_back(users);
        };
        self.calls.spawn_on(call, runtime);
    }

    /// Makes so many calls, so many at a time, each as soon as one before it is over.
    pub(crate) async fn closed_loop(
        self: &Arc<Self>,
        at_once: usize,
        calls: u64,
        counted: bool,
        stop: &CancellationToken,
    ) {
        let left = Arc::new(AtomicU64::new(calls));
        let lines = TaskTracker::new();
        for _ in 0..at_once {
            let (caller, left, stop) = (Arc::clone(self), Arc::clone(&left), stop.clone());
            lines.spawn(async move {
                while !stop.is_cancelled() && take_one(&left) {
                    let outcome = caller.next();
                    let Some(mut users) = caller.crowd.take(parties(outcome)) else {
                        caller.measures.count(Count::Starved);
                        return;
                    };
                    Box::pin(make(caller.order(outcome, Instant::now(), counted), &mut users)).await;
                    caller.crowd.give_back(users);
                }
            });
        }
        lines.close();
        lines.wait().await;
    }

    /// Calls arrive as scheduled; returns when the last one has begun.
    pub(crate) async fn open_loop(
        self: &Arc<Self>,
        schedule: Schedule,
        counted: bool,
        stop: &CancellationToken,
    ) {
        let (caller, stop, runtime) = (Arc::clone(self), stop.clone(), tokio::runtime::Handle::current());
        let start = Instant::now();
        let arrivals = tokio::task::spawn_blocking(move || {
            keep(schedule, start, &stop, |intended| caller.begin(intended, counted, &runtime));
        });
        // It ends with its schedule, or when it is told to stop.
        let _ = arrivals.await;
    }

    /// Waits for the calls under way; one that takes too long counts as failed.
    pub(crate) async fn finish(&self) {
        let plan = &self.plan;
        let waits = plan.ring.longest() + plan.hold.longest() + plan.cancel_after.longest();
        let limit = waits + plan.ringing_limit.0 + plan.step_limit.0 * 2 + SLACK;
        self.calls.close();
        if timeout(limit, self.calls.wait()).await.is_err() {
            for _ in 0..self.calls.len() {
                self.measures.failed(Outcome::Answered, "not over when the run was");
            }
        }
        self.calls.reopen();
    }
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

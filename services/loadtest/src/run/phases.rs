//! The phases of a run.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::{interval, sleep, sleep_until, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    call::{Order, make, parties},
    crowd::Crowd,
    measure::{Measures, count::Count},
    progress::Progress,
    scenario::{
        CallPlan, Churn, Scenario,
        mix::{Deal, Outcome},
        phase::{Herd, Phase},
    },
    schedule::{Schedule, keep},
};

/// Calls that are under way when the last phase is over have this long beyond what their scripts may take.
const SLACK: Duration = Duration::from_secs(30);

/// What a phase needs.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    scenario: &'a Scenario,
    crowd: &'a Arc<Crowd>,
    caller: Arc<Caller>,
    progress: &'a Progress,
    stop: &'a CancellationToken,
}

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
    fn enter(&self, stretch: &str) {
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

impl<'a> Runner<'a> {
    /// Everybody is connected.
    pub(crate) fn new(
        scenario: &'a Scenario,
        crowd: &'a Arc<Crowd>,
        measures: &Arc<Measures>,
        progress: &'a Progress,
        stop: &'a CancellationToken,
    ) -> Self {
        Self { scenario, crowd, caller: Caller::new(scenario, crowd, measures), progress, stop }
    }

    /// Goes through all phases, and waits for the last call. Gives when the first phase began that is no warm-up, and when
    /// the last such was over.
    pub(crate) async fn run(self) -> Option<Range<Instant>> {
        let mut measured: Option<Range<Instant>> = None;
        for phase in &self.scenario.phases {
            if self.stop.is_cancelled() {
                break;
            }
            self.progress.say(&phase.name);
            self.caller.enter(&phase.name);
            let began = Instant::now();
            match &self.scenario.churn {
                // A herd is to be measured alone.
                Some(churn) if phase.herd.is_none() => tokio::select! {
                    () = self.phase(phase) => {}
                    () = cut_now_and_then(self.crowd, churn) => {}
                },
                _ => self.phase(phase).await,
            }
            if !phase.warm_up {
                measured.get_or_insert(began..began).end = Instant::now();
            }
        }
        self.crowd.measures().leave();
        self.progress.say("the last calls");
        self.caller.finish().await;
        measured
    }

    async fn phase(&self, phase: &Phase) {
        let counted = !phase.warm_up;
        if let (Some(at_once), Some(calls)) = (phase.at_once, phase.calls) {
            return self.caller.closed_loop(at_once, calls, counted, self.stop).await;
        }
        let limit = phase.length.map(|length| length.0).unwrap_or_default();
        let schedule = Schedule::new(phase.calls_per_s, limit, phase.arrivals, fastrand::u64(..));
        let over = self.stop.child_token();
        let rest = async {
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = self.length(phase, limit) => {}
            }
            // However long a herd might have taken: no call begins that belongs to the next phase.
            if phase.herd.is_some() {
                over.cancel();
            }
        };
        tokio::join!(rest, self.caller.open_loop(schedule, counted, &over));
    }

    /// Until the phase is over: that of a herd is when all are back.
    async fn length(&self, phase: &Phase, limit: Duration) {
        let Some(herd) = phase.herd else { return sleep(limit).await };
        self.caller.enter(&format!("{}: cut", phase.name));
        let back = async {
            let cut = self.crowd.cut_all(herd).await;
            sleep_until(cut.back.into()).await;
            self.caller.enter(&format!("{}: back", phase.name));
            self.crowd.all_back(cut).await;
        };
        if timeout(limit, back).await.is_err() {
            self.progress.say("not all have come back within the phase");
            let missing = self.crowd.size().saturating_sub(*self.crowd.online().borrow());
            self.crowd.measures().count_many(Count::Gone, missing as u64);
        }
    }
}

/// Without an end.
async fn cut_now_and_then(crowd: &Crowd, churn: &Churn) {
    let mut ticks = interval(Duration::from_secs_f64((1.0 / churn.per_s).max(1e-4)));
    let mut dice = fastrand::Rng::new();
    loop {
        ticks.tick().await;
        crowd.cut(dice.usize(..crowd.size().max(1)), churn.away.draw(&mut dice));
    }
}

//! The phases of a run.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::caller::Caller;
use crate::{
    crowd::Crowd,
    measure::{Measures, count::Count},
    progress::Progress,
    scenario::{Churn, Scenario, phase::Phase},
    schedule::Schedule,
};

/// What a phase needs.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    scenario: &'a Scenario,
    crowd: &'a Arc<Crowd>,
    caller: Arc<Caller>,
    progress: &'a Progress,
    stop: &'a CancellationToken,
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
            // Who was to be cut and has not been yet is connected: all may be, and yet they have not come back.
            let missing = self.crowd.size().saturating_sub(*self.crowd.online().borrow()).max(1);
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

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::crowd::tests::crowd_of;

    #[tokio::test]
    async fn a_herd_that_was_not_cut_in_its_time_has_not_come_back() {
        let scenario = Scenario::parse(
            "name = \"hasty\"\nusers.idle = 1\nphase = [{ name = \"herd\", for = \"20ms\", herd = \"all\" }]",
        )
        .unwrap();
        // Nobody reads there that it is to be cut.
        let (connection, _unread) = mpsc::channel(1);
        let (crowd, stop) = (Arc::new(crowd_of(vec![connection])), CancellationToken::new());
        let measures = Arc::clone(crowd.measures());
        let progress = Progress::start(Arc::clone(&measures));
        Runner::new(&scenario, &crowd, &measures, &progress, &stop).run().await;
        progress.end();
        assert_eq!(measures.look(|found| found.count(Count::Gone)), 1);
    }
}

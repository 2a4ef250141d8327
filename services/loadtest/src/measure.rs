//! What a run has shown: times in HDR histograms, counts, and how it went from second to second.

pub(crate) mod count;
pub(crate) mod metric;
pub(crate) mod packed;
pub(crate) mod stretch;
pub(crate) mod summary;
pub(crate) mod timeline;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use self::{
    count::{Count, Label},
    metric::Metric,
    stretch::Stretch,
    summary::Summary,
};
use crate::scenario::mix::Outcome;

/// Where everything is written down. One for a run; a comparison has one for each turn.
#[derive(Debug)]
pub(crate) struct Measures {
    begun: Mutex<Instant>,
    state: Mutex<Summary>,
}

impl Measures {
    /// Nothing yet; seconds count from now.
    pub(crate) fn new() -> Self {
        Self { begun: Mutex::new(Instant::now()), state: Mutex::new(Summary::default()) }
    }

    fn state(&self) -> MutexGuard<'_, Summary> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A time.
    pub(crate) fn time(&self, metric: Metric, took: Duration) {
        self.state().record(metric, took);
    }

    /// One more of these.
    pub(crate) fn count(&self, count: Count) {
        self.count_many(count, 1);
    }

    /// So many more of these.
    pub(crate) fn count_many(&self, count: Count, many: u64) {
        *self.state().count_mut(count) += many;
    }

    /// One more with this label.
    pub(crate) fn label(&self, label: Label, name: &str) {
        *self.state().labels_mut(label).entry(name.to_owned()).or_default() += 1;
    }

    /// A call has begun, or was to.
    pub(crate) fn started(&self) {
        let second = self.second();
        let mut state = self.state();
        *state.count_mut(Count::Calls) += 1;
        state.timeline.at(second).started += 1;
    }

    /// A call has gone as it should, with this set-up time if it was set up.
    pub(crate) fn done(&self, outcome: Outcome, setup: Option<Duration>) {
        let second = self.second();
        let mut state = self.state();
        *state.labels_mut(Label::Outcome).entry(outcome.name().to_owned()).or_default() += 1;
        let slot = state.timeline.at(second);
        slot.done += 1;
        if let Some(setup) = setup {
            slot.setup(setup);
        }
    }

    /// A call has not, for a reason that is no fault.
    pub(crate) fn excused(&self, why: &str) {
        let second = self.second();
        let mut state = self.state();
        *state.labels_mut(Label::Outcome).entry(why.to_owned()).or_default() += 1;
        state.timeline.at(second).done += 1;
    }

    /// A call has not.
    pub(crate) fn failed(&self, outcome: Outcome, why: &str) {
        let second = self.second();
        let mut state = self.state();
        *state.count_mut(Count::Failed) += 1;
        *state.labels_mut(Label::Failure).entry(format!("{}: {why}", outcome.name())).or_default() += 1;
        state.timeline.at(second).failed += 1;
    }

    /// The next stretch of the run begins.
    pub(crate) fn enter(&self, stretch: &str) -> usize {
        let second = self.elapsed().as_secs_f64();
        self.state().stretches.enter(stretch, second)
    }

    /// The last stretch is over.
    pub(crate) fn leave(&self) {
        let second = self.elapsed().as_secs_f64();
        self.state().stretches.leave(second);
    }

    /// What happened to a call that began in that stretch.
    pub(crate) fn of_stretch(&self, which: usize, what: impl FnOnce(&mut Stretch)) {
        if let Some(stretch) = self.state().stretches.get_mut(which) {
            what(stretch);
        }
    }

    /// So many are connected now.
    pub(crate) fn online(&self, online: usize) {
        let second = self.second();
        self.state().timeline.online(second, online as u64);
    }

    /// Since the beginning.
    pub(crate) fn second(&self) -> u64 {
        self.elapsed().as_secs()
    }

    fn elapsed(&self) -> Duration {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// Everybody is connected, and all workers are ready: seconds count from now, for all of them.
    pub(crate) fn begin(&self) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.state().timeline.begin();
    }

    /// A look at what there is by now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Summary) -> T) -> T {
        look(&self.state())
    }

    /// All that there is by now.
    pub(crate) fn summary(&self) -> Summary {
        self.state().clone()
    }
}

#[cfg(test)]
mod tests;

//! When calls arrive: an open loop. The times are fixed beforehand, so a late answer does not slow the arrivals down, and
//! whoever measures from the time a call was to begin can't leave the wait out (coordinated omission).

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::scenario::phase::{Arrivals, Rate};

/// The thread that waits looks this often whether it should stop.
const LOOK: Duration = Duration::from_millis(50);

/// The times of arrivals within one phase, from its start.
///
/// A process whose rate changes is one of rate 1 on a stretched time: the next arrival is where the integral of the rate
/// has grown by the next gap (1 for even distances, exponential for a Poisson process).
#[derive(Debug)]
pub(crate) struct Schedule {
    from: f64,
    /// Half of what the rate grows by in a second.
    growth: f64,
    length: f64,
    process: Arrivals,
    dice: fastrand::Rng,
    /// The integral of the rate so far.
    passed: f64,
}

impl Schedule {
    /// The same seed gives the same times.
    pub(crate) fn new(rate: Rate, length: Duration, process: Arrivals, seed: u64) -> Self {
        let (from, to) = rate.ends();
        let length = length.as_secs_f64();
        let growth = if length > 0.0 { (to - from) / (2.0 * length) } else { 0.0 };
        Self { from, growth, length, process, dice: fastrand::Rng::with_seed(seed), passed: 0.0 }
    }

    fn gap(&mut self) -> f64 {
        match self.process {
            Arrivals::Constant => 1.0,
            Arrivals::Poisson => -(1.0 - self.dice.f64()).ln(),
        }
    }

    /// When the integral of the rate reaches `passed`.
    fn reached(&self, passed: f64) -> Option<f64> {
        if self.growth == 0.0 {
            return (self.from > 0.0).then(|| passed / self.from);
        }
        let square = self.from.mul_add(self.from, 4.0 * self.growth * passed);
        (square >= 0.0).then(|| (square.sqrt() - self.from) / (2.0 * self.growth))
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.passed += self.gap();
        let at = self.reached(self.passed).filter(|at| *at <= self.length)?;
        Duration::try_from_secs_f64(at).ok()
    }
}

/// Calls `arrive` with each intended time, when it has come. Blocks: a thread's sleep is exact to some tens of
/// microseconds, a timer of the runtime only to a millisecond, which is as long as a set-up takes.
///
/// `arrive` must not wait. Whoever is late catches up: no arrival is left out or put off.
pub(crate) fn keep(
    schedule: Schedule,
    start: Instant,
    stop: &CancellationToken,
    mut arrive: impl FnMut(Instant),
) {
    for at in schedule {
        let intended = start + at;
        loop {
            if stop.is_cancelled() {
                return;
            }
            let left = intended.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            sleep(left.min(LOOK));
        }
        arrive(intended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn schedule(rate: Rate, process: Arrivals) -> Vec<Duration> {
        Schedule::new(rate, MINUTE, process, 7).collect()
    }

    #[test]
    fn even_distances_are_even() {
        let times = schedule(Rate::Steady(10.0), Arrivals::Constant);
        assert_eq!(times.len(), 600);
        for (place, at) in times.iter().enumerate() {
            let want = (place + 1) as f64 / 10.0;
            assert!((at.as_secs_f64() - want).abs() < 1e-6, "{at:?} is not {want}");
        }
    }

    #[test]
    fn a_poisson_process_has_its_rate_and_its_spread() {
        let times = schedule(Rate::Steady(100.0), Arrivals::Poisson);
        assert!((5_700..6_300).contains(&times.len()), "{}", times.len());
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // The deviation of an exponential distribution is its mean.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.1, "{mean} {variance}");
    }

    #[test]
    fn a_ramp_has_its_calls_towards_the_end() {
        let times = schedule(Rate::Ramp { from: 0.0, to: 20.0 }, Arrivals::Constant);
        assert_eq!(times.len(), 600);
        // A quarter of the calls in the first half.
        assert_eq!(times.iter().filter(|at| **at <= MINUTE / 2).count(), 150);
        let down = schedule(Rate::Ramp { from: 20.0, to: 0.0 }, Arrivals::Constant);
        assert_eq!(down.iter().filter(|at| **at <= MINUTE / 2).count(), 450);
    }

    #[test]
    fn no_rate_is_no_call() {
        assert!(schedule(Rate::Steady(0.0), Arrivals::Poisson).is_empty());
    }

    #[test]
    fn who_is_late_catches_up_and_the_intended_times_stay() {
        // All of it lies in the past, as after a generator that stood still for a minute.
        let start = Instant::now().checked_sub(MINUTE).unwrap();
        let plan = || Schedule::new(Rate::Steady(50.0), MINUTE, Arrivals::Poisson, 3);
        let mut arrived = Vec::new();
        keep(plan(), start, &CancellationToken::new(), |intended| arrived.push(intended - start));
        assert_eq!(arrived, plan().collect::<Vec<_>>());
    }

    #[test]
    fn it_stops_when_told() {
        let stop = CancellationToken::new();
        stop.cancel();
        keep(Schedule::new(Rate::Steady(1.0), MINUTE, Arrivals::Constant, 1), Instant::now(), &stop, |_| {
            panic!("nothing arrives")
        });
    }
}

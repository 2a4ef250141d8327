//! One gauge of one server over time, and by how much it grew.

use std::ops::Range;

use super::gauge::Gauge;

/// Points in time, in seconds from the start of the first phase.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Track {
    /// Whose it is.
    pub(crate) of: String,
    /// What it is.
    pub(crate) gauge: Gauge,
    /// When, and how much.
    pub(crate) points: Vec<(f64, f64)>,
}

/// All that was seen of those who are watched.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// By server and gauge.
    pub(crate) tracks: Vec<Track>,
    /// From when to when it counts, in seconds: without the warm-up.
    pub(crate) measured: Range<f64>,
}

/// From the first fifth of a time to its last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Growth {
    /// The median in the first fifth …
    pub(crate) first: f64,
    /// … and in the last.
    pub(crate) last: f64,
}

impl Seen {
    /// Those of one gauge, with their growth.
    pub(crate) fn of(&self, gauge: Gauge) -> impl Iterator<Item = (&Track, Option<Growth>)> {
        let those = self.tracks.iter().filter(move |track| track.gauge == gauge);
        those.map(|track| (track, track.growth(&self.measured)))
    }
}

impl Track {
    /// Without points.
    pub(crate) fn new(of: &str, gauge: Gauge) -> Self {
        Self { of: of.to_owned(), gauge, points: Vec::new() }
    }

    /// Lets every second point go.
    pub(super) fn thin(&mut self) {
        let mut keep = false;
        self.points.retain(|_| {
            keep = !keep;
            keep
        });
    }

    /// Within these seconds; `None` if there is nothing to compare.
    pub(crate) fn growth(&self, within: &Range<f64>) -> Option<Growth> {
        let fifth = (within.end - within.start) / 5.0;
        let median = |from: f64, to: f64| {
            let inside = self.points.iter().filter(|(at, _)| (from..=to).contains(at));
            let mut values: Vec<f64> = inside.map(|(_, value)| *value).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        let first = median(within.start, within.start + fifth)?;
        let last = median(within.end - fifth, within.end)?;
        Some(Growth { first, last })
    }
}

impl Growth {
    /// As it is counted.
    pub(crate) fn by(&self) -> f64 {
        self.last - self.first
    }

    /// At first, at last, and by how much it grew, as the gauge is shown.
    pub(crate) fn shown(&self, of: Gauge) -> [f64; 3] {
        [self.first, self.last, self.by()].map(|value| of.unit().of(value))
    }

    /// Of what there was at first.
    pub(crate) fn percent(&self) -> f64 {
        if self.by() == 0.0 { 0.0 } else { self.by() * 100.0 / self.first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(points: impl IntoIterator<Item = (f64, f64)>) -> Track {
        Track { points: points.into_iter().collect(), ..Track::new("gateway", Gauge::Memory) }
    }

    #[test]
    fn growth_is_between_the_first_and_the_last_fifth() {
        // Ten before the start and after the end; 100 in the first fifth, 130 in the last, with one outlier in each.
        let value = |at: u32| match at {
            0..10 | 60.. => 1_000.0,
            12 | 55 => 10_000.0,
            10..20 => 100.0,
            50..60 => 130.0,
            _ => 500.0,
        };
        let track = track((0..70).map(|at| (f64::from(at), value(at))));
        let growth = track.growth(&(10.0..60.0)).unwrap();
        assert_eq!((growth.by(), growth.percent()), (30.0, 30.0));
    }

    #[test]
    fn what_was_not_seen_has_not_grown_by_nothing() {
        assert_eq!(track([(1.0, 1.0), (5.0, 1.0)]).growth(&(0.0..10.0)), None);
        assert_eq!(track([]).growth(&(0.0..10.0)), None);
    }

    #[test]
    fn of_nothing_anything_is_more() {
        assert_eq!(Growth { first: 0.0, last: 0.0 }.percent(), 0.0);
        assert!(Growth { first: 0.0, last: 1.0 }.percent() > 1e9);
    }

    #[test]
    fn thinning_keeps_the_first_of_two() {
        let mut track = track([(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]);
        track.thin();
        assert_eq!(track.points, [(0.0, 1.0), (2.0, 3.0)]);
    }
}

//! The stretches of a run: its phases, and of a herd's the time until it comes back and the time from then on. How fast
//! calls were set up in one stands beside how fast they were in the first.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::packed::Packed;

/// The calls that began in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stretch {
    /// That of its phase, mostly.
    pub(crate) name: String,
    /// When it began, in seconds.
    pub(crate) from: f64,
    /// When it was over.
    pub(crate) to: f64,
    /// Calls that began in it.
    pub(crate) calls: u64,
    /// Those of them that failed, whenever they did.
    pub(crate) failed: u64,
    setups: Packed,
    lags: Packed,
}

/// One after the other.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Stretches(Vec<Stretch>);

/// A stretch, as it is told.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// How long it was.
    pub(crate) seconds: f64,
    /// Calls that began in it.
    pub(crate) calls: u64,
    /// Those of them that failed.
    pub(crate) failed: u64,
    /// Of set-up times, in milliseconds.
    pub(crate) setup_p50: f64,
    /// The same.
    pub(crate) setup_p99: f64,
    /// As a multiple of that of the first stretch.
    pub(crate) p50_to_first: f64,
    /// The same.
    pub(crate) p99_to_first: f64,
    /// How late the tool itself was, in milliseconds.
    pub(crate) lag_p99: f64,
}

impl Row<'_> {
    /// Its figures as tables have them, in the order of its fields.
    pub(crate) fn figures(&self) -> [String; 8] {
        let [p50, p99, p50_to_first, p99_to_first, lag_p99] =
            [self.setup_p50, self.setup_p99, self.p50_to_first, self.p99_to_first, self.lag_p99]
                .map(|figure| format!("{figure:.2}"));
        let (seconds, calls, failed) =
            (format!("{:.1}", self.seconds), self.calls.to_string(), self.failed.to_string());
        [seconds, calls, failed, p50, p99, p50_to_first, p99_to_first, lag_p99]
    }
}

impl Stretch {
    fn new(name: &str, from: f64) -> Self {
        let (setups, lags) = (Packed::new(3), Packed::new(3));
        Self { name: name.to_owned(), from, to: from, calls: 0, failed: 0, setups, lags }
    }

    /// A call took so long to be set up.
    pub(crate) fn setup(&mut self, took: Duration) {
        self.setups.record(took);
    }

    /// The tool began a call so late.
    pub(crate) fn lag(&mut self, late: Duration) {
        self.lags.record(late);
    }
}

impl Stretches {
    /// The next one begins then, and the one before is over; which one it is.
    pub(super) fn enter(&mut self, name: &str, second: f64) -> usize {
        self.leave(second);
        self.0.push(Stretch::new(name, second));
        self.0.len() - 1
    }

    /// The last one is over.
    pub(super) fn leave(&mut self, second: f64) {
        if let Some(last) = self.0.last_mut() {
            last.to = second;
        }
    }

    pub(super) fn get_mut(&mut self, which: usize) -> Option<&mut Stretch> {
        self.0.get_mut(which)
    }

    /// Adds another worker's, of the same scenario.
    pub(super) fn merge(&mut self, other: Self) -> anyhow::Result<()> {
        for (place, theirs) in other.0.into_iter().enumerate() {
            let Some(ours) = self.0.get_mut(place) else {
                self.0.push(theirs);
                continue;
            };
            ours.from = ours.from.min(theirs.from);
            ours.to = ours.to.max(theirs.to);
            ours.calls += theirs.calls;
            ours.failed += theirs.failed;
            ours.setups.0.add(&theirs.setups.0)?;
            ours.lags.0.add(&theirs.lags.0)?;
        }
        Ok(())
    }

    /// Those in which calls were set up and measured, if there is something to compare.
    pub(crate) fn rows<'a>(&'a self) -> Vec<Row<'a>> {
        let ms = |packed: &Packed, percentile| packed.0.value_at_percentile(percentile) as f64 / 1e3;
        let measured: Vec<&'a Stretch> =
            self.0.iter().filter(|stretch| !stretch.setups.0.is_empty()).collect();
        let [first, _, ..] = measured[..] else { return Vec::new() };
        let row = |stretch: &'a Stretch| {
            let [p50, p99] = [50.0, 99.0].map(|percentile| ms(&stretch.setups, percentile));
            Row {
                name: &stretch.name,
                seconds: stretch.to - stretch.from,
                calls: stretch.calls,
                failed: stretch.failed,
                setup_p50: p50,
                setup_p99: p99,
                p50_to_first: p50 / ms(&first.setups, 50.0),
                p99_to_first: p99 / ms(&first.setups, 99.0),
                lag_p99: ms(&stretch.lags, 99.0),
            }
        };
        measured.into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretches(herd_ms: u64) -> Stretches {
        let mut all = Stretches::default();
        for (name, second, ms) in
            [("ramp", 0.0, None), ("before", 5.0, Some(10)), ("herd", 35.0, Some(herd_ms))]
        {
            let which = all.enter(name, second);
            let stretch = all.get_mut(which).unwrap();
            for _ in 0..100 {
                stretch.calls += 1;
                ms.map(Duration::from_millis).into_iter().for_each(|took| stretch.setup(took));
            }
        }
        all.leave(40.0);
        all
    }

    fn told(stretches: &Stretches) -> Vec<(&str, f64, u64, f64)> {
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        stretches
            .rows()
            .iter()
            .map(|row| (row.name, row.seconds, row.calls, tenth(row.p99_to_first)))
            .collect()
    }

    #[test]
    fn each_is_compared_with_the_first_that_was_measured() {
        assert_eq!(told(&stretches(40)), [("before", 30.0, 100, 1.0), ("herd", 5.0, 100, 4.0)]);
    }

    #[test]
    fn one_alone_is_compared_with_nothing() {
        let mut all = Stretches::default();
        all.enter("calls", 0.0);
        all.get_mut(0).unwrap().setup(Duration::from_millis(1));
        assert!(all.rows().is_empty());
    }

    #[test]
    fn those_of_workers_are_one() {
        let mut all = stretches(40);
        let sent = serde_json::from_str(&serde_json::to_string(&stretches(80)).unwrap()).unwrap();
        all.merge(sent).unwrap();
        assert_eq!(told(&all), [("before", 30.0, 200, 1.0), ("herd", 5.0, 200, 8.0)]);
    }
}

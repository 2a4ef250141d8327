//! The figures of a run: what is judged, reported, sent to the first worker and merged there.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{
    count::{Count, Label},
    metric::Metric,
    packed::Packed,
    stretch::Stretches,
    timeline::Timeline,
};

/// All figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    histograms: BTreeMap<String, Packed>,
    counts: BTreeMap<String, u64>,
    labels: BTreeMap<String, BTreeMap<String, u64>>,
    /// From second to second.
    pub(crate) timeline: Timeline,
    /// From phase to phase.
    pub(crate) stretches: Stretches,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            histograms: Metric::ALL
                .into_iter()
                .map(|metric| (metric.name().to_owned(), Packed::new(3)))
                .collect(),
            counts: Count::ALL.into_iter().map(|count| (count.name().to_owned(), 0)).collect(),
            labels: Label::ALL.into_iter().map(|label| (label.name().to_owned(), BTreeMap::new())).collect(),
            timeline: Timeline::default(),
            stretches: Stretches::default(),
        }
    }
}

impl Summary {
    /// One more time.
    pub(crate) fn record(&mut self, metric: Metric, took: Duration) {
        self.entry(metric.name()).record(took);
    }

    fn entry(&mut self, name: &str) -> &mut Packed {
        self.histograms.entry(name.to_owned()).or_insert_with(|| Packed::new(3))
    }

    /// The times of a metric, in microseconds.
    pub(crate) fn histogram(&self, metric: Metric) -> Histogram<u64> {
        self.histograms.get(metric.name()).map_or_else(|| Packed::new(3).0, |packed| packed.0.clone())
    }

    /// That percentile of a metric, in milliseconds; 0 if there is none.
    pub(crate) fn percentile_ms(&self, metric: Metric, percentile: f64) -> f64 {
        self.histograms
            .get(metric.name())
            .map_or(0.0, |packed| packed.0.value_at_percentile(percentile) as f64 / 1e3)
    }

    /// How many there were.
    pub(crate) fn count(&self, count: Count) -> u64 {
        self.counts.get(count.name()).copied().unwrap_or_default()
    }

    pub(super) fn count_mut(&mut self, count: Count) -> &mut u64 {
        self.counts.entry(count.name().to_owned()).or_default()
    }

    /// How many of each name there were.
    pub(crate) fn labels(&self, label: Label) -> BTreeMap<String, u64> {
        self.labels.get(label.name()).cloned().unwrap_or_default()
    }

    pub(super) fn labels_mut(&mut self, label: Label) -> &mut BTreeMap<String, u64> {
        self.labels.entry(label.name().to_owned()).or_default()
    }

    /// Of a hundred calls, so many failed.
    pub(crate) fn failed_percent(&self) -> f64 {
        let calls = self.count(Count::Calls);
        if calls == 0 { 0.0 } else { self.count(Count::Failed) as f64 * 100.0 / calls as f64 }
    }

    /// Adds what another worker has.
    pub(crate) fn merge(&mut self, other: Self) -> anyhow::Result<()> {
        for (name, theirs) in &other.histograms {
            self.entry(name).0.add(&theirs.0)?;
        }
        for (name, theirs) in other.counts {
            *self.counts.entry(name).or_default() += theirs;
        }
        for (label, theirs) in other.labels {
            let ours = self.labels.entry(label).or_default();
            for (name, many) in theirs {
                *ours.entry(name).or_default() += many;
            }
        }
        self.timeline.merge(other.timeline);
        self.stretches.merge(other.stretches)
    }
}

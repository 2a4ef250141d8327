//! What the figures must be for the run to have passed.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::wait::Span;
use crate::{
    measure::{count::Count, metric::Metric, summary::Summary},
    watch::{gauge::Gauge, track::Seen},
};

/// By name: a count (`lost = 0`), a percentage of calls (`failed_percent = 0.1`), a percentile of a time
/// (`setup_p99 = "100ms"`) or its greatest (`ack_max`), growth of what is watched (`memory_growth_percent = 10`,
/// `fd_growth = 20`). None may be greater than what it says here.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Thresholds {
    set: BTreeMap<String, Limit>,
}

/// The greatest that passes.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged, expecting = "a number or a duration")]
pub(crate) enum Limit {
    /// Of things.
    Number(f64),
    /// Of time.
    Span(Span),
}

/// These hold unless the scenario says otherwise: what Ringback promises, and what makes the other figures worthless.
const ALWAYS: [Count; 9] = [
    Count::Lost,
    Count::Doubled,
    Count::OutOfOrder,
    Count::Altered,
    Count::AfterEnd,
    Count::Unanswered,
    Count::Starved,
    Count::Failed,
    Count::Gone,
];

/// One that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Judged {
    /// Its name in the scenario.
    pub(crate) name: String,
    /// What was found, in words.
    pub(crate) found: String,
    /// The greatest that would have passed, in words.
    pub(crate) limit: String,
    /// Whether it passed.
    pub(crate) passed: bool,
}

/// What a threshold speaks of.
enum Subject {
    Count(Count),
    FailedPercent,
    Percentile(Metric, f64),
    Growth(Gauge, Growing),
}

/// How growth is told.
#[derive(Clone, Copy)]
enum Growing {
    By,
    Percent,
}

impl Subject {
    fn named(name: &str) -> Option<Self> {
        if name == "failed_percent" {
            return Some(Self::FailedPercent);
        }
        if let Some(count) = Count::ALL.into_iter().find(|count| count.name() == name) {
            return Some(Self::Count(count));
        }
        let growth = [("_growth_percent", Growing::Percent), ("_growth", Growing::By)];
        if let Some((gauge, how)) =
            growth.into_iter().find_map(|(end, how)| Some((name.strip_suffix(end)?, how)))
        {
            let gauge = Gauge::ALL.into_iter().find(|known| known.name() == gauge)?;
            return Some(Self::Growth(gauge, how));
        }
        let (metric, which) = name.rsplit_once('_')?;
        let metric = Metric::ALL.into_iter().find(|known| known.name() == metric)?;
        let percentile = match which {
            "max" => 100.0,
            which => which.strip_prefix('p')?.parse().ok().filter(|p| (0.0..=100.0).contains(p))?,
        };
        Some(Self::Percentile(metric, percentile))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Span(span) => span.fmt(f),
        }
    }
}

impl Thresholds {
    /// What is wrong with them.
    pub(crate) fn complaints(&self) -> impl Iterator<Item = String> {
        self.set.iter().filter_map(|(name, limit)| match (Subject::named(name), limit) {
            (None, _) => Some(format!(
                "thresholds.{name}: no such figure; there are counts (lost, failed, …), failed_percent, times with _p50, \
                 _p99, _p99.9 or _max (setup_p99, …), and gauges with _growth or _growth_percent (memory, fd, keys, …)"
            )),
            (Some(Subject::Percentile(..)), Limit::Number(_)) => {
                Some(format!("thresholds.{name}: a time is written as \"100ms\""))
            }
            (Some(Subject::Count(_) | Subject::FailedPercent | Subject::Growth(..)), Limit::Span(_)) => {
                Some(format!("thresholds.{name}: a number is wanted"))
            }
            _ => None,
        })
    }

    /// Looks at each.
    pub(crate) fn judge(&self, summary: &Summary, seen: &Seen) -> Vec<Judged> {
        let mut all: BTreeMap<String, Limit> =
            ALWAYS.iter().map(|count| (count.name().to_owned(), Limit::Number(0.0))).collect();
        if self.set.contains_key("failed_percent") {
            // Who allows a percentage of failures does not mean none.
            all.remove(Count::Failed.name());
        }
        all.extend(self.set.iter().map(|(name, limit)| (name.clone(), *limit)));
        all.into_iter().filter_map(|(name, limit)| judge(name, limit, summary, seen)).collect()
    }
}

fn judge(name: String, limit: Limit, summary: &Summary, seen: &Seen) -> Option<Judged> {
    let (found, passed) = match (Subject::named(&name)?, limit) {
        (Subject::Count(count), Limit::Number(limit)) => {
            let found = summary.count(count);
            (found.to_string(), found as f64 <= limit)
        }
        (Subject::FailedPercent, Limit::Number(limit)) => {
            let found = summary.failed_percent();
            (format!("{found:.2}"), found <= limit)
        }
        (Subject::Percentile(metric, percentile), Limit::Span(limit)) => {
            let histogram = summary.histogram(metric);
            // What was never measured has passed nothing.
            if histogram.is_empty() {
                return Some(Judged {
                    name,
                    found: "nothing".to_owned(),
                    limit: limit.to_string(),
                    passed: false,
                });
            }
            let found = Duration::from_micros(histogram.value_at_percentile(percentile));
            (Span(found).to_string(), found <= limit.0)
        }
        (Subject::Growth(gauge, how), Limit::Number(limit)) => growth(gauge, how, limit, seen),
        _ => return None,
    };
    Some(Judged { name, found, limit: limit.to_string(), passed })
}

/// Of all who are watched, the one that grew most.
fn growth(gauge: Gauge, how: Growing, limit: f64, seen: &Seen) -> (String, bool) {
    let mut worst: Option<(f64, &str)> = None;
    for (track, growth) in seen.of(gauge) {
        let Some(growth) = growth else { return (format!("nothing of {}", track.of), false) };
        let found = match how {
            Growing::By => growth.by(),
            Growing::Percent => growth.percent(),
        };
        if worst.is_none_or(|(most, _)| found > most) {
            worst = Some((found, &track.of));
        }
    }
    match worst {
        Some((found, of)) => (format!("{found:.2} ({of})"), found <= limit),
        // What was not watched has passed nothing.
        None => ("nothing".to_owned(), false),
    }
}

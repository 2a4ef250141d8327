//! The report for programs.

use serde::Serialize;

use super::Report;
use crate::{
    measure::{metric::Metric, stretch::Row, summary::Summary},
    scenario::{Scenario, threshold::Judged},
    servers::Usage,
    watch::track::{Growth, Seen, Track},
};

#[derive(Serialize)]
struct Json<'a> {
    name: &'a str,
    passed: bool,
    took_s: f64,
    warnings: &'a [String],
    thresholds: &'a [Judged],
    times_ms: serde_json::Map<String, serde_json::Value>,
    /// Set-up from phase to phase; empty if there is but one to tell of.
    phases: Vec<Row<'a>>,
    servers: &'a [Usage],
    watched: Vec<Watched<'a>>,
    /// With the histograms in the V2 format with deflate, in microseconds.
    found: &'a Summary,
    scenario: &'a Scenario,
}

#[derive(Serialize)]
struct Watched<'a> {
    of: &'a str,
    what: &'static str,
    /// Between the first and the last fifth of the phases that are no warm-up.
    growth: Option<Grown>,
    /// Seconds, and how much there was.
    points: &'a [(f64, f64)],
}

#[derive(Serialize)]
struct Grown {
    first: f64,
    last: f64,
    by: f64,
    percent: f64,
}

/// As JSON.
pub(crate) fn json(report: &Report) -> anyhow::Result<String> {
    let times = Metric::ALL
        .into_iter()
        .map(|metric| (metric.name().to_owned(), percentiles(&report.summary, metric)));
    Ok(serde_json::to_string_pretty(&Json {
        name: &report.scenario.name,
        passed: report.passed(),
        took_s: report.took.as_secs_f64(),
        warnings: &report.warnings,
        thresholds: &report.judged,
        times_ms: times.collect(),
        phases: report.summary.stretches.rows(),
        servers: &report.servers,
        watched: report.seen.tracks.iter().map(|track| watched(track, &report.seen)).collect(),
        found: &report.summary,
        scenario: &report.scenario,
    })?)
}

fn watched<'a>(track: &'a Track, seen: &Seen) -> Watched<'a> {
    let grown = |growth: Growth| Grown {
        first: growth.first,
        last: growth.last,
        by: growth.by(),
        percent: growth.percent(),
    };
    Watched {
        of: &track.of,
        what: track.gauge.name(),
        growth: track.growth(&seen.measured).map(grown),
        points: &track.points,
    }
}

fn percentiles(summary: &Summary, metric: Metric) -> serde_json::Value {
    let histogram = summary.histogram(metric);
    let at = |percentile| histogram.value_at_percentile(percentile) as f64 / 1e3;
    serde_json::json!({
        "count": histogram.len(),
        "mean": histogram.mean() / 1e3,
        "p50": at(50.0),
        "p90": at(90.0),
        "p99": at(99.0),
        "p99.9": at(99.9),
        "max": at(100.0),
    })
}

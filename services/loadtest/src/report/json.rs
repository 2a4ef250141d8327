//! The report for programs.

use serde::Serialize;

use super::Report;
use crate::{
    measure::{metric::Metric, summary::Summary},
    scenario::{Scenario, threshold::Judged},
    servers::Usage,
};

#[derive(Serialize)]
struct Json<'a> {
    name: &'a str,
    passed: bool,
    took_s: f64,
    warnings: &'a [String],
    thresholds: &'a [Judged],
    times_ms: serde_json::Map<String, serde_json::Value>,
    servers: &'a [Usage],
    /// With the histograms in the V2 format with deflate, in microseconds.
    found: &'a Summary,
    scenario: &'a Scenario,
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
        servers: &report.servers,
        found: &report.summary,
        scenario: &report.scenario,
    })?)
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

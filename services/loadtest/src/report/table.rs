//! The report on a terminal.

use std::fmt::Write as _;

use super::Report;
use crate::{
    measure::{
        count::{Count, Label},
        metric::{Group, Metric},
    },
    stand::table::number,
    watch::gauge::{Gauge, Unit},
};

/// As text.
pub(crate) fn table(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let mut line = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    let summary = &report.summary;
    line(format!("\n{}: {:.1} s", report.scenario.name, report.took.as_secs_f64()));
    for warning in &report.warnings {
        line(format!("! {warning}"));
    }
    for group in Group::ALL {
        let metrics = Metric::ALL.into_iter().filter(|metric| metric.group() == group);
        let rows: Vec<_> = metrics.filter(|metric| !summary.histogram(*metric).is_empty()).collect();
        if rows.is_empty() {
            continue;
        }
        line(format!("\n{} (ms)", group.title()));
        line(format!(
            "  {:<20}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "", "count", "p50", "p90", "p99", "p99.9", "max"
        ));
        for metric in rows {
            let histogram = summary.histogram(metric);
            let at = |percentile| histogram.value_at_percentile(percentile) as f64 / 1e3;
            line(format!(
                "  {:<20}{:>10}{:>10.2}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
                metric.name(),
                histogram.len(),
                at(50.0),
                at(90.0),
                at(99.0),
                at(99.9),
                at(100.0),
            ));
        }
    }
    let stretches = summary.stretches.rows();
    if !stretches.is_empty() {
        line("\nSet-up by phase (ms), and as a multiple of that in the first".to_owned());
        line(format!(
            "  {:<20}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "", "seconds", "calls", "failed", "p50", "p99", "x p50", "x p99", "lag p99"
        ));
    }
    for row in stretches {
        let figures = row.figures().map(|figure| format!("{figure:>10}")).concat();
        line(format!("  {:<20}{figures}", row.name));
    }
    line("\nCounts".to_owned());
    for count in Count::ALL.into_iter().filter(|count| summary.count(*count) > 0) {
        line(format!("  {:<20}{:>10}  {}", count.name(), summary.count(count), count.about()));
    }
    for label in Label::ALL {
        for (name, many) in summary.labels(label) {
            line(format!("  {:<20}{many:>10}  {name}", label.name()));
        }
    }
    if !report.servers.is_empty() {
        line("\nServers".to_owned());
        line(format!(
            "  {:<14}{:>12}{:>14}{:>12}{:>12}{:>12}{:>16}",
            "", "CPU ms", "connecting ms", "RSS MiB", "connected", "after", "B a connection"
        ));
    }
    let mib = |bytes: u64| Unit::MiB.of(bytes as f64);
    for server in &report.servers {
        line(format!(
            "  {:<14}{:>12}{:>14}{:>12.1}{:>12.1}{:>12.1}{:>16.0}",
            server.name,
            server.cpu_ms,
            server.connecting_cpu_ms,
            mib(server.rss_before),
            mib(server.rss_connected),
            mib(server.rss_after),
            server.rss_per_connection,
        ));
    }
    if !report.servers.is_empty() {
        line(format!("  {:<78}{:>16.0}", "all of them", report.rss_per_connection()));
    }
    if !report.seen.tracks.is_empty() {
        line("\nGrowth, from the first fifth of the measured phases to the last".to_owned());
        line(format!("  {:<14}{:>12}{:>12}{:>12}{:>10}", "", "first", "last", "by", "%"));
    }
    for gauge in Gauge::ALL {
        for (track, growth) in report.seen.of(gauge) {
            let Some(growth) = growth else { continue };
            let [first, last, by] = growth.shown(gauge);
            let (of, percent) = (&track.of, number(growth.percent(), 1));
            let what = format!("{} {}", gauge.title(), gauge.unit().name());
            line(format!("  {of:<14}{first:>12.1}{last:>12.1}{by:>12.1}{percent:>10}  {}", what.trim_end()));
        }
    }
    line("\nThresholds".to_owned());
    for judged in &report.judged {
        let verdict = if judged.passed { "ok    " } else { "FAILED" };
        line(format!("  {verdict} {} = {} (at most {})", judged.name, judged.found, judged.limit));
    }
    line(if report.passed() { "\npassed" } else { "\nFAILED" }.to_owned());
    text
}

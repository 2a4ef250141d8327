//! The report as a page of its own: no scripts, nothing loaded, light and dark.

mod servers;

use std::fmt::Write as _;

use super::{
    Report,
    plot::{Line, escape, plot},
};
use crate::measure::{
    count::{Count, Label},
    metric::{Group, Metric},
};

const STYLE: &str = include_str!("report.css");

/// As HTML.
pub(crate) fn html(report: &Report) -> String {
    let mut page = String::new();
    let name = escape(&report.scenario.name);
    let verdict = if report.passed() { "<b class=\"ok\">passed</b>" } else { "<b class=\"bad\">failed</b>" };
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{name}: load test</title><style>{STYLE}</style><main><h1>{name} {verdict}</h1>\
         <p>{:.1} s, {} users ({} of them idle).</p>",
        report.took.as_secs_f64(),
        report.scenario.users.all(),
        report.scenario.users.idle,
    );
    for warning in &report.warnings {
        let _ = write!(page, "<p class=\"bad\">{}</p>", escape(warning));
    }
    thresholds(report, &mut page);
    over_time(report, &mut page);
    by_percentile(report, &mut page);
    times(report, &mut page);
    by_phase(report, &mut page);
    counts(report, &mut page);
    servers::servers(report, &mut page);
    servers::watched(report, &ticks(report), &mut page);
    page.push_str("</main></html>\n");
    page
}

fn thresholds(report: &Report, page: &mut String) {
    page.push_str("<h2>Thresholds</h2><table><tr><th>figure<th>found<th>at most<th></tr>");
    for judged in &report.judged {
        let verdict = if judged.passed { "<td class=\"ok\">ok" } else { "<td class=\"bad\">failed" };
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td>{}{verdict}</tr>",
            escape(&judged.name),
            judged.found,
            judged.limit
        );
    }
    page.push_str("</table>");
}

fn over_time(report: &Report, page: &mut String) {
    let timeline = &report.summary.timeline;
    let width = timeline.width as f64;
    let line = |name, class, of: &dyn Fn(&crate::measure::timeline::Slot) -> Option<f64>| Line {
        name,
        class,
        points: timeline.slots().filter_map(|(second, slot)| Some((second as f64, of(slot)?))).collect(),
    };
    let ticks = ticks(report);
    page.push_str("<h2>Over time</h2>");
    let rates = [
        line("begun", "a", &|slot| Some(slot.started as f64 / width)),
        line("over", "b", &|slot| Some(slot.done as f64 / width)),
        line("failed", "c", &|slot| Some(slot.failed as f64 / width)),
    ];
    page.push_str(&plot("Calls a second", "/s", &rates, &ticks));
    let setups =
        [line("p50", "a", &|slot| slot.setup_ms(50.0)), line("p99", "c", &|slot| slot.setup_ms(99.0))];
    page.push_str(&plot("Set-up time, warm-up left out", "ms", &setups, &ticks));
    page.push_str(&plot(
        "Connections",
        "",
        &[line("connected", "a", &|slot| Some(slot.online as f64))],
        &ticks,
    ));
}

/// Some seconds, along the axis of time.
fn ticks(report: &Report) -> Vec<(f64, String)> {
    let end = report.summary.timeline.slots().last().map_or(0, |(second, _)| second);
    (0..=6).map(|step| (end as f64 * f64::from(step) / 6.0, format!("{} s", end * step as u64 / 6))).collect()
}

/// On an axis of nines, where the tail shows.
fn by_percentile(report: &Report, page: &mut String) {
    const MARKS: [f64; 6] = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99];
    let nines = |percentile: f64| (100.0 / (100.0 - percentile)).log10();
    let of = |metric, name, class| {
        let histogram = report.summary.histogram(metric);
        // No further than there are calls to tell of.
        let furthest = (histogram.len().max(1) as f64).log10().min(4.0);
        let points =
            (0..=80).map(|step| f64::from(step) * 0.05).filter(|at| *at <= furthest && !histogram.is_empty());
        let value = |at: f64| histogram.value_at_percentile(100.0 - 100.0 / 10_f64.powf(at)) as f64 / 1e3;
        Line { name, class, points: points.map(|at| (at, value(at))).collect() }
    };
    let lines = [
        of(Metric::Setup, "set-up", "a"),
        of(Metric::DeliveryIce, "delivery of a candidate", "b"),
        of(Metric::Reconnect, "reconnect", "c"),
    ];
    let ticks: Vec<_> = MARKS.iter().map(|mark| (nines(*mark), format!("{mark} %"))).collect();
    page.push_str("<h2>By percentile</h2>");
    page.push_str(&plot("So many were no slower", "ms", &lines, &ticks));
}

fn times(report: &Report, page: &mut String) {
    page.push_str("<h2>Times, in milliseconds</h2>");
    for group in Group::ALL {
        let metrics = Metric::ALL.into_iter().filter(|metric| metric.group() == group);
        let rows: Vec<_> = metrics
            .map(|metric| (metric, report.summary.histogram(metric)))
            .filter(|(_, h)| !h.is_empty())
            .collect();
        if rows.is_empty() {
            continue;
        }
        let _ = write!(
            page,
            "<h3>{}</h3><table><tr><th><th>count<th>p50<th>p90<th>p99<th>p99.9<th>max<th></tr>",
            group.title()
        );
        for (metric, histogram) in rows {
            let _ = write!(page, "<tr><td>{}<td>{}", metric.name(), histogram.len());
            for percentile in [50.0, 90.0, 99.0, 99.9, 100.0] {
                let _ = write!(page, "<td>{:.2}", histogram.value_at_percentile(percentile) as f64 / 1e3);
            }
            let _ = write!(page, "<td class=\"about\">{}</tr>", escape(metric.about()));
        }
        page.push_str("</table>");
    }
}

fn by_phase(report: &Report, page: &mut String) {
    let rows = report.summary.stretches.rows();
    if rows.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Set-up by phase, in milliseconds</h2><p>Calls belong to the phase that they began in; ratios are to the first.</p>\
         <table><tr><th><th>seconds<th>calls<th>failed<th>p50<th>p99<th>ratio of p50<th>of p99<th>lag, p99</tr>",
    );
    for row in rows {
        let _ = write!(page, "<tr><td>{}<td>{}</tr>", escape(row.name), row.figures().join("<td>"));
    }
    page.push_str("</table>");
}

fn counts(report: &Report, page: &mut String) {
    page.push_str("<h2>Counts</h2><table>");
    for count in Count::ALL {
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td class=\"about\">{}</tr>",
            count.name(),
            report.summary.count(count),
            count.about()
        );
    }
    for label in Label::ALL {
        for (name, many) in report.summary.labels(label) {
            let _ =
                write!(page, "<tr><td>{}<td>{many}<td class=\"about\">{}</tr>", label.name(), escape(&name));
        }
    }
    page.push_str("</table>");
}

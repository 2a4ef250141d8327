//! What servers spent, and what they held over time.

use std::fmt::Write as _;

use super::super::{
    Report,
    plot::{CLASSES, Line, escape, plot},
};
use crate::{
    stand::table::number,
    watch::{
        Track,
        gauge::{Gauge, Unit},
    },
};

pub(super) fn servers(report: &Report, page: &mut String) {
    if report.servers.is_empty() {
        return;
    }
    page.push_str(
        "<h2>Servers</h2><table><tr><th><th>CPU, ms<th>while connecting<th>RSS, MiB<th>connected<th>after<th>B a connection</tr>",
    );
    for server in &report.servers {
        let mib = |bytes: u64| Unit::MiB.of(bytes as f64);
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td>{}<td>{:.1}<td>{:.1}<td>{:.1}<td>{:.0}</tr>",
            escape(&server.name),
            server.cpu_ms,
            server.connecting_cpu_ms,
            mib(server.rss_before),
            mib(server.rss_connected),
            mib(server.rss_after),
            server.rss_per_connection,
        );
    }
    page.push_str("</table>");
}

pub(super) fn watched(report: &Report, ticks: &[(f64, String)], page: &mut String) {
    if report.seen.tracks.is_empty() {
        return;
    }
    page.push_str(
        "<h2>What servers held</h2><p>Growth is from the first fifth of the phases that are no warm-up to the last.</p>\
         <table><tr><th><th>first fifth<th>last fifth<th>growth<th>%<th></tr>",
    );
    for gauge in Gauge::ALL {
        for (track, growth) in report.seen.of(gauge) {
            let _ = write!(page, "<tr><td>{}", escape(&track.of));
            match growth {
                Some(growth) => {
                    let [first, last, by] = growth.shown(gauge);
                    let _ = write!(
                        page,
                        "<td>{first:.1}<td>{last:.1}<td>{by:.1}<td>{}",
                        number(growth.percent(), 1)
                    );
                }
                None => page.push_str("<td><td><td><td>"),
            }
            let _ = write!(page, "<td class=\"about\">{} {}</tr>", gauge.title(), gauge.unit().name());
        }
    }
    page.push_str("</table>");
    for gauge in Gauge::ALL {
        let unit = gauge.unit();
        let line = |((track, _), class)| {
            let track: &Track = track;
            let points = track.points.iter().map(|(at, value)| (*at, unit.of(*value))).collect();
            Line { name: &track.of, class, points }
        };
        let lines: Vec<_> = report.seen.of(gauge).zip(CLASSES.into_iter().cycle()).map(line).collect();
        page.push_str(&plot(gauge.title(), unit.name(), &lines, ticks));
    }
}

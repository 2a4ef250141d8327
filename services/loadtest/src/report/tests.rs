use std::time::{Duration, Instant};

use super::*;
use crate::{
    measure::{Measures, count::Count},
    scenario::mix::Outcome,
    watch::{Track, gauge::Gauge},
};

const SCENARIO: &str = r#"
name = "a < b"
users.calling = 2
phase = [{ name = "steady", for = "1s", calls_per_s = 1 }]
thresholds.setup_p99 = "100ms"
"#;

fn report(setup_ms: u64, lost: u64, stopped: bool) -> Report {
    let measures = Measures::new();
    let setup = Duration::from_millis(setup_ms);
    measures.started();
    measures.time(Metric::Setup, setup);
    measures.done(Outcome::Answered, Some(setup));
    measures.count_many(Count::Lost, lost);
    let scenario = Scenario::parse(SCENARIO).unwrap();
    Report::new(
        scenario,
        measures.summary(),
        Instant::now().elapsed(),
        Vec::new(),
        Seen::default(),
        Vec::new(),
        stopped,
    )
}

#[test]
fn it_passes_when_all_thresholds_are_kept() {
    assert!(report(20, 0, false).passed());
}

#[test]
fn what_is_too_slow_is_named() {
    let report = report(200, 0, false);
    assert!(!report.passed());
    assert!(table::table(&report).contains("FAILED setup_p99 = 200"), "{}", table::table(&report));
}

#[test]
fn phases_are_compared_where_there_are_two() {
    let measures = Measures::new();
    for (name, ms) in [("before", 10), ("herd <", 40)] {
        let which = measures.enter(name);
        measures.of_stretch(which, |stretch| stretch.setup(Duration::from_millis(ms)));
    }
    let scenario = Scenario::parse(SCENARIO).unwrap();
    let summary = measures.summary();
    let report =
        Report::new(scenario, summary, Duration::ZERO, Vec::new(), Seen::default(), Vec::new(), false);
    let text = table::table(&report);
    assert!(text.contains("Set-up by phase") && text.contains("40.03      4.00      4.00"), "{text}");
    let page = html::html(&report);
    assert!(page.contains("<td>herd &lt;<td>") && page.contains("<td>4.00<td>4.00<td>"), "{page}");
    let found: serde_json::Value = serde_json::from_str(&json::json(&report).unwrap()).unwrap();
    assert_eq!(found["phases"][1]["name"], "herd <");
    assert!(!table::table(&self::report(20, 0, false)).contains("Set-up by phase"));
}

#[test]
fn a_lost_message_fails_it_though_no_threshold_says_so() {
    let failed: Vec<_> = report(20, 1, false).judged.into_iter().filter(|judged| !judged.passed).collect();
    assert_eq!(failed.iter().map(|judged| &*judged.name).collect::<Vec<_>>(), ["lost"]);
}

#[test]
fn what_was_never_measured_has_not_passed() {
    let scenario = Scenario::parse(SCENARIO).unwrap();
    let report = Report::new(
        scenario,
        Measures::new().summary(),
        Duration::ZERO,
        Vec::new(),
        Seen::default(),
        Vec::new(),
        false,
    );
    assert!(!report.passed());
}

#[test]
fn a_run_that_was_stopped_has_not_passed() {
    assert!(!report(20, 0, true).passed());
}

/// A threshold on the growth of files, and two servers of which the second grew by 3; or was never seen at the end.
fn watched(limit: u32, to_the_end: bool) -> Report {
    let scenario =
        SCENARIO.replace("thresholds.setup_p99 = \"100ms\"", &format!("thresholds.fd_growth = {limit}"));
    let track = |of: &str, last: Option<f64>| {
        let mut track = Track::new(of, Gauge::Files);
        track.points = [Some((1.0, 20.0)), last.map(|last| (9.0, last))].into_iter().flatten().collect();
        track
    };
    let tracks = vec![track("one", Some(15.0)), track("two", to_the_end.then_some(23.0))];
    let seen = Seen { tracks, measured: 0.0..10.0 };
    let scenario = Scenario::parse(&scenario).unwrap();
    Report::new(scenario, Measures::new().summary(), Duration::ZERO, Vec::new(), seen, Vec::new(), false)
}

#[test]
fn the_one_that_grew_most_is_judged() {
    assert!(watched(3, true).passed());
    let text = table::table(&watched(2, true));
    assert!(text.contains("FAILED fd_growth = 3.00 (two) (at most 2)"), "{text}");
}

#[test]
fn one_that_was_not_seen_has_not_passed() {
    let text = table::table(&watched(3, false));
    assert!(text.contains("FAILED fd_growth = nothing of two"), "{text}");
}

#[test]
fn the_page_stands_alone_and_is_escaped() {
    let page = html::html(&report(20, 0, false));
    assert!(page.contains("<h1>a &lt; b") && page.contains("<svg") && page.contains("prefers-color-scheme"));
    assert!(!page.contains("<script") && !page.contains("http"), "nothing is loaded");
}

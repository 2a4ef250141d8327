use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn measured(times: impl Iterator<Item = u64>) -> Summary {
    let measures = Measures::new();
    for time in times {
        measures.time(Metric::Setup, ms(time));
        measures.started();
        measures.done(Outcome::Answered, Some(ms(time)));
    }
    measures.count_many(Count::Lost, 2);
    measures.label(Label::Error, "glare");
    measures.summary()
}

/// As it comes from another worker.
fn sent(summary: &Summary) -> Summary {
    serde_json::from_str(&serde_json::to_string(summary).unwrap()).unwrap()
}

#[test]
fn a_histogram_arrives_as_it_was() {
    let summary = measured(1..=1_000);
    assert_eq!(sent(&summary).histogram(Metric::Setup), summary.histogram(Metric::Setup));
}

#[test]
fn merged_is_as_if_one_had_measured_it_all() {
    let mut merged = measured(1..=500);
    merged.merge(sent(&measured(501..=1_000))).unwrap();
    let whole = measured(1..=1_000);
    assert_eq!(merged.histogram(Metric::Setup), whole.histogram(Metric::Setup));
    assert_eq!(merged.count(Count::Calls), 1_000);
    assert_eq!(merged.count(Count::Lost), 4);
    assert_eq!(merged.labels(Label::Error)["glare"], 2);
    assert_eq!(merged.labels(Label::Outcome)["answered"], 1_000);
    let started: u64 = merged.timeline.slots().map(|(_, slot)| slot.started).sum();
    assert_eq!(started, 1_000);
}

#[test]
fn percentiles_are_in_milliseconds() {
    let p50 = measured(1..=1_000).percentile_ms(Metric::Setup, 50.0);
    assert!((p50 - 500.0).abs() < 1.0, "{p50}");
}

#[test]
fn a_long_timeline_gets_coarser_and_loses_nothing() {
    let mut timeline = timeline::Timeline::default();
    for second in 0..10_000 {
        timeline.at(second).started += 1;
        timeline.at(second).setup(ms(second % 100));
    }
    assert_eq!(timeline.width, 8);
    assert!(timeline.slots().count() <= 1_800);
    assert_eq!(timeline.slots().map(|(_, slot)| slot.started).sum::<u64>(), 10_000);
}

#[test]
fn timelines_of_different_widths_are_merged() {
    let (mut long, mut short) = (timeline::Timeline::default(), timeline::Timeline::default());
    (0..4_000).for_each(|second| long.at(second).done += 1);
    (0..10).for_each(|second| short.at(second).done += 1);
    short.merge(long.clone());
    assert_eq!(short.width, long.width);
    assert_eq!(short.slots().map(|(_, slot)| slot.done).sum::<u64>(), 4_010);
}

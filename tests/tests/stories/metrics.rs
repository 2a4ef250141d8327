//! What is told to operators: what has happened, once, whichever gateways took part.

use std::time::Duration;

use ringback_tests::client::Client;
use ringback_tests::flow::{
    accept, candidate, connect, end, ended, find_no_path, hang_up, init, negotiate, reject, ring, set_up,
    trickle,
};
use ringback_tests::patience::eventually;
use ringback_tests::scrape::Scrape;
use ringback_tests::stage::Stage;
use serde_json::json;

stories! {
    MORTAL:
        a_call_across_two_gateways_is_counted_once,
        calls_that_come_to_nothing_are_counted_by_reason_and_phase,
        every_metric_of_the_page_is_in_a_scrape,
        what_is_there_now_is_counted_once,
        what_is_wrong_is_counted;
    LEAVING:
        a_call_whose_devices_come_back_elsewhere_is_counted_once;
}

async fn scrape(stage: &Stage) -> Scrape {
    Scrape::of(&stage.world.gateways).await.expect("a scrape")
}

const PHASE: &str = "ringback_call_phase_seconds";

fn phase(part: &str, finish: &str, phase: &str) -> String {
    format!("{PHASE}_{part}{{finish=\"{finish}\",phase=\"{phase}\"}}")
}

async fn a_call_across_two_gateways_is_counted_once(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let before = scrape(stage).await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    // One that has to be held: the answer comes after it.
    bob.ok("webrtc:ice", json!({"call": call, "candidates": [candidate("early", 0)]})).await;
    negotiate(&alice, &bob, &call).await;
    alice.expect("webrtc:ice", json!({"call": call})).await;
    trickle(&alice, &bob, &call, &[candidate("a", 0)]).await;
    connect(&alice, &bob, &call).await;
    end(&bob, &[&alice], &call, "hangup").await;
    let after = scrape(stage).await;
    let grown = |series: &str| after.grown(&before, series);
    for series in [
        "ringback_call_attempts_total",
        "ringback_call_ended_total{phase=\"talk\",reason=\"hangup\"}",
        "ringback_call_setup_seconds_count",
        "ringback_call_setup_service_seconds_count",
        "ringback_call_session_request_delay_seconds_count",
        "ringback_call_duration_seconds_count",
        "ringback_candidates_held_total",
        "ringback_requests_total{type=\"call:init\"}",
        "ringback_requests_total{type=\"call:accept\"}",
        "ringback_requests_total{type=\"webrtc:offer\"}",
    ] {
        assert!((grown(series) - 1.0).abs() < 0.1, "{series} has grown by {}", grown(series));
    }
    // The whole is the sum of its parts, the person's included or not.
    let mut whole = 0.0;
    for name in ["policy", "ring", "negotiate", "ice"] {
        assert!((grown(&phase("count", "done", name)) - 1.0).abs() < 0.1, "{name}");
        whole += grown(&phase("sum", "done", name));
    }
    let rang = grown(&phase("sum", "done", "ring"));
    assert!((grown("ringback_call_setup_seconds_sum") - whole).abs() < 0.000_5, "{whole}");
    assert!(
        (grown("ringback_call_setup_service_seconds_sum") - (whole - rang)).abs() < 0.000_5,
        "{whole} {rang}"
    );
    // Bob hears that it rings; and each side of the accept, a description, candidates, media, and the end.
    assert!(
        (grown("ringback_deliveries_total") - 11.0).abs() < 0.1,
        "{}",
        grown("ringback_deliveries_total")
    );
    // Those that were read from the mailbox are not timed.
    let timed = grown("ringback_delivery_seconds_count") + grown("ringback_replayed_events_total");
    assert!((timed - 11.0).abs() < 0.1, "{timed}");
    assert!(after.sum("ringback_bus_delay_seconds_count") > before.sum("ringback_bus_delay_seconds_count"));
}

async fn calls_that_come_to_nothing_are_counted_by_reason_and_phase(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let before = scrape(stage).await;
    let call = ring(&alice, &[&bob]).await;
    reject(&bob, &alice, &call).await;
    let call = ring(&alice, &[&bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    negotiate(&alice, &bob, &call).await;
    find_no_path(&alice, &bob, &call).await;
    let nobody = init(&alice, &stage.user("nobody")).await;
    ended(&alice, &nobody, "offline").await;
    let after = scrape(stage).await;
    let grown = |series: &str| after.grown(&before, series);
    for (reason, at) in
        [("rejected", "ring"), ("cancelled", "ring"), ("ice_failed", "ice"), ("offline", "policy")]
    {
        let series = format!("ringback_call_ended_total{{phase=\"{at}\",reason=\"{reason}\"}}");
        assert!((grown(&series) - 1.0).abs() < 0.1, "{series} has grown by {}", grown(&series));
    }
    assert!((grown("ringback_call_attempts_total") - 4.0).abs() < 0.1);
    assert!(grown("ringback_call_setup_seconds_count").abs() < 0.1, "none was set up");
    assert!((grown(&phase("count", "ended", "ring")) - 2.0).abs() < 0.1);
}

/// The page is made from the same list as the metrics, which this does not know.
async fn every_metric_of_the_page_is_in_a_scrape(stage: &Stage) {
    let page = include_str!("../../../docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `ringback_"));
    let names: Vec<String> =
        rows.filter_map(|row| row.split_once('`')).map(|(name, _)| format!("ringback_{name}")).collect();
    assert!(names.len() > 30, "a list: {names:?}");
    let told = scrape(stage).await;
    for name in names {
        assert!(told.has(&name), "{name} is not in a scrape");
    }
}

async fn what_is_there_now_is_counted_once(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    let told = scrape(stage).await;
    assert!((told.get("ringback_calls{state=\"ringing\"}") - 1.0).abs() < 0.1);
    assert!((told.sum("ringback_calls") - 1.0).abs() < 0.1);
    assert!((told.get("ringback_connections") - 2.0).abs() < 0.1);
    #[allow(clippy::cast_precision_loss, reason = "two gateways")]
    let gateways = stage.world.gateways.len() as f64;
    assert!((told.get("ringback_ready") - gateways).abs() < 0.1);
    let all = async || (scrape(stage).await.get("ringback_nodes") - gateways * gateways).abs() < 0.1;
    let known = async || all().await.then_some(());
    eventually(Duration::from_secs(10), known).await.expect("each gateway knows all");
    end(&alice, &[&bob], &call, "cancelled").await;
    counts(stage, 0.0).await;
}

/// The live calls that all gateways together tell of are soon so many.
async fn counts(stage: &Stage, calls: f64) {
    let told = async || ((scrape(stage).await.sum("ringback_calls") - calls).abs() < 0.1).then_some(());
    eventually(Duration::from_secs(10), told).await.expect("each live call is counted once");
}

/// A device that is in a call loses its connection, and comes back at the `n`th gateway.
async fn move_to(gateway: usize, mover: Client, peer: &Client, call: &str, stage: &Stage) -> Client {
    let left = mover.cut().await;
    peer.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    counts(stage, 1.0).await;
    let mover = stage.resume(&left, gateway).await;
    peer.expect("call:peer", json!({"call": call, "status": "back"})).await;
    counts(stage, 1.0).await;
    mover
}

/// A gateway that a device has left hears no more of the call, not even that it is over.
async fn a_call_whose_devices_come_back_elsewhere_is_counted_once(stage: &Stage) {
    // Each comes to the gateway where the other was at first.
    for (caller, callee) in [(true, false), (false, true), (true, true)] {
        let (mut alice, mut bob) = stage.pair().await;
        let call = set_up(&alice, &bob).await;
        if caller {
            alice = move_to(1, alice, &bob, &call, stage).await;
        }
        if callee {
            bob = move_to(0, bob, &alice, &call, stage).await;
        }
        hang_up(&alice, &bob, &call).await;
        counts(stage, 0.0).await;
    }
}

async fn what_is_wrong_is_counted(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let before = scrape(stage).await;
    let call = ring(&alice, &[&bob]).await;
    alice.refused("call:accept", json!({"call": call}), "invalid_state").await;
    end(&alice, &[&bob], &call, "cancelled").await;
    let left = bob.cut().await;
    let bob: Client = stage.resume(&left, 0).await;
    let after = scrape(stage).await;
    let grown = |series: &str| after.grown(&before, series);
    assert!(grown("ringback_errors_total{code=\"invalid_state\"}") >= 1.0);
    assert!(grown("ringback_hellos_total{result=\"resumed\"}") >= 1.0);
    assert!(grown("ringback_store_seconds_count{operation=\"commit\"}") >= 2.0);
    assert!(grown("ringback_commits_total{outcome=\"applied\"}") >= 2.0);
    // Counted once the client has its answer, or is gone.
    for series in ["ringback_hello_seconds_count", "ringback_disconnects_total{reason=\"client\"}"] {
        let told = async || (scrape(stage).await.grown(&before, series) >= 1.0).then_some(());
        eventually(Duration::from_secs(10), told).await.expect(series);
    }
    drop(bob);
}

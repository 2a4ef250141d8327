//! Calls that nobody picks up: rejected, cancelled, busy, offline.

use std::time::Duration;

use ringback_tests::flow::{end, ended, epilogue, hang_up, init, quiet, ring, set_up};
use ringback_tests::patience::{SOON, eventually};
use ringback_tests::stage::Stage;
use serde_json::{Value, json};

stories! {
    PAIR:
        rejected_on_one_of_two_devices,
        rejected_as_busy,
        cancelled_while_two_devices_ring,
        cancelled_twice,
        busy_in_another_call,
        busy_while_another_call_connects,
        offline_callee,
        offline_after_the_last_device_has_left,
        ringing_is_told_once,
}

async fn rejected_on_one_of_two_devices(stage: &Stage) {
    rejected(stage, json!({}), "rejected").await;
}

async fn rejected_as_busy(stage: &Stage) {
    rejected(stage, json!({"reason": "busy"}), "busy").await;
}

async fn rejected(stage: &Stage, how: Value, reason: &str) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    let mut reject = how;
    reject["call"] = json!(call);
    tablet.ok("call:reject", reject).await;
    for device in [&alice, &phone, &tablet] {
        let event = ended(device, &call, reason).await;
        assert_eq!(event["by"], tablet.who(), "who rejected it: {event}");
    }
    epilogue(&alice, &[&phone, &tablet]).await;
}

async fn cancelled_while_two_devices_ring(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    end(&alice, &[&phone, &tablet], &call, "cancelled").await;
    epilogue(&alice, &[&phone, &tablet]).await;
}

async fn cancelled_twice(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
    let ack = alice.ok("call:end", json!({"call": call})).await;
    assert_eq!(ack["already"], "cancelled");
    // Too late for the callee, too.
    bob.refused_with_one_of("call:accept", json!({"call": call}), &["invalid_state", "no_such_call"]).await;
    epilogue(&alice, &[&bob]).await;
}

async fn busy_in_another_call(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let carol = stage.caller("carol").await;
    let talk = set_up(&carol, &bob).await;
    let call = init(&alice, &bob.seat.user).await;
    ended(&alice, &call, "busy").await;
    quiet(&[&alice, &bob, &carol]).await;
    hang_up(&carol, &bob, &talk).await;
    epilogue(&alice, &[&bob]).await;
}

async fn busy_while_another_call_connects(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let carol = stage.caller("carol").await;
    let talk = ring(&carol, &[&bob]).await;
    bob.ok("call:accept", json!({"call": talk})).await;
    for side in [&carol, &bob] {
        side.expect("call:accepted", json!({"call": talk})).await;
    }
    let call = init(&alice, &bob.seat.user).await;
    ended(&alice, &call, "busy").await;
    hang_up(&bob, &carol, &talk).await;
    epilogue(&alice, &[&bob]).await;
}

async fn offline_callee(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let call = init(&alice, &stage.user("nobody")).await;
    ended(&alice, &call, "offline").await;
    quiet(&[&alice]).await;
}

async fn offline_after_the_last_device_has_left(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let to = bob.seat.user.clone();
    bob.close().await;
    // A goodbye need not be known everywhere at once: until it is, a call may ring, and is cancelled.
    let offline = eventually(SOON, async || {
        let call = init(&alice, &to).await;
        let Some(event) = alice.next_event(Duration::from_millis(500)).await else {
            end(&alice, &[], &call, "cancelled").await;
            return None;
        };
        assert!(event["type"] == "call:ended" && event["call"] == *call, "{event}");
        Some(event["reason"].clone())
    });
    assert_eq!(offline.await, Some(json!("offline")), "nobody is there to be rung");
    quiet(&[&alice]).await;
}

async fn ringing_is_told_once(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    tablet.ok("call:ringing", json!({"call": call})).await;
    alice.expect("call:ringing", json!({"call": call})).await;
    phone.ok("call:ringing", json!({"call": call})).await;
    tablet.ok("call:ringing", json!({"call": call})).await;
    quiet(&[&alice, &phone, &tablet]).await;
    end(&alice, &[&phone, &tablet], &call, "cancelled").await;
    epilogue(&alice, &[&phone, &tablet]).await;
}

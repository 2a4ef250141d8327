//! What happens when nothing happens: every wait has an end, and both sides are told which.

use std::time::Duration;

use ringback_tests::flow::{accepted, ended_within, epilogue, negotiate, ring, set_up};
use ringback_tests::stage::Stage;
use serde_json::json;

stories! {
    SHORT:
        nobody_answers,
        no_description_is_ever_sent,
        media_never_flow,
        a_device_does_not_come_back,
        the_caller_is_lost_while_it_rings,
        a_set_up_call_outlives_the_deadlines,
}

/// The short deadlines and a sweep on a busy machine.
const LATE: Duration = Duration::from_secs(10);

async fn nobody_answers(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    for device in [&alice, &phone, &tablet] {
        ended_within(LATE, device, &call, "no_answer").await;
    }
    epilogue(&alice, &[&phone, &tablet]).await;
}

async fn no_description_is_ever_sent(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    for side in [&alice, &bob] {
        ended_within(LATE, side, &call, "setup_timeout").await;
    }
    epilogue(&alice, &[&bob]).await;
}

async fn media_never_flow(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    negotiate(&alice, &bob, &call).await;
    alice.ok("call:connected", json!({"call": call})).await;
    for side in [&alice, &bob] {
        ended_within(LATE, side, &call, "setup_timeout").await;
    }
    epilogue(&alice, &[&bob]).await;
}

async fn a_device_does_not_come_back(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let left = bob.cut().await;
    alice.expect_within(LATE, "call:peer", json!({"call": call, "status": "reconnecting"})).await;
    ended_within(LATE, &alice, &call, "connection_lost").await;
    let bob = stage.start_over(&left, 0).await;
    // A device that has seen nothing of the end may be told; the list of live calls is what counts.
    bob.tolerate("call:ended", json!({"call": call, "reason": "connection_lost"}));
    assert_eq!(bob.welcome()["calls"], json!([]), "no live call is left");
    epilogue(&alice, &[&bob]).await;
}

async fn the_caller_is_lost_while_it_rings(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    bob.tolerate("call:peer", json!({"call": call}));
    let left = alice.cut().await;
    ended_within(LATE, &bob, &call, "connection_lost").await;
    let alice = stage.start_over(&left, 0).await;
    alice.tolerate("call:ended", json!({"call": call, "reason": "connection_lost"}));
    epilogue(&alice, &[&bob]).await;
}

async fn a_set_up_call_outlives_the_deadlines(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    // Another call, left to its deadline, is the clock: when it is over, this one has outlived all of them.
    let (carol, dave) = (stage.caller("carol").await, stage.callee("dave").await);
    let clock = ring(&carol, &[&dave]).await;
    for side in [&carol, &dave] {
        ended_within(LATE, side, &clock, "no_answer").await;
    }
    ringback_tests::flow::hang_up(&alice, &bob, &call).await;
}

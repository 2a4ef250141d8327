//! A call from end to end, and the ways to end one that is set up.

use futures::join;
use ringback_tests::flow::{self, accepted, end, ended, epilogue, hang_up, init, quiet, set_up};
use ringback_tests::stage::Stage;
use serde_json::json;

stories! {
    PAIR:
        set_up_and_hung_up_by_the_caller,
        hung_up_by_the_callee,
        hung_up_twice,
        both_hang_up_at_once,
        given_up_because_ice_failed,
        given_up_because_media_were_denied,
        hung_up_before_media_flow,
        the_callee_rings_back_after_the_call,
        one_side_alone_is_not_connected,
}

async fn set_up_and_hung_up_by_the_caller(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    quiet(&[&alice, &bob]).await;
    hang_up(&alice, &bob, &call).await;
}

async fn hung_up_by_the_callee(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    hang_up(&bob, &alice, &call).await;
}

async fn hung_up_twice(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    end(&alice, &[&bob], &call, "hangup").await;
    for side in [&alice, &bob] {
        let ack = side.ok("call:end", json!({"call": call})).await;
        assert_eq!(ack["already"], "hangup", "the end that was first stands: {ack}");
    }
    epilogue(&alice, &[&bob]).await;
}

async fn both_hang_up_at_once(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    for _ in 0..10 {
        let call = set_up(&alice, &bob).await;
        for side in [&alice, &bob] {
            side.tolerate("call:ended", json!({"call": call, "reason": "hangup"}));
        }
        let (one, other) =
            join!(alice.ok("call:end", json!({"call": call})), bob.ok("call:end", json!({"call": call})),);
        let late = [&one, &other].into_iter().filter(|ack| ack["already"] == "hangup").count();
        assert_eq!(late, 1, "one ends the call, the other comes too late: {one} {other}");
    }
    epilogue(&alice, &[&bob]).await;
}

async fn given_up_because_ice_failed(stage: &Stage) {
    given_up(stage, "ice_failed").await;
}

async fn given_up_because_media_were_denied(stage: &Stage) {
    given_up(stage, "media_denied").await;
}

async fn given_up(stage: &Stage, reason: &str) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    flow::negotiate(&alice, &bob, &call).await;
    bob.tolerate("call:ended", json!({"call": call, "reason": reason}));
    bob.ok("call:end", json!({"call": call, "reason": reason})).await;
    ended(&alice, &call, reason).await;
    let ack = alice.ok("call:end", json!({"call": call})).await;
    assert_eq!(ack["already"], reason);
    epilogue(&alice, &[&bob]).await;
}

async fn hung_up_before_media_flow(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    hang_up(&alice, &bob, &call).await;
}

async fn the_callee_rings_back_after_the_call(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let first = set_up(&alice, &bob).await;
    end(&alice, &[&bob], &first, "hangup").await;
    let second = set_up(&bob, &alice).await;
    assert_ne!(first, second, "a new call has a new id");
    hang_up(&bob, &alice, &second).await;
}

async fn one_side_alone_is_not_connected(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    flow::negotiate(&alice, &bob, &call).await;
    alice.ok("call:connected", json!({"call": call})).await;
    quiet(&[&alice, &bob]).await;
    bob.ok("call:connected", json!({"call": call})).await;
    for side in [&alice, &bob] {
        side.expect("call:connected", json!({"call": call})).await;
    }
    // The same pair can't have a second call meanwhile.
    alice.refused("call:init", json!({"to": bob.seat.user}), "invalid_state").await;
    hang_up(&bob, &alice, &call).await;
    // Once it is over, it can.
    let next = init(&alice, &bob.seat.user).await;
    bob.expect("call:incoming", json!({"call": next})).await;
    end(&alice, &[&bob], &next, "cancelled").await;
}

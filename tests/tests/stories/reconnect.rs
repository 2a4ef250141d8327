//! Devices that lose their connection in a call, and come back.

use ringback_tests::client::Client;
use ringback_tests::flow::{
    accept, accepted, call_of, candidate, describe, end, epilogue, expect_candidates, finish, hang_up,
    negotiate, quiet, ring, sdp, set_up, trickle,
};
use ringback_tests::stage::Stage;
use serde_json::{Value, json};

stories! {
    PAIR:
        a_callee_that_comes_back_finds_its_call,
        a_caller_that_comes_back_finds_its_call,
        what_was_sent_meanwhile_is_replayed_once,
        nothing_seen_is_replayed,
        a_rung_device_that_comes_back_may_accept,
        the_end_of_a_call_waits_for_its_device,
        a_request_without_a_reply_is_sent_again,
        a_newer_connection_takes_the_call_over;
    SOLO:
        a_second_connection_replaces_the_first,
        a_session_of_somebody_else_is_unknown,
        an_unknown_session_is_a_fresh_start;
}

/// The one call in the hello's ack.
fn snapshot(client: &Client) -> &Value {
    let calls = client.welcome()["calls"].as_array().expect("a list");
    assert_eq!(calls.len(), 1, "one live call: {calls:?}");
    &calls[0]
}

fn check_snapshot(client: &Client, call: &str, state: &str, role: &str, peer: &Value) {
    let snapshot = snapshot(client);
    assert_eq!(snapshot["call"], *call);
    assert_eq!(snapshot["state"], *state, "{snapshot}");
    assert_eq!(snapshot["role"], *role, "{snapshot}");
    assert_eq!(snapshot["peer"], *peer, "{snapshot}");
    assert!(snapshot["seq"].is_u64() && snapshot["created_at"].is_u64(), "{snapshot}");
    assert_eq!(snapshot["media"], json!({"audio": true, "video": true}), "{snapshot}");
}

async fn a_callee_that_comes_back_finds_its_call(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let left = bob.cut().await;
    alice.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    let bob = stage.start_over(&left, 0).await;
    check_snapshot(&bob, &call, "connected", "callee", &alice.who());
    alice.expect("call:peer", json!({"call": call, "status": "back"})).await;
    quiet(&[&alice, &bob]).await;
    negotiate(&bob, &alice, &call).await;
    trickle(&alice, &bob, &call, &[candidate("new", 0)]).await;
    hang_up(&bob, &alice, &call).await;
}

async fn a_caller_that_comes_back_finds_its_call(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    let left = alice.cut().await;
    bob.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    let alice = stage.resume(&left, 1).await;
    assert_eq!(alice.welcome()["resumed"], true, "{}", alice.welcome());
    check_snapshot(&alice, &call, "connecting", "caller", &bob.who());
    bob.expect("call:peer", json!({"call": call, "status": "back"})).await;
    finish(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn what_was_sent_meanwhile_is_replayed_once(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let left = bob.cut().await;
    alice.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    let late = [candidate("late", 0), candidate("late", 1)];
    alice.ok("webrtc:ice", json!({"call": call, "candidates": late})).await;
    alice.ok("webrtc:offer", json!({"call": call, "sdp": sdp("restart")})).await;
    let bob = stage.resume(&left, 0).await;
    assert_eq!(bob.welcome()["resumed"], true, "{}", bob.welcome());
    expect_candidates(&bob, &call, &late).await;
    bob.expect("webrtc:offer", json!({"call": call, "sdp": sdp("restart")})).await;
    alice.expect("call:peer", json!({"call": call, "status": "back"})).await;
    quiet(&[&alice, &bob]).await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("restarted")).await;
    hang_up(&alice, &bob, &call).await;
}

async fn nothing_seen_is_replayed(stage: &Stage) {
    let (alice, mut bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    // Back and forth between the gateways; each time the device has seen everything there was.
    for round in 0..4 {
        let left = bob.cut().await;
        alice.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
        bob = stage.resume(&left, round % 2).await;
        assert_eq!(bob.welcome()["resumed"], true, "{}", bob.welcome());
        alice.expect("call:peer", json!({"call": call, "status": "back"})).await;
        quiet(&[&alice, &bob]).await;
        trickle(&alice, &bob, &call, &[candidate("round", round)]).await;
    }
    hang_up(&alice, &bob, &call).await;
}

async fn a_rung_device_that_comes_back_may_accept(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    let left = phone.cut().await;
    // Nobody is bound on the callee's side yet, so there is no peer to be missed; being told is allowed.
    alice.tolerate("call:peer", json!({"call": call}));
    let phone = stage.start_over(&left, 1).await;
    // It finds the call in the list, and may be rung again.
    phone.tolerate("call:incoming", json!({"call": call}));
    check_snapshot(&phone, &call, "ringing", "callee", &alice.who());
    accept(&alice, &phone, &[&tablet], &call).await;
    finish(&alice, &phone, &call).await;
    end(&alice, &[&phone], &call, "hangup").await;
    epilogue(&alice, &[&phone, &tablet]).await;
}

async fn the_end_of_a_call_waits_for_its_device(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let left = bob.cut().await;
    alice.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    end(&alice, &[], &call, "hangup").await;
    let bob = stage.resume(&left, 0).await;
    assert_eq!(bob.welcome()["calls"], json!([]), "no live call is left");
    bob.expect("call:ended", json!({"call": call, "reason": "hangup"})).await;
    epilogue(&alice, &[&bob]).await;
}

async fn a_request_without_a_reply_is_sent_again(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let init = json!({"to": bob.seat.user, "media": {"audio": true, "video": true}});
    let id = alice.post("call:init", init.clone()).await;
    let left = alice.cut().await;
    let alice = stage.resume(&left, 1).await;
    // Whether or not it arrived the first time, it makes one call.
    let mut again = init;
    again["type"] = json!("call:init");
    again["id"] = json!(id);
    alice.post_map(&again).await;
    let call = call_of(&alice.reply(id).await.expect("a call"));
    bob.tolerate("call:peer", json!({"call": call}));
    bob.expect("call:incoming", json!({"call": call, "from": alice.who()})).await;
    quiet(&[&alice, &bob]).await;
    accept(&alice, &bob, &[], &call).await;
    finish(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn a_newer_connection_takes_the_call_over(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    // The peer may be told of the change, or not notice it.
    alice.tolerate("call:peer", json!({"call": call}));
    let newer = stage.resume(&bob.left(), 0).await;
    bob.closed_with(4503).await;
    check_snapshot(&newer, &call, "connected", "callee", &alice.who());
    trickle(&alice, &newer, &call, &[candidate("new", 0)]).await;
    trickle(&newer, &alice, &call, &[candidate("new", 1)]).await;
    hang_up(&alice, &newer, &call).await;
}

async fn a_second_connection_replaces_the_first(stage: &Stage) {
    let first = stage.join(stage.seat("bob", "phone", 0, stage.cast.callee)).await;
    let second = stage.join(stage.seat("bob", "phone", 1, stage.cast.callee)).await;
    first.closed_with(4503).await;
    let third = stage.join(stage.seat("bob", "phone", 1, stage.cast.callee)).await;
    second.closed_with(4503).await;
    // The late goodbyes of the first two did not take the third off the books.
    let alice = stage.caller("alice").await;
    let call = ring(&alice, &[&third]).await;
    end(&alice, &[&third], &call, "cancelled").await;
    epilogue(&alice, &[&third]).await;
}

async fn a_session_of_somebody_else_is_unknown(stage: &Stage) {
    let bob = stage.callee("bob").await;
    let left = bob.cut().await;
    let mallory = stage.open(stage.caller_seat("mallory")).await;
    let ack = mallory.hello(json!({"session": left.session})).await.expect("a fresh session");
    assert_eq!(ack["resumed"], false, "{ack}");
    assert_ne!(ack["session"], *left.session, "not the one that was asked for");
    let tablet = stage.open(stage.seat("bob", "tablet", 0, stage.cast.callee)).await;
    let ack = tablet.hello(json!({"session": left.session})).await.expect("a fresh session");
    assert_eq!(ack["resumed"], false, "another device of the same user has its own: {ack}");
    // Its owner can still take it up.
    let bob = stage.resume(&left, 0).await;
    assert_eq!(bob.welcome()["resumed"], true, "{}", bob.welcome());
}

async fn an_unknown_session_is_a_fresh_start(stage: &Stage) {
    let long = "x".repeat(64);
    for (n, session) in ["nope", "{p0}:s", "\u{0}", &long].into_iter().enumerate() {
        let client = stage.open(stage.seat("bob", &format!("d{n}"), n, stage.cast.callee)).await;
        let ack = client.hello(json!({"session": session, "seen": {"nope": 3}})).await.expect("a session");
        assert_eq!(ack["resumed"], false, "{ack}");
        assert_ne!(ack["session"], *session, "{ack}");
        assert_eq!(ack["calls"], json!([]), "{ack}");
    }
}

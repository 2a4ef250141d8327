//! How requests are counted and answered: repetitions, unknown fields and types, reports, pings.

use ringback_tests::flow::{accepted, call_of, connect, end, epilogue, finish, hang_up, quiet, sdp, set_up};
use ringback_tests::shape::with;
use ringback_tests::stage::Stage;
use serde_json::json;

stories! {
    PAIR:
        an_init_sent_twice_makes_one_call,
        an_offer_sent_twice_is_delivered_once,
        an_accept_sent_twice_is_one_accept,
        candidates_sent_twice_are_delivered_once,
        unknown_fields_are_ignored,
        seen_is_taken_with_and_without_a_request,
        a_report_is_taken_from_those_in_the_call;
    SOLO:
        ping_tells_the_time,
        an_unknown_type_is_refused;
}

async fn an_init_sent_twice_makes_one_call(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let init = json!({"to": bob.seat.user});
    let id = alice.post("call:init", init.clone()).await;
    alice.post_map(&with(json!({"type": "call:init", "id": id}), init.clone())).await;
    let first = alice.reply(id).await.expect("a call");
    let second = alice.reply(id).await.expect("the same call");
    let call = call_of(&first);
    assert_eq!(call, call_of(&second), "the same request gets the same ack");
    bob.expect("call:incoming", json!({"call": call})).await;
    quiet(&[&alice, &bob]).await;
    // Long after, too.
    alice.post_map(&with(json!({"type": "call:init", "id": id}), init)).await;
    assert_eq!(call, call_of(&alice.reply(id).await.expect("still the same call")));
    quiet(&[&alice, &bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
    epilogue(&alice, &[&bob]).await;
}

async fn an_offer_sent_twice_is_delivered_once(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    let offer = json!({"call": call, "sdp": sdp("offer")});
    let id = alice.post("webrtc:offer", offer.clone()).await;
    alice.post_map(&with(json!({"type": "webrtc:offer", "id": id}), offer)).await;
    alice.reply(id).await.expect("an ack");
    alice.reply(id).await.expect("the same ack, not glare with oneself");
    bob.expect("webrtc:offer", json!({"call": call, "sdp": sdp("offer")})).await;
    quiet(&[&alice, &bob]).await;
    bob.ok("webrtc:answer", json!({"call": call, "sdp": sdp("answer")})).await;
    alice.expect("webrtc:answer", json!({"call": call, "sdp": sdp("answer")})).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn an_accept_sent_twice_is_one_accept(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ringback_tests::flow::ring(&alice, &[&bob]).await;
    let id = bob.post("call:accept", json!({"call": call})).await;
    bob.post_map(&json!({"type": "call:accept", "id": id, "call": call})).await;
    bob.reply(id).await.expect("an ack");
    bob.reply(id).await.expect("the same ack");
    for side in [&alice, &bob] {
        side.expect("call:accepted", json!({"call": call, "by": bob.who()})).await;
    }
    quiet(&[&alice, &bob]).await;
    finish(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn candidates_sent_twice_are_delivered_once(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let ice = json!({"call": call, "candidates": [{"candidate": "once", "sdpMid": "0"}]});
    let id = bob.post("webrtc:ice", ice.clone()).await;
    bob.post_map(&with(json!({"type": "webrtc:ice", "id": id}), ice.clone())).await;
    bob.reply(id).await.expect("an ack");
    bob.reply(id).await.expect("the same ack");
    alice.expect("webrtc:ice", ice).await;
    quiet(&[&alice, &bob]).await;
    hang_up(&alice, &bob, &call).await;
}

async fn unknown_fields_are_ignored(stage: &Stage) {
    let extra = json!({"x": {"y": [1, null, "z"]}, "Type": "ping", "seq": 7, "at": "noon"});
    let alice = stage.open(stage.caller_seat("alice")).await;
    alice.hello(extra.clone()).await.expect("a hello with fields of the future");
    let bob = stage.callee("bob").await;
    let ack = alice.ok("call:init", with(json!({"to": bob.seat.user}), extra.clone())).await;
    let call = call_of(&ack);
    bob.expect("call:incoming", json!({"call": call})).await;
    bob.ok("call:accept", with(json!({"call": call}), extra.clone())).await;
    for side in [&alice, &bob] {
        side.expect("call:accepted", json!({"call": call})).await;
    }
    finish(&alice, &bob, &call).await;
    bob.tolerate("call:ended", json!({"call": call}));
    bob.ok("call:end", with(json!({"call": call}), extra)).await;
    alice.expect("call:ended", json!({"call": call, "reason": "hangup"})).await;
    epilogue(&alice, &[&bob]).await;
}

async fn seen_is_taken_with_and_without_a_request(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    // It has no id and gets no reply; the inbox would notice one.
    bob.post_map(&json!({"type": "seen", "calls": bob.seen()})).await;
    alice.ok("ping", json!({"seen": alice.seen(), "traceparent": trace})).await;
    bob.ok("ping", json!({"traceparent": "not a trace"})).await;
    // Having seen what never was is no reason to hold back what comes.
    bob.post_map(&json!({"type": "seen", "calls": {"nope": 1}})).await;
    ringback_tests::flow::negotiate(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn a_report_is_taken_from_those_in_the_call(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let mallory = stage.caller("mallory").await;
    let call = set_up(&alice, &bob).await;
    let report =
        json!({"call": call, "stats": {"rtt_ms": 12.5, "pair": {"local": "host", "remote": "relay"}}});
    alice.ok("call:report", report.clone()).await;
    bob.ok("call:report", report.clone()).await;
    mallory.refused("call:report", report.clone(), "no_such_call").await;
    quiet(&[&alice, &bob]).await;
    end(&alice, &[&bob], &call, "hangup").await;
    for side in [&alice, &bob] {
        side.ok("call:report", report.clone()).await;
    }
    mallory.refused("call:report", report, "no_such_call").await;
    epilogue(&alice, &[&bob]).await;
}

async fn ping_tells_the_time(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let first = alice.ok("ping", json!({})).await["at"].as_u64().expect("a time");
    let second = alice.ok("ping", json!({})).await["at"].as_u64().expect("a time");
    let here = ringback_tests::token::now() * 1000;
    assert!(
        first <= second && first.abs_diff(here) < 60_000,
        "milliseconds since the epoch: {first} {second}"
    );
}

async fn an_unknown_type_is_refused(stage: &Stage) {
    let alice = stage.caller("alice").await;
    for kind in ["call:dance", "", "ack", "error", "call:incoming", "HELLO", "\u{0}", &"x".repeat(5000)] {
        alice.refused(kind, json!({}), "bad_request").await;
    }
    quiet(&[&alice]).await;
}

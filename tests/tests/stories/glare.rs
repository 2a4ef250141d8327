//! Two users who call each other at the same time end up in one call.

use futures::future::join_all;
use futures::join;
use ringback_tests::client::Client;
use ringback_tests::flow::{call_of, describe, end, epilogue, finish, quiet, ring, sdp};
use ringback_tests::stage::Stage;
use serde_json::{Value, json};

stories! {
    PAIR:
        both_call_at_once,
        calling_back_while_it_rings_is_the_accept,
}

async fn both_call_at_once(stage: &Stage) {
    let pairs = (0..20).map(|n| async move {
        let one = stage.caller(&format!("one{n}")).await;
        let other = stage.callee(&format!("other{n}")).await;
        one_call_comes_of_it(&one, &other).await;
    });
    join_all(pairs).await;
}

async fn one_call_comes_of_it(one: &Client, other: &Client) {
    let (mine, yours) = join!(
        one.ok("call:init", json!({"to": other.seat.user})),
        other.ok("call:init", json!({"to": one.seat.user})),
    );
    let call = call_of(&mine);
    assert_eq!(call, call_of(&yours), "one call, not two");
    let (caller, callee, ack) = match (glares(&mine), glares(&yours)) {
        (false, true) => (one, other, &yours),
        (true, false) => (other, one, &mine),
        _ => panic!("exactly one init must be taken as the accept: {mine} {yours}"),
    };
    assert_eq!(ack["role"], "callee", "who is taken to have accepted is the callee: {ack}");
    // The callee knows from its ack; whether it was rung before, or is told what it did, is open.
    callee.tolerate("call:incoming", json!({"call": call}));
    callee.tolerate("call:accepted", json!({"call": call}));
    caller.expect("call:accepted", json!({"call": call, "by": callee.who()})).await;
    callee.refused("webrtc:offer", json!({"call": call, "sdp": sdp("callee")}), "invalid_state").await;
    describe("webrtc:offer", caller, callee, &call, &sdp("offer")).await;
    quiet(&[caller, callee]).await;
    end(callee, &[caller], &call, "hangup").await;
    epilogue(caller, &[callee]).await;
}

fn glares(ack: &Value) -> bool {
    ack["glare"] == true
}

async fn calling_back_while_it_rings_is_the_accept(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    phone.tolerate("call:accepted", json!({"call": call}));
    let ack = phone.ok("call:init", json!({"to": alice.seat.user})).await;
    assert_eq!(call_of(&ack), call, "the call that rings is the call");
    assert!(ack["role"] == "callee" && ack["glare"] == true, "and it is accepted: {ack}");
    alice.expect("call:accepted", json!({"call": call, "by": phone.who()})).await;
    tablet.expect("call:ended", json!({"call": call, "reason": "answered_elsewhere"})).await;
    finish(&alice, &phone, &call).await;
    quiet(&[&tablet]).await;
    end(&alice, &[&phone], &call, "hangup").await;
    epilogue(&alice, &[&phone, &tablet]).await;
    a_call_the_other_way_rings_and_is_accepted(&alice, &phone).await;
}

/// Nothing of the glare is left that would take the next call for the accept of an old one.
async fn a_call_the_other_way_rings_and_is_accepted(alice: &Client, phone: &Client) {
    let call = ring(phone, &[alice]).await;
    alice.ok("call:accept", json!({"call": call})).await;
    for side in [alice, phone] {
        side.expect("call:accepted", json!({"call": call})).await;
    }
    end(phone, &[alice], &call, "hangup").await;
    quiet(&[alice, phone]).await;
}

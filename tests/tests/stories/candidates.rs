//! Candidates never overtake the description they belong to, and never each other.

use futures::join;
use ringback_tests::client::Client;
use ringback_tests::flow::{
    accepted, candidate, connect, describe, end, epilogue, expect_candidates, hang_up, negotiate, quiet,
    ring, sdp, set_up, trickle,
};
use ringback_tests::stage::Stage;
use serde_json::{Value, json};

stories! {
    PAIR:
        the_callers_wait_for_the_offer,
        the_callees_wait_for_the_answer,
        the_callees_wait_from_the_accept_on,
        none_before_the_accept,
        none_overtakes_the_answer_under_way,
        the_end_of_candidates_passes,
        a_full_buffer_refuses_and_keeps_the_rest,
        both_sides_buffers_are_their_own,
        they_flow_both_ways_at_once,
}

fn some(label: &str, range: std::ops::Range<usize>) -> Vec<Value> {
    range.map(|n| candidate(label, n)).collect()
}

async fn send(from: &Client, call: &str, candidates: &[Value]) {
    from.ok("webrtc:ice", json!({"call": call, "candidates": candidates})).await;
}

async fn the_callers_wait_for_the_offer(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    send(&alice, &call, &some("a", 0..2)).await;
    send(&alice, &call, &some("a", 2..3)).await;
    quiet(&[&alice, &bob]).await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
    expect_candidates(&bob, &call, &some("a", 0..3)).await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("answer")).await;
    // With both descriptions through, nothing is held any more.
    trickle(&alice, &bob, &call, &some("a", 3..5)).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn the_callees_wait_for_the_answer(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
    send(&bob, &call, &some("b", 0..2)).await;
    send(&bob, &call, &some("b", 2..4)).await;
    quiet(&[&alice]).await;
    // The caller's description is through, so hers are not held.
    trickle(&alice, &bob, &call, &some("a", 0..1)).await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("answer")).await;
    expect_candidates(&alice, &call, &some("b", 0..4)).await;
    connect(&alice, &bob, &call).await;
    hang_up(&bob, &alice, &call).await;
}

async fn the_callees_wait_from_the_accept_on(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    send(&bob, &call, &some("b", 0..2)).await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
    quiet(&[&alice, &bob]).await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("answer")).await;
    expect_candidates(&alice, &call, &some("b", 0..2)).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn none_before_the_accept(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    for side in [&alice, &bob] {
        let error = side
            .refused("webrtc:ice", json!({"call": call, "candidates": some("early", 0..1)}), "invalid_state")
            .await;
        assert_eq!(error["state"], "ringing");
    }
    end(&alice, &[&bob], &call, "cancelled").await;
    epilogue(&alice, &[&bob]).await;
}

async fn none_overtakes_the_answer_under_way(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    for _ in 0..10 {
        let call = accepted(&alice, &bob).await;
        describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
        let ice = |label: &str, n| json!({"call": call, "candidates": [candidate(label, n)]});
        // Bob's frames follow each other without waiting, Alice's cross them.
        let from_bob = async {
            let mut ids = Vec::new();
            for n in 0..3 {
                ids.push(bob.post("webrtc:ice", ice("b", n)).await);
            }
            ids.push(bob.post("webrtc:answer", json!({"call": call, "sdp": sdp("answer")})).await);
            for n in 3..6 {
                ids.push(bob.post("webrtc:ice", ice("b", n)).await);
            }
            all_acked(&bob, ids).await;
        };
        let from_alice = async {
            let mut ids = Vec::new();
            for n in 0..6 {
                ids.push(alice.post("webrtc:ice", ice("a", n)).await);
            }
            all_acked(&alice, ids).await;
        };
        join!(from_bob, from_alice);
        alice.expect("webrtc:answer", json!({"call": call, "sdp": sdp("answer")})).await;
        expect_candidates(&alice, &call, &some("b", 0..6)).await;
        expect_candidates(&bob, &call, &some("a", 0..6)).await;
        end(&alice, &[&bob], &call, "hangup").await;
    }
    epilogue(&alice, &[&bob]).await;
}

async fn all_acked(client: &Client, ids: Vec<u64>) {
    for id in ids {
        client.reply(id).await.expect("each of them is valid");
    }
}

async fn the_end_of_candidates_passes(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    // Once held, with a candidate before it, and once alone.
    send(&alice, &call, &[candidate("a", 0), Value::Null]).await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
    expect_candidates(&bob, &call, &[candidate("a", 0), Value::Null]).await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("answer")).await;
    trickle(&bob, &alice, &call, &[Value::Null]).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn a_full_buffer_refuses_and_keeps_the_rest(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    for from in [0, 20, 40] {
        send(&alice, &call, &some("a", from..from + 20)).await;
    }
    let too_many = json!({"call": call, "candidates": some("refused", 0..5)});
    alice.refused("webrtc:ice", too_many, "buffer_full").await;
    // A refused request changes nothing: there is room for exactly four.
    send(&alice, &call, &some("a", 60..64)).await;
    let one = json!({"call": call, "candidates": some("refused", 0..1)});
    alice.refused("webrtc:ice", one, "buffer_full").await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
    expect_candidates(&bob, &call, &some("a", 0..64)).await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("answer")).await;
    trickle(&alice, &bob, &call, &some("a", 64..70)).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn both_sides_buffers_are_their_own(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    send(&alice, &call, &some("a", 0..64)).await;
    send(&bob, &call, &some("b", 0..64)).await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
    expect_candidates(&bob, &call, &some("a", 0..64)).await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("answer")).await;
    expect_candidates(&alice, &call, &some("b", 0..64)).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn they_flow_both_ways_at_once(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    for round in 0..10 {
        let (from, to) = (round * 6, round * 6 + 6);
        let stream = async |side: &Client, label: &str| {
            let mut ids = Vec::new();
            for n in from..to {
                let fields = json!({"call": call, "candidates": [candidate(label, n)]});
                ids.push(side.post("webrtc:ice", fields).await);
            }
            all_acked(side, ids).await;
        };
        join!(stream(&alice, "a"), stream(&bob, "b"));
        expect_candidates(&alice, &call, &some("b", from..to)).await;
        expect_candidates(&bob, &call, &some("a", from..to)).await;
    }
    negotiate(&bob, &alice, &call).await;
    hang_up(&alice, &bob, &call).await;
}

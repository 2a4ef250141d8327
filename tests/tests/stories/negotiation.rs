//! Offers and answers: who may send which, when.

use futures::join;
use ringback_tests::client::Client;
use ringback_tests::flow::{
    accepted, connect, describe, finish, hang_up, negotiate, quiet, ring, sdp, set_up,
};
use ringback_tests::stage::Stage;
use serde_json::json;

stories! {
    PAIR:
        no_offer_before_the_accept,
        the_first_offer_is_the_callers,
        no_answer_to_nothing,
        nobody_answers_his_own_offer,
        an_answer_closes_the_negotiation,
        later_offers_by_either_side,
        an_offer_against_an_open_offer_is_glare,
        two_offers_at_once,
}

async fn no_offer_before_the_accept(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    for side in [&alice, &bob] {
        let offer = json!({"call": call, "sdp": sdp("early")});
        let error = side.refused("webrtc:offer", offer, "invalid_state").await;
        assert_eq!(error["state"], "ringing");
    }
    bob.ok("call:accept", json!({"call": call})).await;
    for side in [&alice, &bob] {
        side.expect("call:accepted", json!({"call": call})).await;
    }
    finish(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn the_first_offer_is_the_callers(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    let offer = json!({"call": call, "sdp": sdp("callee")});
    let error = bob.refused("webrtc:offer", offer, "invalid_state").await;
    assert_eq!(error["state"], "connecting");
    quiet(&[&alice]).await;
    finish(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn no_answer_to_nothing(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    for side in [&alice, &bob] {
        side.refused("webrtc:answer", json!({"call": call, "sdp": sdp("early")}), "invalid_state").await;
    }
    quiet(&[&alice, &bob]).await;
    finish(&alice, &bob, &call).await;
    let error =
        bob.refused("webrtc:answer", json!({"call": call, "sdp": sdp("late")}), "invalid_state").await;
    assert_eq!(error["state"], "connected");
    quiet(&[&alice, &bob]).await;
    hang_up(&alice, &bob, &call).await;
}

async fn nobody_answers_his_own_offer(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
    alice.refused("webrtc:answer", json!({"call": call, "sdp": sdp("own")}), "invalid_state").await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("answer")).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn an_answer_closes_the_negotiation(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    negotiate(&alice, &bob, &call).await;
    bob.refused("webrtc:answer", json!({"call": call, "sdp": sdp("again")}), "invalid_state").await;
    quiet(&[&alice]).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn later_offers_by_either_side(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    negotiate(&bob, &alice, &call).await;
    negotiate(&alice, &bob, &call).await;
    negotiate(&bob, &alice, &call).await;
    quiet(&[&alice, &bob]).await;
    hang_up(&alice, &bob, &call).await;
}

async fn an_offer_against_an_open_offer_is_glare(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("alice's")).await;
    bob.refused("webrtc:offer", json!({"call": call, "sdp": sdp("bob's")}), "glare").await;
    quiet(&[&alice]).await;
    // Bob rolls back, answers hers, and then makes his own.
    describe("webrtc:answer", &bob, &alice, &call, &sdp("to alice's")).await;
    describe("webrtc:offer", &bob, &alice, &call, &sdp("bob's")).await;
    alice.refused("webrtc:offer", json!({"call": call, "sdp": sdp("alice's second")}), "glare").await;
    describe("webrtc:answer", &alice, &bob, &call, &sdp("to bob's")).await;
    hang_up(&bob, &alice, &call).await;
}

async fn two_offers_at_once(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    for round in 0..10 {
        one_offer_wins(&alice, &bob, &call, round).await;
    }
    quiet(&[&alice, &bob]).await;
    hang_up(&alice, &bob, &call).await;
}

async fn one_offer_wins(alice: &Client, bob: &Client, call: &str, round: u32) {
    let offer = |who| sdp(&format!("{who}, round {round}"));
    let (hers, his) = join!(
        alice.request("webrtc:offer", json!({"call": call, "sdp": offer("alice")})),
        bob.request("webrtc:offer", json!({"call": call, "sdp": offer("bob")})),
    );
    let (winner, loser, sent, error) = match (hers, his) {
        (Ok(_), Err(error)) => (alice, bob, offer("alice"), error),
        (Err(error), Ok(_)) => (bob, alice, offer("bob"), error),
        both => panic!("exactly one offer must stand: {both:?}"),
    };
    assert_eq!(error["code"], "glare");
    loser.expect("webrtc:offer", json!({"call": call, "sdp": sent})).await;
    describe("webrtc:answer", loser, winner, call, &sdp("answer")).await;
}

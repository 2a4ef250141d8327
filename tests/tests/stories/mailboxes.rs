//! What a device that comes back is told, according to what it says it has seen.

use ringback_tests::client::Client;
use ringback_tests::flow::{
    accept, accepted, candidate, describe, end, ended, epilogue, expect_candidates, finish, hang_up,
    negotiate, quiet, ring, sdp, set_up, trickle,
};
use ringback_tests::patience::{SOON, eventually};
use ringback_tests::stage::Stage;
use serde_json::json;

stories! {
    PAIR:
        an_offer_without_its_answer_is_told_again,
        a_ring_is_told_again,
        the_peer_of_a_page_loaded_anew_is_told,
        what_was_seen_is_taken_out,
        a_device_that_forgot_what_it_had_seen_starts_from_a_snapshot,
        who_claims_to_have_seen_the_future_starts_from_a_snapshot,
        calls_that_have_ended_are_not_told_again,
        a_device_that_comes_back_when_another_has_answered_does_not_ring;
    FORGETFUL:
        a_call_that_is_long_over_may_be_named,
        who_missed_the_end_of_a_call_that_is_long_over_is_told_so;
}

async fn an_offer_without_its_answer_is_told_again(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
    trickle(&alice, &bob, &call, &[candidate("a", 0)]).await;
    // His page is loaded anew before it has answered; it has told us that it has seen the offer.
    bob.post_map(&json!({"type": "seen", "calls": bob.seen()})).await;
    let left = bob.cut().await;
    alice.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    let bob = stage.start_over(&left, 0).await;
    alice.expect("call:peer", json!({"call": call, "status": "back", "resumed": false})).await;
    let offer = bob.expect("webrtc:offer", json!({"call": call, "sdp": sdp("offer")})).await;
    let snapshot = &bob.welcome()["calls"][0];
    assert!(
        snapshot["seq"].as_u64() < offer["seq"].as_u64(),
        "events follow the snapshot: {snapshot}, {offer}"
    );
    expect_candidates(&bob, &call, &[candidate("a", 0)]).await;
    quiet(&[&alice, &bob]).await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("answer")).await;
    negotiate(&bob, &alice, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn a_ring_is_told_again(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    let left = bob.cut().await;
    let bob = stage.start_over(&left, 0).await;
    bob.expect("call:incoming", json!({"call": call, "from": alice.who()})).await;
    quiet(&[&alice, &bob]).await;
    accept(&alice, &bob, &[], &call).await;
    finish(&alice, &bob, &call).await;
    end(&alice, &[&bob], &call, "hangup").await;
    epilogue(&alice, &[&bob]).await;
}

async fn the_peer_of_a_page_loaded_anew_is_told(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    // The new page is there before the old one's connection is gone, or is known to be.
    alice.tolerate("call:peer", json!({"call": call, "status": "reconnecting"}));
    let page = stage.start_over(&bob.left(), 0).await;
    bob.closed_with(4503).await;
    alice.expect("call:peer", json!({"call": call, "status": "back", "resumed": false})).await;
    assert_eq!(page.welcome()["resumed"], false);
    quiet(&[&alice, &page]).await;
    negotiate(&alice, &page, &call).await;
    hang_up(&page, &alice, &call).await;
}

async fn what_was_seen_is_taken_out(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    // A request takes along what she has seen.
    let seen = alice.seen();
    alice.ok("webrtc:ice", json!({"call": call, "candidates": [candidate("x", 0)], "seen": seen})).await;
    expect_candidates(&bob, &call, &[candidate("x", 0)]).await;
    let left = alice.cut().await;
    bob.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    trickle_to_absent(&bob, &call).await;
    let alice = stage.resume(&left, 1).await;
    assert_eq!(alice.welcome()["resumed"], true, "{}", alice.welcome());
    expect_candidates(&alice, &call, &[candidate("late", 0)]).await;
    bob.expect("call:peer", json!({"call": call, "status": "back"})).await;
    quiet(&[&alice, &bob]).await;
    hang_up(&alice, &bob, &call).await;
}

async fn trickle_to_absent(from: &Client, call: &str) {
    from.ok("webrtc:ice", json!({"call": call, "candidates": [candidate("late", 0)]})).await;
}

async fn a_device_that_forgot_what_it_had_seen_starts_from_a_snapshot(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let seen = alice.seen();
    alice.ok("webrtc:ice", json!({"call": call, "candidates": [candidate("x", 0)], "seen": seen})).await;
    expect_candidates(&bob, &call, &[candidate("x", 0)]).await;
    let left = alice.cut().await;
    bob.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    // The same session, but it says that it has seen only the beginning.
    let (alice, ack) = stage.resume_with(&left, 1, json!({call.clone(): 1})).await;
    assert_eq!(ack["resumed"], false, "what is gone can't be replayed: {ack}");
    assert_eq!(ack["session"], *left.session, "the session goes on all the same");
    assert_eq!(ack["calls"][0]["call"], *call, "{ack}");
    bob.expect("call:peer", json!({"call": call, "status": "back"})).await;
    quiet(&[&bob]).await;
    negotiate(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn who_claims_to_have_seen_the_future_starts_from_a_snapshot(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let left = alice.cut().await;
    bob.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    let (alice, ack) = stage.resume_with(&left, 1, json!({call.clone(): 900})).await;
    assert_eq!(ack["resumed"], false, "{ack}");
    bob.expect("call:peer", json!({"call": call, "status": "back"})).await;
    hang_up(&bob, &alice, &call).await;
}

async fn calls_that_have_ended_are_not_told_again(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    hang_up(&alice, &bob, &call).await;
    // One in which she does nothing but place it: that she was told its end is all that shows that she knows it.
    let call = ring(&alice, &[&bob]).await;
    bob.tolerate("call:ended", json!({"call": call, "reason": "rejected"}));
    bob.ok("call:reject", json!({"call": call})).await;
    ended(&alice, &call, "rejected").await;
    epilogue(&alice, &[&bob]).await;
    for (who, gateway) in [(&alice, 1), (&bob, 0)] {
        let (again, ack) = stage.resume_with(&who.left(), gateway, json!({})).await;
        assert_eq!(ack["resumed"], true, "nothing is missing: {ack}");
        assert_eq!(ack["calls"], json!([]), "{ack}");
        quiet(&[&again]).await;
    }
}

async fn a_device_that_comes_back_when_another_has_answered_does_not_ring(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    let left = phone.cut().await;
    alice.tolerate("call:peer", json!({"call": call}));
    accept(&alice, &tablet, &[], &call).await;
    // It says that it knows the call, so it is told that it need not ring on; and told once.
    let phone = stage.resume(&left, 0).await;
    phone.expect("call:ended", json!({"call": call, "reason": "answered_elsewhere"})).await;
    let again = stage.resume(&phone.left(), 1).await;
    // It knows nothing, with its session or without one.
    let (unaware, ack) = stage.resume_with(&again.left(), 0, json!({})).await;
    let page = stage.start_over(&unaware.left(), 1).await;
    for resumed in [phone.welcome(), again.welcome(), &ack] {
        assert_eq!(resumed["resumed"], true, "{resumed}");
    }
    for welcome in [phone.welcome(), again.welcome(), &ack, page.welcome()] {
        assert_eq!(welcome["calls"], json!([]), "{welcome}");
    }
    quiet(&[&alice, &page, &tablet]).await;
    page.refused("call:accept", json!({"call": call}), "answered_elsewhere").await;
    finish(&alice, &tablet, &call).await;
    end(&alice, &[&tablet], &call, "hangup").await;
    epilogue(&alice, &[&page, &tablet]).await;
}

/// Waits until nothing is left of a call that has ended.
async fn forgotten(client: &Client, call: &str) {
    let gone = eventually(SOON, async || {
        let error = client.request("call:end", json!({"call": call})).await.err()?;
        (error["code"] == "no_such_call").then_some(())
    });
    assert!(gone.await.is_some(), "the call is still known");
}

async fn a_call_that_is_long_over_may_be_named(stage: &Stage) {
    let (alice, mut bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    hang_up(&alice, &bob, &call).await;
    // The second time he was told by an earlier connection of his session.
    for gateway in [0, 1] {
        // Whatever the answer: when he has it, what he was told has been taken down.
        let _ = bob.request("call:end", json!({"call": call})).await;
        forgotten(&alice, &call).await;
        assert!(bob.seen()[&call].is_u64(), "he names it still: {}", bob.seen());
        bob = stage.resume(&bob.left(), gateway).await;
        assert_eq!(bob.welcome()["resumed"], true, "he was told of its end: {}", bob.welcome());
        assert_eq!(bob.welcome()["calls"], json!([]));
        epilogue(&alice, &[&bob]).await;
    }
    // What he was sent he need not have got: if he names less than the end, he has not.
    let (bob, ack) = stage.resume_with(&bob.left(), 1, json!({call.clone(): 1})).await;
    assert_eq!(ack["resumed"], false, "nobody can tell him again: {ack}");
    epilogue(&alice, &[&bob]).await;
}

async fn who_missed_the_end_of_a_call_that_is_long_over_is_told_so(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let left = bob.cut().await;
    alice.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    end(&alice, &[], &call, "hangup").await;
    forgotten(&alice, &call).await;
    let bob = stage.resume(&left, 0).await;
    assert_eq!(bob.welcome()["resumed"], false, "nobody can tell him any more: {}", bob.welcome());
    assert_eq!(bob.welcome()["session"], *left.session, "the session goes on all the same");
    assert_eq!(bob.welcome()["calls"], json!([]), "it is not among those that live");
    epilogue(&alice, &[&bob]).await;
}

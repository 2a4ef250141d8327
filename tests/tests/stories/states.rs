//! Requests in states they do not belong to. A rejected request changes nothing: every story ends with the call set up
//! and hung up as if it had not been sent.

use ringback_tests::client::Client;
use ringback_tests::flow::{accept, end, epilogue, finish, hang_up, quiet, ring, sdp};
use ringback_tests::stage::Stage;
use serde_json::json;

stories! {
    PAIR:
        while_it_rings,
        while_it_connects,
        while_it_is_connected,
        when_it_is_over,
}

async fn out_of_place(client: &Client, call: &str, state: &str, kinds: &[&str]) {
    for kind in kinds {
        let error = client.refused(kind, json!({"call": call, "sdp": sdp("x")}), "invalid_state").await;
        assert_eq!(error["state"], state, "{kind}: {error}");
    }
}

async fn while_it_rings(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    let both = ["webrtc:offer", "webrtc:answer", "call:connected"];
    out_of_place(&alice, &call, "ringing", &both).await;
    out_of_place(&bob, &call, "ringing", &both).await;
    // Not from this side: the caller neither rings, accepts nor rejects; the callee rejects instead of ending.
    out_of_place(&alice, &call, "ringing", &["call:ringing", "call:accept", "call:reject"]).await;
    out_of_place(&bob, &call, "ringing", &["call:end"]).await;
    quiet(&[&alice, &bob]).await;
    accept(&alice, &bob, &[], &call).await;
    finish(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn while_it_connects(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    late_words(&alice, &bob, &call, "connecting").await;
    finish(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
}

async fn while_it_is_connected(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    finish(&alice, &bob, &call).await;
    late_words(&alice, &bob, &call, "connected").await;
    hang_up(&bob, &alice, &call).await;
}

/// Requests of the ringing phase after it.
async fn late_words(alice: &Client, bob: &Client, call: &str, state: &str) {
    out_of_place(alice, call, state, &["call:ringing", "call:accept", "call:reject"]).await;
    out_of_place(bob, call, state, &["call:ringing", "call:reject"]).await;
    // The winner's second accept: an ack that repeats the first is as good as any refusal.
    if let Err(error) = bob.request("call:accept", json!({"call": call})).await {
        let code = error["code"].as_str().unwrap_or_default();
        assert!(["invalid_state", "answered_elsewhere"].contains(&code), "{error}");
    }
    quiet(&[alice, bob]).await;
}

async fn when_it_is_over(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    finish(&alice, &bob, &call).await;
    end(&bob, &[&alice], &call, "hangup").await;
    let gone = ["invalid_state", "no_such_call"];
    for side in [&alice, &bob] {
        for kind in ["call:ringing", "call:accept", "webrtc:offer", "webrtc:answer", "call:connected"] {
            side.refused_with_one_of(kind, json!({"call": call, "sdp": sdp("late")}), &gone).await;
        }
        side.refused_with_one_of("webrtc:ice", json!({"call": call, "candidates": [null]}), &gone).await;
    }
    epilogue(&alice, &[&bob]).await;
}

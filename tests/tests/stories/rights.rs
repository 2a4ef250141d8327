//! Who may touch a call: its bound devices, and while it rings the callee's. Everybody else is told what he would be
//! told of a call that never was.

use ringback_tests::client::Client;
use ringback_tests::flow::{accept, candidate, end, epilogue, finish, hang_up, quiet, ring, sdp, set_up};
use ringback_tests::stage::Stage;
use serde_json::{Value, json};

stories! {
    PAIR:
        a_stranger_touches_nothing,
        a_losing_device_touches_nothing,
        a_call_that_never_was,
        nobody_calls_himself,
        one_live_call_between_two;
}

/// One of every request about a call.
fn every_request(call: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("call:ringing", json!({"call": call})),
        ("call:accept", json!({"call": call})),
        ("call:reject", json!({"call": call})),
        ("call:end", json!({"call": call})),
        ("webrtc:offer", json!({"call": call, "sdp": sdp("stranger")})),
        ("webrtc:answer", json!({"call": call, "sdp": sdp("stranger")})),
        ("webrtc:ice", json!({"call": call, "candidates": [candidate("stranger", 0)]})),
        ("call:connected", json!({"call": call})),
        ("call:report", json!({"call": call, "stats": {"rtt_ms": 1}})),
    ]
}

async fn is_told_no_such_call(client: &Client, call: &str) {
    for (kind, fields) in every_request(call) {
        client.refused(kind, fields, "no_such_call").await;
    }
}

async fn a_stranger_touches_nothing(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let near = stage.caller("mallory").await;
    let far = stage.callee("trudy").await;
    let call = ring(&alice, &[&bob]).await;
    is_told_no_such_call(&near, &call).await;
    is_told_no_such_call(&far, &call).await;
    quiet(&[&alice, &bob]).await;
    accept(&alice, &bob, &[], &call).await;
    is_told_no_such_call(&near, &call).await;
    quiet(&[&alice, &bob]).await;
    finish(&alice, &bob, &call).await;
    is_told_no_such_call(&far, &call).await;
    end(&alice, &[&bob], &call, "hangup").await;
    is_told_no_such_call(&near, &call).await;
    epilogue(&alice, &[&bob]).await;
    quiet(&[&near, &far]).await;
}

async fn a_losing_device_touches_nothing(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    accept(&alice, &phone, &[&tablet], &call).await;
    for (kind, fields) in every_request(&call) {
        match (kind, tablet.request(kind, fields).await) {
            ("call:reject", Ok(ack)) => assert_eq!(ack["already"], "answered_elsewhere"),
            // For this device the call has ended; saying so, and taking a report of it, is as good as refusing.
            ("call:end", Ok(ack)) => assert_eq!(ack["already"], "answered_elsewhere"),
            ("call:report", Ok(_)) => {}
            ("call:accept", Err(error)) => assert_eq!(error["code"], "answered_elsewhere"),
            (_, Err(error)) => {
                let code = error["code"].as_str().unwrap_or_default();
                assert!(
                    ["no_such_call", "invalid_state", "answered_elsewhere"].contains(&code),
                    "{kind}: {error}"
                );
            }
            (kind, Ok(ack)) => panic!("{kind} from a device that lost the call: {ack}"),
        }
    }
    quiet(&[&alice, &phone, &tablet]).await;
    finish(&alice, &phone, &call).await;
    end(&alice, &[&phone], &call, "hangup").await;
    epilogue(&alice, &[&phone, &tablet]).await;
}

async fn a_call_that_never_was(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let mut close_by = call.clone();
    let last = if close_by.pop() == Some('0') { '1' } else { '0' };
    close_by.push(last);
    let longest = "x".repeat(64);
    let possible = [
        close_by.as_str(),
        "nope",
        " ",
        "0",
        "p0-",
        "{p0}:c:x",
        "../../etc/passwd",
        "%s%n",
        "ü\u{0}\r\n",
        &longest,
    ];
    for id in possible {
        alice.refused("call:end", json!({"call": id}), "no_such_call").await;
        bob.refused("webrtc:offer", json!({"call": id, "sdp": "x"}), "no_such_call").await;
    }
    // No call can have these names, so calling them malformed is just as right.
    for id in [String::new(), "x".repeat(65), format!("{call}{}", "x".repeat(64)), "x".repeat(10_000)] {
        for (kind, fields) in every_request(&id) {
            alice.refused_with_one_of(kind, fields, &["no_such_call", "bad_request", "too_large"]).await;
        }
    }
    is_told_no_such_call(&alice, "nope").await;
    hang_up(&alice, &bob, &call).await;
}

async fn nobody_calls_himself(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let other = stage.join(stage.seat("alice", "other", 1, stage.cast.caller)).await;
    alice.refused("call:init", json!({"to": alice.seat.user}), "bad_request").await;
    other.refused("call:init", json!({"to": alice.seat.user}), "bad_request").await;
    quiet(&[&alice, &other]).await;
    let call = ring(&alice, &[&bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
}

async fn one_live_call_between_two(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    let second = alice.refused("call:init", json!({"to": bob.seat.user}), "invalid_state").await;
    assert_eq!(second["state"], "ringing");
    accept(&alice, &bob, &[], &call).await;
    for (side, peer) in [(&alice, &bob), (&bob, &alice)] {
        side.refused("call:init", json!({"to": peer.seat.user}), "invalid_state").await;
    }
    finish(&alice, &bob, &call).await;
    for (side, peer) in [(&alice, &bob), (&bob, &alice)] {
        let error = side.refused("call:init", json!({"to": peer.seat.user}), "invalid_state").await;
        assert_eq!(error["state"], "connected");
    }
    quiet(&[&alice, &bob]).await;
    hang_up(&alice, &bob, &call).await;
}

//! A stranger with a good token of their own.

use ringback_tests::client::Client;
use ringback_tests::flow::{accepted, candidate, end, finish, hang_up, quiet, ring, sdp, set_up};
use ringback_tests::http;
use serde_json::{Value, json};

use super::Target;

/// One of every request about a call.
fn every_request(call: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("call:ringing", json!({"call": call})),
        ("call:accept", json!({"call": call})),
        ("call:reject", json!({"call": call})),
        ("call:end", json!({"call": call, "reason": "ice_failed"})),
        ("webrtc:offer", json!({"call": call, "sdp": sdp("stranger")})),
        ("webrtc:answer", json!({"call": call, "sdp": sdp("stranger")})),
        ("webrtc:ice", json!({"call": call, "candidates": [candidate("stranger", 0)]})),
        ("call:connected", json!({"call": call})),
        ("call:report", json!({"call": call, "stats": {"rtt_ms": 1}})),
    ]
}

/// What the stranger is told of a call, by every way there is, without what is different each time.
async fn told(stranger: &Client, call: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for (kind, fields) in every_request(call) {
        let mut error = stranger.request(kind, fields).await.expect_err("it is none of the stranger's");
        error["id"] = Value::Null;
        all.push(error);
    }
    let (status, body) =
        http::get_as(stranger.seat.port, &format!("/v1/calls/{call}"), &stranger.seat.token).await.unwrap();
    all.push(json!({"status": status, "body": body}));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn others_calls_can_be_neither_touched_nor_found() {
    let target = Target::start(&[]).await;
    let stage = &target.stage;
    let (alice, bob) = stage.pair().await;
    let ended = set_up(&alice, &bob).await;
    end(&alice, &[&bob], &ended, "hangup").await;
    let strangers = [target.attacker("mallory", "desk").await.unwrap(), stage.callee("trudy").await];
    strangers[0].hello(json!({})).await.unwrap();
    let (partition, _) = ended.split_once('-').unwrap();
    let never = format!("{partition}-{}", "0".repeat(ended.len() - partition.len() - 1));

    let call = ring(&alice, &[&bob]).await;
    for stranger in &strangers {
        let nothing = told(stranger, &never).await;
        assert!(nothing[..9].iter().all(|error| error["code"] == "no_such_call"), "{nothing:?}");
        assert_eq!(told(stranger, &call).await, nothing, "one that rings");
        assert_eq!(told(stranger, &ended).await, nothing, "one that is over");
    }
    quiet(&[&alice, &bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
    let call = accepted(&alice, &bob).await;
    for stranger in &strangers {
        assert_eq!(told(stranger, &call).await, told(stranger, &never).await, "one that was accepted");
    }
    finish(&alice, &bob, &call).await;
    for stranger in &strangers {
        assert_eq!(told(stranger, &call).await, told(stranger, &never).await, "one that goes on");
    }
    hang_up(&alice, &bob, &call).await;
    let clients: Vec<&Client> = strangers.iter().chain([&alice, &bob]).collect();
    quiet(&clients).await;
    target.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_session_is_as_good_as_none() {
    let target = Target::start(&[]).await;
    let stage = &target.stage;
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    // While alice is there, and when she has just gone; as her device, and with all that she has seen.
    for gone in [false, true] {
        let (session, seen) = (alice.session(), alice.seen());
        for device in ["desk", "phone"] {
            let mallory = target.attacker("mallory", device).await.unwrap();
            let ack = mallory.hello(json!({"session": session, "seen": seen})).await.unwrap();
            assert_eq!(ack["resumed"], false, "{ack}");
            assert_ne!(ack["session"], session, "{ack}");
            assert_eq!(ack["user"], mallory.seat.user);
            assert_eq!(ack["calls"], json!([]), "{ack}");
            mallory.refused("call:end", json!({"call": call}), "no_such_call").await;
            // A request with an id that alice has used does nothing of hers again, either.
            mallory.post_map(&json!({"type": "call:end", "id": 1, "call": call})).await;
            quiet(&[&mallory]).await;
            mallory.close().await;
        }
        if gone {
            break;
        }
        quiet(&[&alice, &bob]).await;
    }
    let left = alice.cut().await;
    bob.expect("call:peer", json!({"call": call, "status": "reconnecting"})).await;
    let mallory = target.attacker("mallory", "desk").await.unwrap();
    let ack = mallory.hello(json!({"session": left.session})).await.unwrap();
    assert_eq!((&ack["resumed"], &ack["calls"]), (&json!(false), &json!([])), "{ack}");
    quiet(&[&bob]).await;
    let alice = stage.resume(&left, 1).await;
    assert_eq!(alice.welcome()["resumed"], true);
    bob.expect("call:peer", json!({"call": call, "status": "back"})).await;
    hang_up(&alice, &bob, &call).await;
    target.end().await;
}

/// Asks for something, and gives the frame as it went out.
async fn ask(client: &Client, kind: &str, mut fields: Value) -> Value {
    let id = client.post(kind, fields.clone()).await;
    client.reply(id).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
    fields["type"] = kind.into();
    fields["id"] = id.into();
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_again_or_out_of_order_has_no_effect() {
    let target = Target::start(&[]).await;
    let stage = &target.stage;
    let (alice, bob) = stage.pair().await;
    let mallory = target.attacker("mallory", "desk").await.unwrap();
    mallory.hello(json!({})).await.unwrap();
    let init = ask(&alice, "call:init", json!({"to": bob.seat.user})).await;
    let call = bob.expect("call:incoming", json!({})).await["call"].clone();
    // Out of order: all that may come later only.
    for (kind, fields) in every_request(call.as_str().unwrap()).into_iter().skip(4).take(4) {
        alice.refused(kind, fields, "invalid_state").await;
    }
    quiet(&[&alice, &bob]).await;
    let accept = ask(&bob, "call:accept", json!({"call": call})).await;
    bob.refused("webrtc:answer", json!({"call": call, "sdp": sdp("early")}), "invalid_state").await;
    bob.refused("webrtc:offer", json!({"call": call, "sdp": sdp("wrong side")}), "invalid_state").await;
    let mut frames = vec![(&alice, init), (&bob, accept)];
    for (client, kind, fields) in [
        (&alice, "webrtc:offer", json!({"call": call, "sdp": sdp("offer")})),
        (&alice, "webrtc:ice", json!({"call": call, "candidates": [candidate("a", 0)]})),
        (&bob, "webrtc:answer", json!({"call": call, "sdp": sdp("answer")})),
        (&bob, "webrtc:ice", json!({"call": call, "candidates": [candidate("b", 0)]})),
        (&alice, "call:connected", json!({"call": call})),
        (&bob, "call:connected", json!({"call": call})),
    ] {
        frames.push((client, ask(client, kind, fields).await));
    }
    for (client, events) in [
        (&alice, ["call:accepted", "webrtc:answer", "webrtc:ice"]),
        (&bob, ["call:accepted", "webrtc:offer", "webrtc:ice"]),
    ] {
        for kind in events {
            client.expect(kind, json!({"call": call})).await;
        }
        client.expect("call:connected", json!({"call": call})).await;
    }
    // All of it once more, the last first: by those who said it, and by somebody who has got hold of it.
    for (client, frame) in frames.iter().rev() {
        client.inbox.expect_strays();
        client.post_map(frame).await;
        // Whom mallory calls, mallory may call.
        if frame["type"] != "call:init" {
            mallory.post_map(frame).await;
        }
    }
    quiet(&[&alice, &bob, &mallory]).await;
    hang_up(&alice, &bob, call.as_str().unwrap()).await;
    target.end().await;
}

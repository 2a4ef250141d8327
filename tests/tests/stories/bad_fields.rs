//! Messages of the protocol with fields missing or wrong: refused by their id, and the connection stays usable.

use ringback_tests::flow::{accepted, end, epilogue, finish, quiet};
use ringback_tests::stage::Stage;
use serde_json::{Value, json};

use super::bystanders::{Answer, Bystanders, answer};

stories! {
    SOLO:
        missing_and_wrong_fields_are_refused,
        seen_without_sense_harms_nobody,
        ids_that_are_no_ids,
        calls_of_others_do_not_exist;
}

async fn missing_and_wrong_fields_are_refused(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    // A call of her own, so that the fields alone are what is wrong.
    let (mallory, mike) = (stage.caller("mallory").await, stage.callee("mike").await);
    let call = accepted(&mallory, &mike).await;
    for (kind, fields) in bad_requests(&call) {
        mallory.refused(kind, fields, "bad_request").await;
    }
    quiet(&[&mallory, &mike]).await;
    finish(&mallory, &mike, &call).await;
    end(&mallory, &[&mike], &call, "hangup").await;
    epilogue(&mallory, &[&mike]).await;
    bystanders.unharmed(stage).await;
}

fn bad_requests(call: &str) -> Vec<(&'static str, Value)> {
    let mut all = vec![
        ("call:init", json!({})),
        ("call:init", json!({"to": null})),
        ("call:init", json!({"to": 5})),
        ("call:init", json!({"to": ["ann"]})),
        ("call:init", json!({"to": "somebody", "media": "audio"})),
        ("call:init", json!({"to": "somebody", "media": {"audio": "yes"}})),
        ("call:reject", json!({"call": call, "reason": 5})),
        ("call:end", json!({"call": call, "reason": ["hangup"]})),
        ("webrtc:offer", json!({"call": call})),
        ("webrtc:offer", json!({"call": call, "sdp": null})),
        ("webrtc:offer", json!({"call": call, "sdp": 5})),
        ("webrtc:offer", json!({"call": call, "sdp": {"type": "offer", "sdp": "v=0"}})),
        ("webrtc:answer", json!({"call": call})),
        ("webrtc:answer", json!({"call": call, "sdp": [1]})),
        ("webrtc:ice", json!({"call": call})),
        ("webrtc:ice", json!({"call": call, "candidates": null})),
        ("webrtc:ice", json!({"call": call, "candidates": "candidate:1"})),
        ("webrtc:ice", json!({"call": call, "candidates": {"candidate": "x"}})),
        ("token", json!({})),
        ("token", json!({"token": 5})),
    ];
    for kind in [
        "call:ringing",
        "call:accept",
        "call:reject",
        "call:end",
        "webrtc:offer",
        "webrtc:ice",
        "call:connected",
    ] {
        for id in [json!(null), json!(5), json!([call]), json!({"call": call})] {
            all.push((kind, json!({"call": id, "sdp": "v=0", "candidates": []})));
        }
        all.push((kind, json!({"sdp": "v=0", "candidates": []})));
    }
    all
}

async fn seen_without_sense_harms_nobody(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    for calls in [
        json!(null),
        json!(5),
        json!([]),
        json!({"x": -1}),
        json!({"x": "y"}),
        json!({(&*bystanders.call): 1e300}),
    ] {
        let mallory = stage.caller("mallory").await;
        mallory.inbox.expect_strays();
        mallory.post_map(&json!({"type": "seen", "calls": calls})).await;
        mallory.post_map(&json!({"type": "ping", "id": 9})).await;
        // It may be ignored (then the ping is what is answered), refused, or taken for a bad frame.
        match answer(&mallory).await {
            Answer::Acked | Answer::Closed(4500) => {}
            Answer::Refused(code) if code == "bad_request" => {}
            other => panic!("seen {calls}: {other:?}"),
        }
    }
    bystanders.unharmed(stage).await;
}

async fn ids_that_are_no_ids(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    let ids = [
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(1.5),
        json!("7"),
        json!("x"),
        json!(true),
        json!(null),
        json!([1]),
        json!({}),
    ];
    for id in ids {
        for kind in ["ping", "call:init"] {
            let mallory = stage.caller("mallory").await;
            mallory.inbox.expect_strays();
            mallory.post_map(&json!({"type": kind, "id": id, "to": stage.user("nobody")})).await;
            match answer(&mallory).await {
                Answer::Closed(4500) => {}
                Answer::Refused(code) if code == "bad_request" => quiet(&[&mallory]).await,
                other => panic!("{kind} with the id {id}: {other:?}"),
            }
        }
    }
    // Very large ones are positive integers all the same; what a server can't hold it may refuse.
    for id in [1_u64 << 31, 1 << 32, (1 << 53) + 1, i64::MAX as u64, u64::MAX] {
        let mallory = stage.caller("mallory").await;
        mallory.inbox.expect_strays();
        mallory.post_map(&json!({"type": "ping", "id": id})).await;
        match answer(&mallory).await {
            Answer::Acked | Answer::Closed(4500) => {}
            Answer::Refused(code) if code == "bad_request" => {}
            other => panic!("ping with the id {id}: {other:?}"),
        }
    }
    bystanders.unharmed(stage).await;
}

async fn calls_of_others_do_not_exist(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    let mallory = stage.caller("mallory").await;
    for kind in [
        "call:ringing",
        "call:accept",
        "call:reject",
        "call:end",
        "webrtc:offer",
        "webrtc:answer",
        "webrtc:ice",
        "call:connected",
        "call:report",
    ] {
        let fields = json!({"call": bystanders.call, "sdp": "v=0", "candidates": [null], "stats": {}});
        mallory.refused(kind, fields, "no_such_call").await;
    }
    quiet(&[&mallory]).await;
    bystanders.unharmed(stage).await;
}

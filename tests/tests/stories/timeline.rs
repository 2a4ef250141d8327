//! What is said of a call afterwards, by whichever gateway is asked.

use std::time::Duration;

use ringback_tests::flow::{
    accept, candidate, connect, end, ended, find_no_path, init, negotiate, reject, ring, trickle,
};
use ringback_tests::http;
use ringback_tests::patience::eventually;
use ringback_tests::stage::Stage;
use ringback_tests::token;
use serde_json::{Value, json};

stories! {
    MORTAL:
        a_call_is_told_step_by_step,
        a_call_that_failed_comes_with_a_verdict,
        a_killed_gateway_s_call_is_told_too,
        an_unknown_call_is_not_found,
        the_calls_of_a_user_are_listed,
        who_was_in_a_call_may_ask_about_it;
}

/// What a gateway's operators' port answers.
async fn ask(stage: &Stage, gateway: usize, path: &str) -> (u16, Value) {
    let (status, body) = http::get(stage.world.gateway(gateway).admin(), path).await.expect("an answer");
    (status, serde_json::from_str(&body).expect("JSON"))
}

async fn timeline(stage: &Stage, gateway: usize, call: &str) -> Value {
    let (status, timeline) = ask(stage, gateway, &format!("/v1/calls/{call}/timeline")).await;
    assert_eq!(status, 200, "{timeline}");
    timeline
}

/// The verdict's first sentence.
fn verdict(timeline: &Value) -> &str {
    timeline["verdict"][0].as_str().expect("a sentence")
}

async fn a_call_is_told_step_by_step(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    bob.ok("call:ringing", json!({"call": call})).await;
    alice.expect("call:ringing", json!({"call": call})).await;
    accept(&alice, &bob, &[], &call).await;
    negotiate(&alice, &bob, &call).await;
    trickle(&alice, &bob, &call, &[candidate("a", 0)]).await;
    connect(&alice, &bob, &call).await;
    bob.ok("call:report", json!({"call": call, "stats": {"rtt_ms": 40}})).await;
    end(&bob, &[&alice], &call, "hangup").await;
    let told = [timeline(stage, 0, &call).await, timeline(stage, 1, &call).await];
    assert_eq!(told[0], told[1], "whichever gateway is asked");
    let told = &told[0];
    let steps = told["steps"].as_array().expect("steps");
    // What a client has seen may be told by a step of its own.
    let steps: Vec<&Value> = steps.iter().filter(|step| step["what"] != "seen").collect();
    let what: Vec<(&str, &Value)> =
        steps.iter().map(|step| (step["what"].as_str().expect("a name"), &step["detail"])).collect();
    let (devices, hangup) = (json!({"devices": 1}), json!("hangup"));
    let ice = json!({"host": 1, "reflexive": 0, "relay": 0, "last": false});
    let all = [
        ("call:init", &Value::Null),
        ("admitted", &devices),
        ("call:ringing", &Value::Null),
        ("call:accept", &Value::Null),
        ("webrtc:offer", &Value::Null),
        ("webrtc:answer", &Value::Null),
        ("webrtc:ice", &ice),
        ("call:connected", &Value::Null),
        ("call:connected", &Value::Null),
        ("call:report", &Value::Null),
        ("call:end", &hangup),
    ];
    assert_eq!(what, all, "{steps:#?}");
    let (accepted, placed) = (&steps[3], &steps[0]);
    assert_eq!(accepted["by"], json!({"side": "callee", "device": "phone"}));
    assert_eq!(accepted["state"], "connecting");
    assert!(
        accepted["told"]
            .as_array()
            .is_some_and(|told| told.iter().any(|one| one["event"] == "call:accepted"))
    );
    let offered = &steps.iter().find(|step| step["what"] == "webrtc:offer").expect("the offer");
    assert!(offered["queued_us"].is_u64() && offered["stored_us"].is_u64(), "{offered}");
    let delivered = &offered["told"][0]["delivered"];
    assert_eq!(
        (&delivered[0]["device"], delivered[0]["after_ms"].is_u64()),
        (&json!("phone"), true),
        "{offered}"
    );
    assert_eq!(steps[1]["queued_us"], Value::Null, "nobody asked for the admission");
    let node = |step: &Value| step["node"].as_str().expect("a gateway").split('.').next().map(str::to_owned);
    assert_eq!((node(placed).as_deref(), node(accepted).as_deref()), (Some("gw-1"), Some("gw-2")));
    let times: Vec<u64> = steps.iter().map(|step| step["at"].as_u64().expect("a time")).collect();
    assert!(times.iter().max() <= told["outcome"]["at"].as_u64().as_ref(), "{times:?}");
    assert_eq!((told["state"].as_str(), told["phase"].as_str()), (Some("ended"), Some("talk")));
    assert!(verdict(told).starts_with("the two talked for "), "{}", verdict(told));
    // The phases are the set-up, and nothing else.
    let sum: u64 =
        told["phases"].as_array().expect("phases").iter().filter_map(|phase| phase["ms"].as_u64()).sum();
    assert_eq!(Some(sum), told["outcome"]["setup_ms"].as_u64());
    let report = steps.iter().find(|step| step["what"] == "call:report").expect("a report");
    assert_eq!(report["stats"], json!({"rtt_ms": 40}));
}

async fn a_call_that_failed_comes_with_a_verdict(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    reject(&bob, &alice, &call).await;
    assert_eq!(verdict(&timeline(stage, 0, &call).await), "the callee said no");
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    negotiate(&alice, &bob, &call).await;
    find_no_path(&alice, &bob, &call).await;
    let told = timeline(stage, 1, &call).await;
    assert!(
        verdict(&told).starts_with("offer and answer were exchanged, and the caller found no path"),
        "{told}"
    );
    assert_eq!(told["verdict"][1], "the caller's device sent no candidates");
    let call = ring(&alice, &[&bob]).await;
    ended(&alice, &call, "no_answer").await;
    ended(&bob, &call, "no_answer").await;
    let told = timeline(stage, 0, &call).await;
    assert!(verdict(&told).starts_with("no device of the callee ever said that it alerts"), "{told}");
}

async fn a_killed_gateway_s_call_is_told_too(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    stage.world.gateways[1].kill9();
    alice.tolerate("call:peer", json!({"call": call, "status": "reconnecting"}));
    let limit = Duration::from_secs(30);
    let end = alice.expect_within(limit, "call:ended", json!({"call": call})).await;
    let told = timeline(stage, 0, &call).await;
    assert_eq!(told["outcome"]["reason"], end["reason"], "{told}");
    let nodes: Vec<&str> =
        told["steps"].as_array().expect("steps").iter().filter_map(|step| step["node"].as_str()).collect();
    assert!(nodes.iter().any(|node| node.starts_with("gw-2")), "what the dead one did is there: {nodes:?}");
}

async fn an_unknown_call_is_not_found(stage: &Stage) {
    for call in ["p1-00000000000000000000000000000000", "nonsense", "p999-1", "%00"] {
        let (status, why) = ask(stage, 0, &format!("/v1/calls/{call}/timeline")).await;
        assert_eq!((status, &why["error"]), (404, &json!("no such call")), "{call}");
    }
}

async fn the_calls_of_a_user_are_listed(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let refused = ring(&alice, &[&bob]).await;
    reject(&bob, &alice, &refused).await;
    let nobody = init(&alice, &stage.user("nobody")).await;
    ended(&alice, &nobody, "offline").await;
    let rings = ring(&alice, &[&bob]).await;
    let user = &alice.seat.user;
    // An ended call is put among the last ones a moment after its end is told.
    let three = async || {
        let (status, answer) = ask(stage, 1, &format!("/v1/users/{user}/calls")).await;
        assert_eq!(status, 200, "{answer}");
        answer["calls"].as_array().filter(|calls| calls.len() == 3).cloned()
    };
    let listed = eventually(Duration::from_secs(10), three).await.expect("three calls");
    let ids: Vec<Option<&str>> = listed.iter().map(|call| call["call"].as_str()).collect();
    assert_eq!(ids, [Some(&*rings), Some(&*nobody), Some(&*refused)], "the newest first");
    assert_eq!(listed[0]["verdict"][0], "it rings");
    assert_eq!(listed[1]["verdict"][0], "no device of the callee was connected");
    end(&alice, &[&bob], &rings, "cancelled").await;
}

async fn who_was_in_a_call_may_ask_about_it(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    reject(&bob, &alice, &call).await;
    let port = stage.world.gateway(1).port();
    let ask = async |token: &str| {
        let (status, body) =
            http::get_as(port, &format!("/v1/calls/{call}"), token).await.expect("an answer");
        (status, serde_json::from_str::<Value>(&body).expect("JSON"))
    };
    for party in [&alice, &bob] {
        let (status, told) = ask(&party.seat.token).await;
        assert_eq!((status, verdict(&told)), (200, "the callee said no"));
        assert!(told["steps"].is_null(), "the steps are for operators");
    }
    let stranger = token::good(&stage.user("mallory"));
    assert_eq!(ask(&stranger).await, (404, json!({"error": "no such call"})));
    for bad in [token::forged(&alice.seat.user), token::expired(&alice.seat.user), String::new()] {
        assert_eq!(ask(&bad).await.0, 401);
    }
}

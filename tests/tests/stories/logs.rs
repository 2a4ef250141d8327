//! What is logged, and what never is.

use ringback_tests::flow::{accept, candidate, connect, end, negotiate, ring, sdp, trickle};
use ringback_tests::gateway::Gateway;
use ringback_tests::http;
use ringback_tests::stage::Stage;
use serde_json::{Value, json};

stories! {
    TALKATIVE:
        nothing_that_a_client_says_is_logged;
    MORTAL:
        what_is_logged_can_be_changed_while_a_gateway_runs;
}

fn log(stage: &Stage) -> String {
    stage.world.gateways.iter().map(Gateway::log).collect()
}

async fn nothing_that_a_client_says_is_logged(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let metadata = "a word of the application's own";
    let call = alice.ok("call:init", json!({"to": bob.seat.user, "metadata": metadata})).await;
    let call = call["call"].as_str().expect("its name").to_owned();
    bob.expect("call:incoming", json!({"call": call})).await;
    accept(&alice, &bob, &[], &call).await;
    negotiate(&alice, &bob, &call).await;
    trickle(&alice, &bob, &call, &[candidate("secret-place", 0)]).await;
    connect(&alice, &bob, &call).await;
    bob.ok("call:report", json!({"call": call, "stats": {"word": "a-figure-of-a-client"}})).await;
    alice.refused("webrtc:answer", json!({"call": call, "sdp": sdp("unasked-for")}), "invalid_state").await;
    let bob = stage.resume(&bob.cut().await, 1).await;
    alice.tolerate("call:peer", json!({"call": call}));
    end(&bob, &[&alice], &call, "hangup").await;
    let log = log(stage);
    for told in ["call placed", "call ended", "entry", "connected", "disconnected"] {
        assert!(log.contains(told), "{told:?} is logged at debug");
    }
    let mut secrets = vec![
        call.clone(),
        metadata.to_owned(),
        "v=0".to_owned(),
        "candidate:".to_owned(),
        "secret-place".to_owned(),
        "unasked-for".to_owned(),
        "a-figure-of-a-client".to_owned(),
        "rb1:".to_owned(),
    ];
    for client in [&alice, &bob] {
        secrets.extend([client.seat.user.clone(), client.seat.token.clone(), client.session()]);
        let ack: &Value = client.welcome();
        secrets.push(ack["ice_servers"][0]["credential"].as_str().expect("of TURN").to_owned());
    }
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret:?} is logged: {}", line.unwrap_or_default());
    }
}

async fn what_is_logged_can_be_changed_while_a_gateway_runs(stage: &Stage) {
    let admin = stage.world.gateways[0].admin();
    let is = async |filter: &str| {
        assert_eq!(http::get(admin, "/log").await.expect("an answer"), (200, format!("{filter}\n")));
    };
    is("info").await;
    let (status, why) = http::ask(admin, "PUT", "/log", "ringback_node=loud").await.expect("an answer");
    assert_eq!(status, 400, "{why}");
    is("info").await;
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
    assert!(!log(stage).contains("DEBUG"), "not asked for yet");
    let (status, _) = http::ask(admin, "PUT", "/log", "ringback_node=debug,info\n").await.expect("an answer");
    assert_eq!(status, 200);
    is("ringback_node=debug,info").await;
    let call = ring(&alice, &[&bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
    assert!(stage.world.gateways[0].log().contains("DEBUG"), "asked for");
}

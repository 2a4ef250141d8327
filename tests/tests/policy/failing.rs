//! A policy that does not answer.

use ringback_tests::flow::{end, init, quiet};
use serde_json::json;

use super::*;

/// Alice calls, and is denied because nobody could be asked.
async fn is_not_asked(alice: &ringback_tests::client::Client, to: &str) {
    let call = init(alice, to).await;
    let told = alice.expect("call:ended", json!({"call": call, "reason": "denied"})).await;
    assert_eq!(told["detail"], "policy_unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_denies_by_default() {
    let mut policy = Receiver::start();
    let stage = stage(Backend::Memory, &asking(&policy), 1).await;
    let (alice, bob) = stage.pair().await;
    for mood in [
        Mood::Answers(500),
        Mood::Answers(302),
        Mood::Answers(204),
        Mood::Takes,
        Mood::Says(r#"{"allow":"yes"}"#),
        Mood::Says(r#"{"allow":true,"max_duration":5}"#),
        Mood::Hangs,
    ] {
        policy.is(mood);
        is_not_asked(&alice, &bob.seat.user).await;
    }
    policy.stop();
    is_not_asked(&alice, &bob.seat.user).await;
    quiet(&[&bob]).await;
    for (result, times) in [("invalid", 6.0), ("timed_out", 1.0), ("unreachable", 1.0)] {
        let series = format!("ringback_policy_answers_total{{result=\"{result}\"}}");
        let told = counted(&stage, &series).await;
        assert!((told - times).abs() < 0.1, "{result}: {told}");
    }
    close(&stage, &policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_allows_where_the_operator_wants_it() {
    let policy = Receiver::start();
    policy.is(Mood::Hangs);
    let mut settings = asking(&policy);
    settings.push(("POLICY__ON_FAILURE", "allow".to_owned()));
    let stage = stage(Backend::Memory, &settings, 1).await;
    let (alice, bob) = stage.pair().await;
    let call = init(&alice, &bob.seat.user).await;
    bob.expect("call:incoming", json!({"call": call})).await;
    end(&alice, &[&bob], &call, "cancelled").await;
    close(&stage, &policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_fails_is_spared_and_asked_again_later() {
    let policy = Receiver::start();
    policy.is(Mood::Answers(503));
    let mut settings = asking(&policy);
    settings.push(("POLICY__PAUSE_MS", "2000".to_owned()));
    let stage = stage(Backend::Memory, &settings, 1).await;
    let (alice, bob) = stage.pair().await;
    let spared = "ringback_policy_answers_total{result=\"spared\"}";
    let mut calls = 0;
    while counted(&stage, spared).await < 0.5 {
        is_not_asked(&alice, &bob.seat.user).await;
        calls += 1;
        assert!(calls < 60, "it is asked for ever");
    }
    let asked = policy.got().len();
    is_not_asked(&alice, &bob.seat.user).await;
    assert_eq!(policy.got().len(), asked);
    policy.is(YES);
    // Who calls too early is denied; nobody is rung by such a call.
    bob.tolerate("call:incoming", json!({}));
    alice.tolerate("call:ended", json!({"reason": "denied"}));
    let rings = async || {
        let again = alice.request("call:init", json!({"to": bob.seat.user})).await;
        again.is_err_and(|error| error["state"] == "ringing").then_some(())
    };
    eventually(SOON, rings).await.expect("it is asked again");
    close(&stage, &policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_dies_over_the_question_leaves_it_to_another() {
    let policy = Receiver::start();
    policy.is(Mood::Hangs);
    let stage = stage(Backend::Standalone, &asking(&policy), 2).await;
    let (alice, bob) = stage.pair().await;
    let call = init(&alice, &bob.seat.user).await;
    heard(&policy, 1).await;
    policy.is(YES);
    stage.world.gateways[0].kill9();
    let alice = stage.resume(&alice.left(), 1).await;
    // Whoever looks after the call's deadline once the gateway is known to be dead.
    bob.expect_within(SOON * 2, "call:incoming", json!({"call": call})).await;
    assert!(policy.got().len() >= 2);
    end(&alice, &[&bob], &call, "cancelled").await;
    close(&stage, &policy);
}

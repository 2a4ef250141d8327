//! What a policy says becomes of the call, and nobody is rung before it has spoken.

use ringback_tests::flow::{accepted, call_of, connect, end, ended, init, negotiate, quiet, ring};
use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_allowed_goes_as_any_other() {
    let policy = Receiver::start();
    policy.is(YES);
    let stage = stage(Backend::Standalone, &asking(&policy), 2).await;
    let (alice, bob) = stage.pair().await;
    let metadata = json!({"order": 7});
    let ack = alice
        .ok("call:init", json!({"to": bob.seat.user, "media": {"audio": true}, "metadata": metadata}))
        .await;
    let call = call_of(&ack);
    bob.expect("call:incoming", json!({"call": call, "from": alice.who()})).await;
    let [asked] = &policy.got()[..] else { panic!("asked {:?}", policy.got()) };
    assert_eq!(asked.id, format!("{call}_policy"));
    let question = &asked.event;
    assert_eq!((&question["type"], &question["call"]), (&json!("call.policy"), &json!(call)));
    assert_eq!(question["caller"], json!({"user": alice.seat.user, "device": "desk"}));
    assert_eq!((&question["callee"], &question["metadata"]), (&json!({"user": bob.seat.user}), &metadata));
    assert_eq!(question["media"], json!({"audio": true, "video": false}));
    end(&alice, &[&bob], &call, "cancelled").await;
    assert!(counted(&stage, "ringback_policy_answers_total{result=\"allowed\"}").await > 0.5);
    close(&stage, &policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_denied_is_told_to_its_caller_alone() {
    for (says, detail) in
        [(r#"{"allow":false,"reason":"blocked"}"#, Some("blocked")), (r#"{"allow":false}"#, None)]
    {
        let policy = Receiver::start();
        policy.is(Mood::Says(says));
        let stage = stage(Backend::Memory, &asking(&policy), 1).await;
        let (alice, bob) = stage.pair().await;
        let call = init(&alice, &bob.seat.user).await;
        let told = alice.expect("call:ended", json!({"call": call, "reason": "denied"})).await;
        assert_eq!(told.get("detail").and_then(|detail| detail.as_str()), detail);
        quiet(&[&bob]).await;
        // Not for good: the next may be let through.
        policy.is(YES);
        let call = accepted(&alice, &bob).await;
        end(&bob, &[&alice], &call, "hangup").await;
        close(&stage, &policy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_says_how_long_a_call_may_ring_and_last() {
    let policy = Receiver::start();
    policy.is(Mood::Says(r#"{"allow":true,"ringing_ms":1500,"max_duration_ms":2000}"#));
    let stage = stage(Backend::Standalone, &asking(&policy), 2).await;
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    for side in [&alice, &bob] {
        ended(side, &call, "no_answer").await;
    }
    let call = accepted(&alice, &bob).await;
    negotiate(&alice, &bob, &call).await;
    connect(&alice, &bob, &call).await;
    for side in [&alice, &bob] {
        let told = side.expect("call:ended", json!({"call": call, "reason": "ended_by_server"})).await;
        assert_eq!(told["detail"], "max_duration");
        let lasted = told["duration_ms"].as_u64().unwrap();
        assert!((2_000..10_000).contains(&lasted), "{lasted} ms");
    }
    close(&stage, &policy);
}

/// Waits for the answer, which comes late.
async fn has_answered(stage: &Stage) {
    let allowed = "ringback_policy_answers_total{result=\"allowed\"}";
    let answered = async || (counted(stage, allowed).await > 0.5).then_some(());
    eventually(SOON, answered).await.expect("it answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_cancels_while_it_is_thought_about_rings_nobody() {
    let policy = Receiver::start();
    policy.is(Mood::SaysAfter(r#"{"allow":true}"#, Duration::from_millis(500)));
    let stage = stage(Backend::Standalone, &asking(&policy), 2).await;
    let (alice, bob) = stage.pair().await;
    let call = init(&alice, &bob.seat.user).await;
    heard(&policy, 1).await;
    end(&alice, &[], &call, "cancelled").await;
    has_answered(&stage).await;
    quiet(&[&bob]).await;
    close(&stage, &policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_vanishes_while_it_is_thought_about_rings_nobody_until_back() {
    let policy = Receiver::start();
    policy.is(Mood::SaysAfter(r#"{"allow":true}"#, Duration::from_millis(500)));
    let stage = stage(Backend::Standalone, &asking(&policy), 2).await;
    let (alice, bob) = stage.pair().await;
    let call = init(&alice, &bob.seat.user).await;
    heard(&policy, 1).await;
    let gone = alice.cut().await;
    has_answered(&stage).await;
    quiet(&[&bob]).await;
    let alice = stage.resume(&gone, 1).await;
    bob.expect("call:incoming", json!({"call": call})).await;
    end(&alice, &[&bob], &call, "cancelled").await;
    close(&stage, &policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_who_calls_back_while_it_is_thought_about_is_in_the_same_call() {
    let policy = Receiver::start();
    policy.is(Mood::SaysAfter(r#"{"allow":true}"#, Duration::from_millis(500)));
    let stage = stage(Backend::Standalone, &asking(&policy), 2).await;
    let (alice, bob) = stage.pair().await;
    let call = init(&alice, &bob.seat.user).await;
    heard(&policy, 1).await;
    let ack = bob.ok("call:init", json!({"to": alice.seat.user})).await;
    assert_eq!((&ack["call"], &ack["role"], &ack["glare"]), (&json!(call), &json!("callee"), &json!(true)));
    for side in [&alice, &bob] {
        side.expect("call:accepted", json!({"call": call, "by": bob.who()})).await;
    }
    assert_eq!(policy.got().len(), 1, "one call, one question");
    end(&alice, &[&bob], &call, "hangup").await;
    close(&stage, &policy);
}

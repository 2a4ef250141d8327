//! One user, several devices: a call rings on all and is answered on one.

use futures::join;
use ringback_tests::client::Client;
use ringback_tests::flow::{accept, end, ended, epilogue, finish, hang_up, quiet, ring};
use ringback_tests::stage::Stage;
use serde_json::json;

stories! {
    PAIR:
        accept_on_second_of_three_devices,
        late_accept_is_told_who_was_first,
        late_reject_changes_nothing,
        two_devices_accept_at_once,
        accept_and_cancel_at_once,
        the_callers_other_device_hears_nothing;
    SOLO:
        the_seventeenth_device_is_refused,
}

async fn accept_on_second_of_three_devices(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let laptop = stage.callee_device("bob", "laptop", 1).await;
    let call = ring(&alice, &[&phone, &tablet, &laptop]).await;
    accept(&alice, &tablet, &[&phone, &laptop], &call).await;
    finish(&alice, &tablet, &call).await;
    end(&alice, &[&tablet], &call, "hangup").await;
    epilogue(&alice, &[&phone, &tablet, &laptop]).await;
}

async fn late_accept_is_told_who_was_first(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    accept(&alice, &phone, &[&tablet], &call).await;
    tablet.refused("call:accept", json!({"call": call}), "answered_elsewhere").await;
    finish(&alice, &phone, &call).await;
    tablet.refused("call:accept", json!({"call": call}), "answered_elsewhere").await;
    end(&alice, &[&phone], &call, "hangup").await;
    epilogue(&alice, &[&phone, &tablet]).await;
}

async fn late_reject_changes_nothing(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    let call = ring(&alice, &[&phone, &tablet]).await;
    accept(&alice, &phone, &[&tablet], &call).await;
    let ack = tablet.ok("call:reject", json!({"call": call, "reason": "busy"})).await;
    assert_eq!(ack["already"], "answered_elsewhere");
    quiet(&[&alice, &phone, &tablet]).await;
    finish(&alice, &phone, &call).await;
    end(&phone, &[&alice], &call, "hangup").await;
    epilogue(&alice, &[&phone, &tablet]).await;
}

async fn two_devices_accept_at_once(stage: &Stage) {
    let (alice, phone) = stage.pair().await;
    let tablet = stage.callee_device("bob", "tablet", 0).await;
    for _ in 0..20 {
        let call = ring(&alice, &[&phone, &tablet]).await;
        let accept = json!({"call": call});
        let (on_phone, on_tablet) =
            join!(phone.request("call:accept", accept.clone()), tablet.request("call:accept", accept));
        let (winner, loser, error) = match (on_phone, on_tablet) {
            (Ok(_), Err(error)) => (&phone, &tablet, error),
            (Err(error), Ok(_)) => (&tablet, &phone, error),
            both => panic!("exactly one accept must win: {both:?}"),
        };
        assert_eq!(error["code"], "answered_elsewhere");
        for side in [&alice, winner] {
            side.expect("call:accepted", json!({"call": call, "by": winner.who()})).await;
        }
        ended(loser, &call, "answered_elsewhere").await;
        end(&alice, &[winner], &call, "hangup").await;
    }
    epilogue(&alice, &[&phone, &tablet]).await;
}

async fn accept_and_cancel_at_once(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    for _ in 0..20 {
        let call = ring(&alice, &[&bob]).await;
        let fields = json!({"call": call});
        let (cancel, accept) =
            join!(alice.request("call:end", fields.clone()), bob.request("call:accept", fields));
        cancel.expect("the caller may end the call in either state");
        // What was stored first decides what the end is called; both sides must be told the same.
        let reason = if accept.is_ok() { "hangup" } else { "cancelled" };
        if accept.is_ok() {
            alice.expect("call:accepted", json!({"call": call})).await;
            bob.expect("call:accepted", json!({"call": call})).await;
        }
        alice.tolerate("call:ended", json!({"call": call, "reason": reason}));
        ended(&bob, &call, reason).await;
    }
    epilogue(&alice, &[&bob]).await;
}

async fn the_callers_other_device_hears_nothing(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let other = stage.join(stage.seat("alice", "other", 1, stage.cast.caller)).await;
    let call = ring(&alice, &[&bob]).await;
    accept(&alice, &bob, &[], &call).await;
    finish(&alice, &bob, &call).await;
    quiet(&[&other]).await;
    // Not its call: the same answer as for a stranger, or one that says that it is the wrong device.
    other
        .refused_with_one_of(
            "webrtc:offer",
            json!({"call": call, "sdp": "x"}),
            &["no_such_call", "invalid_state"],
        )
        .await;
    hang_up(&alice, &bob, &call).await;
    quiet(&[&other]).await;
}

async fn the_seventeenth_device_is_refused(stage: &Stage) {
    let mut devices: Vec<Client> = Vec::new();
    for n in 0..16 {
        devices.push(stage.callee_device("bob", &format!("d{n}"), n % 2).await);
    }
    let late = stage.open(stage.seat("bob", "d16", 0, stage.cast.callee)).await;
    late.post("hello", json!({"token": late.seat.token, "device": "d16"})).await;
    super::bystanders::turned_away(&late).await;
    // The sixteen are untouched, and a call rings on every one of them.
    let alice = stage.caller("alice").await;
    let all: Vec<&Client> = devices.iter().collect();
    let call = ring(&alice, &all).await;
    end(&alice, &all, &call, "cancelled").await;
}

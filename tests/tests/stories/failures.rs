//! Gateways that go, with and without a word. These stories have gateways of their own.

use std::time::Duration;

use ringback_tests::client::Client;
use ringback_tests::flow::{accept, end, ended_within, finish, init, negotiate, quiet, ring, sdp, set_up};
use ringback_tests::shape::with;
use ringback_tests::stage::Stage;
use serde_json::json;

stories! {
    MORTAL:
        killed_while_a_call_rings,
        killed_under_the_winner_of_a_call,
        what_was_refused_elsewhere_is_not_applied_by_a_gateway_that_wakes_up;
    LEAVING:
        told_to_go_it_says_goodbye_and_exits_with_zero,
        who_moves_from_a_gateway_that_goes_is_rung_when_he_is_elsewhere,
        told_to_go_without_clients_it_goes;
}

/// A dead gateway's share of the deadlines is taken over when it is known to be dead.
const TAKEN_OVER: Duration = Duration::from_secs(30);

async fn killed_while_a_call_rings(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = ring(&alice, &[&bob]).await;
    stage.world.gateways[1].kill9();
    ended_within(TAKEN_OVER, &alice, &call, "no_answer").await;
    // Life goes on at the other one, for him too.
    let bob = stage.resume(&bob.left(), 0).await;
    bob.tolerate("call:ended", json!({"call": call, "reason": "no_answer"}));
    let again = set_up(&alice, &bob).await;
    end(&bob, &[&alice], &again, "hangup").await;
}

async fn killed_under_the_winner_of_a_call(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    stage.world.gateways[1].kill9();
    // Nobody comes back; the survivor finds out and says so.
    alice.tolerate("call:peer", json!({"call": call, "status": "reconnecting"}));
    ended_within(TAKEN_OVER, &alice, &call, "connection_lost").await;
}

async fn what_was_refused_elsewhere_is_not_applied_by_a_gateway_that_wakes_up(stage: &Stage) {
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    let asleep = &stage.world.gateways[0];
    asleep.pause().expect("a signal can be sent");
    // Her offer lies in the socket of a gateway that stands still.
    let offer = json!({"call": call, "sdp": sdp("offer")});
    let id = alice.post("webrtc:offer", offer.clone()).await;
    alice.inbox.abandon();
    bob.tolerate("call:peer", json!({"call": call}));
    bob.ok("webrtc:offer", json!({"call": call, "sdp": sdp("his")})).await;
    let again = stage.resume(&alice.left(), 1).await;
    again.expect("webrtc:offer", json!({"call": call, "sdp": sdp("his")})).await;
    again.post_map(&with(json!({"type": "webrtc:offer", "id": id}), offer)).await;
    let refused = again.reply(id).await.expect_err("his offer is open");
    assert_eq!(refused["code"], "glare", "{refused}");
    again.ok("webrtc:answer", json!({"call": call, "sdp": sdp("hers")})).await;
    bob.expect("webrtc:answer", json!({"call": call, "sdp": sdp("hers")})).await;
    asleep.go_on().expect("a signal can be sent");
    // It has read what lay there once it has noticed that its connection is not hers any more.
    alice.inbox.wait(TAKEN_OVER, |received| received.ending.clone()).await.expect("the old connection ends");
    quiet(&[&again, &bob]).await;
    negotiate(&again, &bob, &call).await;
    end(&bob, &[&again], &call, "hangup").await;
}

async fn told_to_go_it_says_goodbye_and_exits_with_zero(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let bob = stage.callee("bob").await;
    let call = set_up(&alice, &bob).await;
    let leaving = &stage.world.gateways[0];
    leaving.sigterm().expect("a signal can be sent");
    hears_goodbye(&alice).await;
    if stage.world.gateways.len() > 1 {
        // The call is not touched: she comes back elsewhere and finds it.
        bob.tolerate("call:peer", json!({"call": call}));
        let left = alice.cut().await;
        let alice = stage.resume(&left, 1).await;
        assert_eq!(alice.welcome()["calls"][0]["call"], *call, "{}", alice.welcome());
        end(&bob, &[&alice], &call, "hangup").await;
    }
    let status = leaving.wait(Duration::from_secs(20)).await;
    assert_eq!(status.and_then(|status| status.code()), Some(0), "a clean exit");
}

async fn who_moves_from_a_gateway_that_goes_is_rung_when_he_is_elsewhere(stage: &Stage) {
    let [_, leaving] = &stage.world.gateways[..] else { return };
    let (alice, bob) = stage.pair().await;
    leaving.sigterm().expect("a signal can be sent");
    hears_goodbye(&bob).await;
    let left = bob.left();
    bob.close().await;
    // He is nowhere now.
    let call = init(&alice, &left.seat.user).await;
    quiet(&[&alice]).await;
    let bob = stage.resume(&left, 0).await;
    bob.expect("call:incoming", json!({"call": call, "from": alice.who()})).await;
    accept(&alice, &bob, &[], &call).await;
    finish(&alice, &bob, &call).await;
    end(&alice, &[&bob], &call, "hangup").await;
    let status = leaving.wait(Duration::from_secs(20)).await;
    assert_eq!(status.and_then(|status| status.code()), Some(0), "a clean exit");
}

/// `goaway`, or the close code that says the same.
async fn hears_goodbye(client: &Client) {
    match client.next_event(Duration::from_secs(5)).await {
        Some(event) => {
            assert_eq!(event["type"], "goaway", "{event}");
            assert!(event["reconnect_after_ms"].is_u64() && event["reason"].is_string(), "{event}");
        }
        None => client.closed_with(4000).await,
    }
}

async fn told_to_go_without_clients_it_goes(stage: &Stage) {
    for gateway in &stage.world.gateways {
        let code = gateway.terminate(Duration::from_secs(20)).await.expect("a signal can be sent");
        assert_eq!(code, Some(0), "a clean exit");
    }
}

//! Too much of anything is refused, by the size of it.

use std::time::Duration;

use ringback_tests::client::Client;
use ringback_tests::flow::{accepted, connect, describe, end, epilogue, hang_up, quiet, sdp};
use ringback_tests::patience::{SOON, eventually};
use ringback_tests::stage::Stage;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::bystanders::{Answer, Bystanders, answer};

stories! {
    CROWDED:
        who_finds_no_place_is_told_when_to_come_back;
    SOLO:
        an_oversized_frame_closes,
        an_oversized_frame_before_hello_closes,
        an_oversized_description_is_refused,
        oversized_metadata_are_refused,
        a_flood_is_held_back,
        who_never_says_what_it_wants_is_not_waited_for;
}

/// Half a request, and then nothing: the connection is closed, and others were served meanwhile.
async fn who_never_says_what_it_wants_is_not_waited_for(stage: &Stage) {
    let port = stage.world.gateway(0).port();
    let mut mallory = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    mallory.write_all(b"GET /v1/ws HTTP/1.1\r\nHost: gateway\r\n").await.expect("a part of a request");
    let bystanders = Bystanders::start(stage).await;
    let mut said = Vec::new();
    let closed = timeout(Duration::from_secs(30), mallory.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "it is still open: {}", String::from_utf8_lossy(&said));
    bystanders.unharmed(stage).await;
}

async fn who_finds_no_place_is_told_when_to_come_back(stage: &Stage) {
    let alice = stage.caller("alice").await;
    let bob = stage.join(stage.seat("bob", "phone", 0, stage.cast.callee)).await;
    let carol = stage.seat("carol", "phone", 0, stage.cast.callee);
    let refused = Client::open(carol.clone()).await.expect_err("the third of two");
    assert!(format!("{refused:#}").contains("503"), "{refused:#}");
    // Whoever is in is not harmed, and a place that is given back is taken.
    alice.ok("ping", json!({})).await;
    bob.cut().await;
    let carol = eventually(SOON, async || Client::open(carol.clone()).await.ok()).await.expect("a place");
    carol.hello(json!({})).await.expect("she is let in");
}

async fn an_oversized_frame_closes(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    for size in [64 * 1024, 100 * 1024, 1024 * 1024] {
        let mallory = stage.caller("mallory").await;
        mallory.post("ping", json!({"fill": "x".repeat(size)})).await;
        match answer(&mallory).await {
            Answer::Closed(4504) => {}
            // Much of a very large frame is still under way when the server closes; the network may then drop the code.
            Answer::Dropped if size > 100 * 1024 => {}
            other => panic!("{size} bytes: {other:?}"),
        }
    }
    bystanders.unharmed(stage).await;
}

async fn an_oversized_frame_before_hello_closes(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    let mallory = stage.open(stage.caller_seat("mallory")).await;
    mallory.post("hello", json!({"token": "x".repeat(64 * 1024)})).await;
    mallory.closed_with(4504).await;
    bystanders.unharmed(stage).await;
}

async fn an_oversized_description_is_refused(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    let (alice, bob) = stage.pair().await;
    let call = accepted(&alice, &bob).await;
    let large = "s".repeat(32 * 1024 + 1);
    alice.refused("webrtc:offer", json!({"call": call, "sdp": large}), "too_large").await;
    quiet(&[&alice, &bob]).await;
    describe("webrtc:offer", &alice, &bob, &call, &sdp("offer")).await;
    bob.refused("webrtc:answer", json!({"call": call, "sdp": large}), "too_large").await;
    quiet(&[&alice, &bob]).await;
    describe("webrtc:answer", &bob, &alice, &call, &sdp("answer")).await;
    connect(&alice, &bob, &call).await;
    hang_up(&alice, &bob, &call).await;
    bystanders.unharmed(stage).await;
}

async fn oversized_metadata_are_refused(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    let (alice, bob) = stage.pair().await;
    for size in [2 * 1024 + 1, 20 * 1024] {
        let init = json!({"to": bob.seat.user, "metadata": {"fill": "m".repeat(size)}});
        alice.refused("call:init", init, "too_large").await;
    }
    quiet(&[&alice, &bob]).await;
    // Below the limit however its few bytes of framing are counted.
    let metadata = json!({"fill": "m".repeat(2 * 1024 - 64)});
    let ack = alice.ok("call:init", json!({"to": bob.seat.user, "metadata": metadata})).await;
    let event = bob.expect("call:incoming", json!({"call": ack["call"]})).await;
    assert_eq!(event["metadata"], metadata);
    end(&alice, &[&bob], ack["call"].as_str().expect("checked above"), "cancelled").await;
    epilogue(&alice, &[&bob]).await;
    bystanders.unharmed(stage).await;
}

async fn a_flood_is_held_back(stage: &Stage) {
    let bystanders = Bystanders::start(stage).await;
    let mallory = stage.caller("mallory").await;
    mallory.inbox.expect_strays();
    // Ten times the burst that is allowed, as fast as the socket takes it.
    for _ in 0..2_000 {
        mallory.post("ping", json!({})).await;
    }
    loop {
        match answer(&mallory).await {
            Answer::Acked => {}
            Answer::Refused(code) if code == "rate_limited" => break,
            Answer::Closed(4003) => break,
            other => panic!("a flood: {other:?}"),
        }
    }
    bystanders.unharmed(stage).await;
}

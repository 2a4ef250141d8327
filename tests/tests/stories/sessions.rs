//! The greeting: who says what first, and how long the server waits for it.

use ringback_tests::codec::Codec;
use ringback_tests::flow::{end, ended, init, quiet, ring};
use ringback_tests::stage::Stage;
use serde_json::json;

use super::bystanders::turned_away;

stories! {
    SOLO:
        a_second_hello_is_refused,
        nothing_goes_before_hello,
        a_device_without_a_name_gets_one,
        a_bad_device_name_is_refused,
        an_odd_but_good_device_name_is_kept,
        a_client_that_names_no_protocol_gets_json;
    SILENT:
        hello_comes_too_late,
        a_request_is_no_hello;
}

async fn a_second_hello_is_refused(stage: &Stage) {
    let bob = stage.callee("bob").await;
    let fields = json!({"token": bob.seat.token, "device": "phone"});
    bob.refused("hello", fields, "bad_request").await;
    // The connection is what it was.
    quiet(&[&bob]).await;
    let alice = stage.caller("alice").await;
    let call = ring(&alice, &[&bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
}

async fn nothing_goes_before_hello(stage: &Stage) {
    let bob = stage.callee("bob").await;
    for (kind, fields) in [
        ("ping", json!({})),
        ("call:init", json!({"to": bob.seat.user})),
        ("token", json!({"token": bob.seat.token})),
        ("call:dance", json!({})),
    ] {
        let early = stage.open(stage.caller_seat("alice")).await;
        early.post(kind, fields).await;
        turned_away(&early).await;
    }
    quiet(&[&bob]).await;
}

async fn a_device_without_a_name_gets_one(stage: &Stage) {
    let mut seat = stage.callee_seat("bob");
    seat.device = None;
    let (one, other) = (stage.join(seat.clone()).await, stage.join(seat).await);
    let names = [&one, &other].map(|client| client.welcome()["device"].as_str().expect("a name").to_owned());
    for name in &names {
        assert!((1..=64).contains(&name.len()), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{name}");
    }
    assert_ne!(names[0], names[1], "two installations, two names");
    // Both are there to be called.
    let alice = stage.caller("alice").await;
    let call = ring(&alice, &[&one, &other]).await;
    end(&alice, &[&one, &other], &call, "cancelled").await;
}

async fn a_bad_device_name_is_refused(stage: &Stage) {
    let long = "d".repeat(65);
    for name in ["", " ", "a b", "ü", "a/b", "a:b", "{p0}", "a\u{0}", "a\n", &long] {
        let client = stage.open(stage.seat("bob", name, 0, stage.cast.callee)).await;
        client.post("hello", json!({"token": client.seat.token, "device": name})).await;
        turned_away(&client).await;
    }
    let alice = stage.caller("alice").await;
    let call = init(&alice, &stage.user("bob")).await;
    ended(&alice, &call, "offline").await;
}

async fn an_odd_but_good_device_name_is_kept(stage: &Stage) {
    let long = "d".repeat(64);
    for name in ["-", ".", "..", "A.b_c-9", "0", &long] {
        let client = stage.join(stage.seat("bob", name, 1, stage.cast.callee)).await;
        assert_eq!(client.welcome()["device"], *name);
    }
}

async fn a_client_that_names_no_protocol_gets_json(stage: &Stage) {
    let mut seat = stage.seat("alice", "plain", 0, Codec::Json);
    seat.names_protocol = false;
    let alice = stage.join(seat).await;
    let bob = stage.callee("bob").await;
    let call = ring(&alice, &[&bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
}

async fn hello_comes_too_late(stage: &Stage) {
    let silent = stage.open(stage.caller_seat("alice")).await;
    silent.closed_with(4502).await;
}

async fn a_request_is_no_hello(stage: &Stage) {
    // Whatever is made of what it says, a connection that never says hello does not live on.
    let early = stage.open(stage.caller_seat("alice")).await;
    early.inbox.expect_strays();
    early.post("ping", json!({})).await;
    let code = early.close_code().await;
    assert!(code.is_some_and(|code| (4500..5000).contains(&code)), "closed for good: {code:?}");
}

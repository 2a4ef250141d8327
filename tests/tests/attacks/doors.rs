//! Who is let in, and from where.

use std::net::Ipv4Addr;
use std::time::Duration;

use ringback_tests::attacker::{ask, dial};
use ringback_tests::client::{Client, Seat};
use ringback_tests::flow::{end, ended, init, quiet, ring};
use ringback_tests::http;
use ringback_tests::patience::eventually;
use ringback_tests::stage::Stage;
use ringback_tests::token;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{THERE, Target};

/// The status of the upgrade and its `Retry-After`, for a client that says this too.
async fn upgrade(stage: &Stage, from: Ipv4Addr, more: &str) -> (u16, Option<u64>) {
    let mut stream = dial(stage.world.gateway(0).port(), from).await.unwrap();
    let answer = timeout(Duration::from_secs(5), ask(&mut stream, more)).await.unwrap().unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let after = answer.lines().find_map(|line| line.strip_prefix("retry-after: "));
    (status, after.map(|seconds| seconds.parse().unwrap()))
}

/// A client of its own, that says nothing yet.
async fn open(seat: Seat, from: Ipv4Addr) -> anyhow::Result<Client> {
    let stream = dial(seat.port, from).await?;
    Client::open_over(seat, stream).await
}

const LET_IN: (u16, Option<u64>) = (101, None);

async fn guess(target: &Target, n: usize, from: Ipv4Addr) -> Option<Value> {
    let mut seat = target.stage.seat(&format!("victim{n}"), "d", 0, target.stage.cast.caller);
    seat.token = token::forged(&seat.user);
    let client = open(seat, from).await.ok()?;
    Some(client.hello(json!({})).await.expect_err("a forged token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_tokens_is_not_listened_to_for_a_while() {
    let target = Target::start(&[("LIMITS__FAILURES_PER_ADDRESS", "10")]).await;
    let stage = &target.stage;
    let mut guesses = 0;
    while let Some(error) = guess(&target, guesses, THERE).await {
        assert_eq!(error["code"], "unauthorized");
        guesses += 1;
        assert!(guesses < 30, "it goes on");
    }
    assert!(guesses > 10, "{guesses}");
    let (status, after) = upgrade(stage, THERE, "").await;
    assert!(status == 429 && after.is_some_and(|after| (1..=60).contains(&after)), "{status}, {after:?}");
    // Nor by the other way to try a token; and its address alone is meant.
    assert_eq!(upgrade(stage, Ipv4Addr::LOCALHOST, "").await, LET_IN);
    let (status, _) =
        http::get_as(stage.world.gateway(0).port(), "/v1/log", &token::good("anybody")).await.unwrap();
    assert_eq!(status, 200);
    // In time it is let in again.
    let again = eventually(Duration::from_secs(40), async || {
        (upgrade(stage, THERE, "").await == LET_IN).then_some(())
    });
    again.await.expect("half a minute has passed");
    target.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_gets_no_more_connections_than_it_may() {
    let target = Target::start(&[("LIMITS__CONNECTIONS_PER_ADDRESS", "3")]).await;
    let stage = &target.stage;
    let mut clients = Vec::new();
    for n in 0..3 {
        clients.push(target.attacker(&format!("mallory{n}"), "d").await.unwrap());
    }
    assert!(matches!(upgrade(stage, THERE, "").await, (429, Some(_))));
    assert_eq!(upgrade(stage, Ipv4Addr::LOCALHOST, "").await, LET_IN);
    drop(clients.pop());
    let again = eventually(Duration::from_secs(5), async || {
        (upgrade(stage, THERE, "").await == LET_IN).then_some(())
    });
    again.await.expect("a place that is given back is taken");
    drop(clients);
    target.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_s_word_counts_if_it_is_trusted() {
    let settings = [("SERVER__TRUSTED_PROXIES", "127.0.0.66"), ("LIMITS__CONNECTIONS_PER_ADDRESS", "1")];
    let target = Target::start(&settings).await;
    let stage = &target.stage;
    let says = async |from, who: &str| upgrade(stage, from, &format!("X-Forwarded-For: {who}\r\n")).await;
    // Kept open: what `upgrade` returns is dropped, and its place is given back.
    let first = open(stage.seat("alice", "d", 0, stage.cast.caller), THERE).await.unwrap();
    assert_eq!(says(THERE, "203.0.113.9").await.0, 101, "each client has a place of its own");
    assert_eq!(says(THERE, "203.0.113.10").await.0, 101);
    assert_eq!(says(THERE, "192.0.2.1, 203.0.113.11, 127.0.0.66").await.0, 101, "by way of another proxy");
    assert_eq!(upgrade(stage, THERE, "").await.0, 429, "the place that the proxy itself has is taken");
    // Whoever else says so is taken for what it is.
    let liar = Ipv4Addr::new(127, 0, 0, 99);
    let second = open(stage.seat("bob", "d", 0, stage.cast.caller), liar).await.unwrap();
    assert_eq!(says(liar, "203.0.113.77").await.0, 429);
    drop((first, second));
    target.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_from_elsewhere_may_not_connect() {
    let settings = [("SERVER__ALLOWED_ORIGINS", "https://app.example.org, https://*.example.com")];
    let target = Target::start(&settings).await;
    let stage = &target.stage;
    for (origin, status) in [
        ("https://app.example.org", 101),
        ("https://a.example.com", 101),
        ("https://example.com", 403),
        ("http://app.example.org", 403),
        ("https://app.example.org.evil.org", 403),
        ("null", 403),
    ] {
        assert_eq!(upgrade(stage, THERE, &format!("Origin: {origin}\r\n")).await, (status, None), "{origin}");
    }
    assert_eq!(upgrade(stage, THERE, "").await, LET_IN, "no browser");
    let both = "Origin: https://app.example.org\r\nOrigin: https://evil.org\r\n";
    assert_eq!(upgrade(stage, THERE, both).await.0, 403);
    target.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_tried_no_oftener_than_they_may_be_wherever_the_user_is() {
    let settings = [
        ("LIMITS__CALLS_MADE_PER_MINUTE", "6"),
        ("LIMITS__CALLS_MADE_BURST", "3"),
        ("LIMITS__CALLS_RECEIVED_PER_MINUTE", "6"),
        ("LIMITS__CALLS_RECEIVED_BURST", "5"),
    ];
    let target = Target::start(&settings).await;
    let stage = &target.stage;
    let desk = stage.join(stage.seat("alice", "desk", 0, stage.cast.caller)).await;
    let phone = stage.join(stage.seat("alice", "phone", 1, stage.cast.caller)).await;
    let bob = stage.callee("bob").await;
    for caller in [&desk, &phone, &desk] {
        let call = ring(caller, &[&bob]).await;
        end(caller, &[&bob], &call, "cancelled").await;
    }
    for caller in [&phone, &desk] {
        let error = caller.refused("call:init", json!({"to": bob.seat.user}), "rate_limited").await;
        let wait = error["retry_after_ms"].as_u64().unwrap();
        assert!((1..=10_000).contains(&wait), "{error}");
    }
    quiet(&[&bob]).await;
    // Two more of others ring; then bob is left in peace, and has missed nothing.
    for n in 0..3 {
        let other = stage.caller(&format!("other{n}")).await;
        if n < 2 {
            let call = ring(&other, &[&bob]).await;
            end(&other, &[&bob], &call, "cancelled").await;
        } else {
            let call = init(&other, &bob.seat.user).await;
            let event = ended(&other, &call, "denied").await;
            assert_eq!(event["detail"], "rate_limited", "{event}");
        }
    }
    quiet(&[&bob]).await;
    let (_, log) = http::get_as(bob.seat.port, "/v1/log", &bob.seat.token).await.unwrap();
    let log: Value = serde_json::from_str(&log).unwrap();
    let denied = log["calls"].as_array().unwrap().iter().find(|call| call["reason"] == "denied");
    assert!(denied.is_none_or(|call| call["missed"] == false), "{log}");
    // In time both may again.
    let ack = eventually(Duration::from_secs(15), async || {
        desk.request("call:init", json!({"to": "nobody"})).await.ok()
    });
    ack.await.expect("six a minute are one each ten seconds");
    target.end().await;
}

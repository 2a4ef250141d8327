//! Tokens that are signed by keys which are fetched: rotated, and away, under live traffic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::large_futures, reason = "a few clients in one test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ringback_tests::client::{Client, Seat};
use ringback_tests::codec::Codec;
use ringback_tests::flow::{end, init, quiet, set_up};
use ringback_tests::gateway;
use ringback_tests::keys::{KeyServer, Pair};
use ringback_tests::patience::eventually;
use ringback_tests::scrape::Scrape;
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, World};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

async fn stage(server: &KeyServer, more: &[(&'static str, String)]) -> Stage {
    let mut settings = vec![("AUTH__JWKS_URLS", server.url())];
    settings.extend(more.iter().cloned());
    // Live traffic is more than people would make.
    settings.extend(gateway::tireless(&gateway::program()).expect("a gateway"));
    let world = World::start_with(Backend::Standalone, &settings, 2).await.expect("it starts");
    Stage::new(Arc::new(world), Cast::ALL[0])
}

fn close(stage: &Stage) {
    assert_eq!(stage.faults(), Vec::<String>::new());
    let panics: Vec<String> = stage.world.gateways.iter().flat_map(|gateway| gateway.panics()).collect();
    assert_eq!(panics, Vec::<String>::new());
    stage.world.stop();
}

fn seat(stage: &Stage, name: &str, gateway: usize, key: &Pair) -> Seat {
    let seat = stage.seat(name, "desk", gateway, Codec::Json);
    Seat { token: key.token(&seat.user, json!({})), ..seat }
}

/// What hello is answered; the connection is let go.
async fn greeting(stage: &Stage, seat: Seat) -> Result<Value, Value> {
    let client = stage.open(seat).await;
    client.inbox.expect_strays();
    let answer = client.hello(json!({})).await;
    if answer.is_ok() {
        client.close().await;
    }
    answer
}

fn code(answer: &Result<Value, Value>) -> &str {
    answer.as_ref().err().and_then(|error| error["code"].as_str()).unwrap_or("none")
}

/// Calls between these two until told to stop; how many there were.
async fn talks(alice: &Client, bob: &Client, stop: &AtomicBool, calls: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        let call = set_up(alice, bob).await;
        end(alice, &[bob], &call, "hangup").await;
        calls.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_and_their_server_goes_away_under_live_traffic() {
    let (old, new) = (Pair::ed25519("2026-11"), Pair::p256("2026-12"));
    let mut server = KeyServer::start(&[&old]);
    let stage = stage(&server, &[]).await;
    let mut pairs = Vec::new();
    for n in 0..6 {
        let alice = stage.join(seat(&stage, &format!("alice{n}"), n % 2, &old)).await;
        let bob = stage.join(seat(&stage, &format!("bob{n}"), (n + 1) % 2, &old)).await;
        pairs.push((alice, bob));
    }
    let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let traffic =
        futures::future::join_all(pairs.iter().map(|(alice, bob)| talks(alice, bob, &stop, &calls)));
    let changes = async {
        let hello = async |key: &Pair, gateway| greeting(&stage, seat(&stage, "carol", gateway, key)).await;
        // A key that nobody knew a moment ago is looked for, on each gateway.
        assert_eq!(code(&hello(&new, 0).await), "unauthorized", "it is not published yet");
        server.publishes(&[&old, &new]);
        for gateway in [0, 1] {
            let known = async || hello(&new, gateway).await.ok();
            eventually(SOON, known).await.expect("the new key is fetched, long before its time");
            assert!(hello(&old, gateway).await.is_ok(), "the old one is still good");
        }
        // Who renews with the new key goes on.
        for (client, _) in &pairs {
            client.ok("token", json!({"token": new.token(&client.seat.user, json!({}))})).await;
        }
        // The server goes away: what is known is good.
        let asked = server.asked();
        server.stop();
        for gateway in [0, 1] {
            assert!(hello(&new, gateway).await.is_ok() && hello(&old, gateway).await.is_ok());
            assert_eq!(code(&hello(&Pair::rsa("never"), gateway).await), "unauthorized");
        }
        assert_eq!(server.asked(), asked);
        // It comes back without the old one, whose tokens are refused then; who is connected stays.
        server.publishes(&[&new]);
        server.go_on();
        for gateway in [0, 1] {
            let refused = async || {
                // Somebody asks for a key that is not there, and so it is fetched anew.
                let _ = hello(&Pair::rsa("never"), gateway).await;
                (code(&hello(&old, gateway).await) == "unauthorized").then_some(())
            };
            eventually(SOON, refused).await.expect("the old key is not good any more");
            assert!(hello(&new, gateway).await.is_ok());
        }
        stop.store(true, Ordering::Relaxed);
    };
    futures::join!(traffic, changes);
    let calls = calls.load(Ordering::Relaxed);
    eprintln!("{calls} calls meanwhile, none failed");
    assert!(calls >= 6);
    close(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_has_no_keys_yet_says_so() {
    let key = Pair::rsa("first");
    let mut server = KeyServer::away();
    let stage = stage(&server, &[("AUTH__HS256_SECRET", String::new())]).await;
    let hello = async || greeting(&stage, seat(&stage, "alice", 0, &key)).await;
    assert_eq!(code(&hello().await), "unavailable", "nobody can say that the token is bad");
    for (status, body) in [(500, "{}"), (200, "<html>"), (200, r#"{"keys":[]}"#)] {
        server.says(status, body.to_owned());
        if status == 500 {
            server.go_on();
        }
        let asked = server.asked();
        let looked = async || {
            assert_eq!(code(&hello().await), "unavailable");
            (server.asked() > asked).then_some(())
        };
        eventually(SOON, looked).await.expect("it looks again");
    }
    server.publishes(&[&key]);
    let known = async || hello().await.ok();
    eventually(SOON, known).await.expect("they are fetched as soon as they are there");
    let told = Scrape::of(&stage.world.gateways).await.expect("a scrape");
    assert!(told.get("ringback_jwks_fetches_total{result=\"ok\"}") > 0.5);
    assert!(told.get("ringback_jwks_fetches_total{result=\"invalid\"}") > 0.5);
    close(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_made_up_are_not_looked_for_again_and_again() {
    let key = Pair::ed25519("real");
    let server = KeyServer::start(&[&key]);
    let stage = stage(&server, &[]).await;
    assert!(greeting(&stage, seat(&stage, "alice", 0, &key)).await.is_ok());
    let before = (server.asked(), std::time::Instant::now());
    for n in 0..60 {
        let seat = seat(&stage, "mallory", 0, &key);
        let token = key.token_of(&format!("made-up-{n}"), &seat.user, json!({}));
        assert_eq!(code(&greeting(&stage, Seat { token, ..seat }).await), "unauthorized");
    }
    let allowed = 2 + usize::try_from(before.1.elapsed().as_secs()).unwrap_or(usize::MAX) / 2;
    let asked = server.asked() - before.0;
    assert!(asked <= allowed, "asked {asked} times");
    close(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_says_which_device_may_use_it_and_whom_it_may_call() {
    let key = Pair::p256("k");
    let server = KeyServer::start(&[&key]);
    let stage = stage(&server, &[]).await;
    let bound = |device: &str| {
        let seat = stage.seat("alice", "desk", 0, Codec::Json);
        Seat { token: key.token(&seat.user, json!({"device": device})), ..seat }
    };
    assert_eq!(code(&greeting(&stage, bound("phone")).await), "unauthorized");
    let alice = stage.join(bound("desk")).await;
    let elsewhere = key.token(&alice.seat.user, json!({"device": "phone"}));
    alice.refused("token", json!({"token": elsewhere}), "unauthorized").await;
    // A device that the client does not name is the token's.
    let seat = Seat { device: None, ..bound("tablet") };
    let unnamed = stage.join(seat).await;
    assert_eq!(unnamed.welcome()["device"], "tablet");

    let (bob, carol) = (stage.callee("bob").await, stage.callee("carol").await);
    let pattern = bob.seat.user.replace("bob", "b*");
    let grants = json!({"grants": {"call": [pattern]}});
    alice.ok("token", json!({"token": key.token(&alice.seat.user, grants)})).await;
    let call = init(&alice, &carol.seat.user).await;
    let told = alice.expect("call:ended", json!({"call": call, "reason": "denied"})).await;
    assert_eq!(told["detail"], "not_granted");
    quiet(&[&carol]).await;
    let call = set_up(&alice, &bob).await;
    end(&bob, &[&alice], &call, "hangup").await;
    // What one may not call may call one.
    let call = set_up(&carol, &alice).await;
    end(&alice, &[&carol], &call, "hangup").await;
    close(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_is_told_before_the_token_expires() {
    let key = Pair::ed25519("k");
    let server = KeyServer::start(&[&key]);
    let stage = stage(&server, &[]).await;
    let token = |user: &str, left: u64| key.token(user, json!({"exp": ringback_tests::token::now() + left}));
    let seat = stage.seat("alice", "desk", 0, Codec::Json);
    let alice = stage.open(Seat { token: token(&seat.user, 6), ..seat.clone() }).await;
    alice.hello(json!({"warn_expiry_ms": 4_000})).await.expect("a good token");
    let first = alice.expect_within(SOON, "token_expiring", json!({})).await;
    assert_eq!(first["expires_at"], alice.welcome()["token_expires_at"]);
    // A fresh token has a warning of its own, and keeps the connection open.
    let ack = alice.ok("token", json!({"token": token(&seat.user, 7)})).await;
    let second = alice.expect_within(SOON, "token_expiring", json!({})).await;
    assert_eq!(second["expires_at"], ack["token_expires_at"]);
    alice.closed_with(4501).await;
    close(&stage);
}

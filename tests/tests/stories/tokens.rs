//! Tokens: good ones, bad ones, and those that run out.

use std::time::Duration;

use ringback_tests::client::{Client, Seat};
use ringback_tests::flow::{end, quiet, ring};
use ringback_tests::inbox::Ending;
use ringback_tests::stage::Stage;
use ringback_tests::token::{self, now};
use serde_json::{Value, json};

stories! {
    SOLO:
        a_bad_token_closes,
        a_token_is_renewed,
        a_token_of_another_user_is_no_renewal,
        an_expired_token_closes_unless_renewed,
        a_hello_and_a_fresh_token_bring_credentials_for_turn;
}

async fn a_bad_token_closes(stage: &Stage) {
    let user = stage.user("alice");
    let good = token::good(&user);
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let bad = [
        String::new(),
        "not a token".to_owned(),
        token::expired(&user),
        token::forged(&user),
        format!("{head}."),
        format!("{head}.{}", signature.chars().rev().collect::<String>()),
        // {"alg":"none"} in front of the claims: a token nobody signed.
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", head.rsplit('.').next().unwrap_or_default()),
    ];
    for token in bad {
        let client = stage.open(Seat { token: token.clone(), ..stage.caller_seat("alice") }).await;
        client.post("hello", json!({"token": token, "device": "desk"})).await;
        closed_as_unauthorized(&client).await;
    }
}

/// An error may come first; the close code is what counts.
async fn closed_as_unauthorized(client: &Client) {
    client.closed_with(4501).await;
    let replies: Vec<Value> = client
        .inbox
        .wait(Duration::ZERO, |got| Some(got.replies.drain().flat_map(|(_, replies)| replies).collect()))
        .await
        .unwrap_or_default();
    for reply in replies {
        assert_eq!(reply["code"], "unauthorized", "{reply}");
    }
}

async fn a_token_is_renewed(stage: &Stage) {
    let mut seat = stage.callee_seat("bob");
    seat.token = token::short(&seat.user, Duration::from_secs(600));
    let bob = stage.join(seat).await;
    bob.ok("token", json!({"token": token::good(&bob.seat.user)})).await;
    let alice = stage.caller("alice").await;
    let call = ring(&alice, &[&bob]).await;
    end(&alice, &[&bob], &call, "cancelled").await;
}

async fn a_token_of_another_user_is_no_renewal(stage: &Stage) {
    for token in [token::good(&stage.user("mallory")), token::forged(&stage.user("bob")), "x".to_owned()] {
        let bob = stage.callee("bob").await;
        let id = bob.post("token", json!({"token": token})).await;
        // Refused, or thrown out: but never taken.
        let taken = bob.inbox.wait(Duration::from_secs(5), |got| {
            let reply = got.replies.get_mut(&id).and_then(|replies| replies.pop_front());
            match (reply, &got.ending) {
                (Some(reply), _) => Some(reply["type"] == "ack"),
                (None, Some(Ending::Closed(code, _))) => Some(*code != 4501),
                (None, Some(Ending::Dropped(_))) => Some(true),
                (None, None) => None,
            }
        });
        assert_eq!(taken.await, Some(false), "not a token for this connection");
    }
}

async fn an_expired_token_closes_unless_renewed(stage: &Stage) {
    let seat = |device: &str| {
        let seat = stage.seat("bob", device, 1, stage.cast.callee);
        Seat { token: token::short(&seat.user, Duration::from_secs(3)), ..seat }
    };
    let (renews, forgets) = (stage.join(seat("renews")).await, stage.join(seat("forgets")).await);
    renews.ok("token", json!({"token": token::good(&renews.seat.user)})).await;
    let ending = forgets.ending(Duration::from_secs(15)).await;
    assert!(matches!(ending, Ending::Closed(4501, _)), "closed for its token: {ending:?}");
    quiet(&[&renews]).await;
}

/// That a TURN server takes them, the browser tests show.
async fn a_hello_and_a_fresh_token_bring_credentials_for_turn(stage: &Stage) {
    let bob = stage.callee("bob").await;
    let first = good_until(bob.welcome());
    let latest = now() + 600;
    assert!((latest - 60..=latest).contains(&first), "for ten minutes: {first}, {latest}");
    let ack = bob.ok("token", json!({"token": token::good(&bob.seat.user)})).await;
    assert!(good_until(&ack) >= first, "good for at least as long: {ack}");
    let name = &bob.seat.user;
    assert!(!ack.to_string().contains(name) && !bob.welcome()["ice_servers"].to_string().contains(name));
}

/// Until when the one TURN server's credentials are good, in seconds.
fn good_until(ack: &Value) -> u64 {
    let [server] = ack["ice_servers"].as_array().expect("a list").as_slice() else {
        panic!("one server: {ack}")
    };
    assert_eq!(server["urls"], json!(["turn:127.0.0.1:3478", "turns:127.0.0.1:5349?transport=tcp"]));
    assert_eq!(server["credential"].as_str().map(str::len), Some(28), "20 bytes in base64: {server}");
    let (until, user) = server["username"].as_str().and_then(|name| name.split_once(':')).expect("two parts");
    assert!(user.starts_with("user~"), "the short form: {user}");
    until.parse().expect("a time")
}

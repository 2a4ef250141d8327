//! One cluster, several applications: nothing of one leads to another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::large_futures, reason = "a few clients in one test")]

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header, encode};
use ringback_tests::client::{Client, Seat};
use ringback_tests::codec::Codec;
use ringback_tests::flow::{candidate, end, ended, init, quiet, ring, sdp, set_up};
use ringback_tests::http;
use ringback_tests::receiver::{Receiver, SECRET};
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::token::now;
use ringback_tests::world::{Backend, World};
use serde_json::{Value, json};

const KEY: &str = "a secret of its own that is long enough for HS256 ";
const SOON: Duration = Duration::from_secs(20);

async fn stage(backend: Backend, more: &[(&'static str, String)]) -> Stage {
    let keys = format!("acme/k={KEY}acme,globex/k2={KEY}globex");
    let mut settings = vec![("AUTH__HS256_KEYS", keys)];
    settings.extend(more.iter().cloned());
    let nodes = if backend == Backend::Memory { 1 } else { 2 };
    let world = World::start_with(backend, &settings, nodes).await.expect("it starts");
    Stage::new(Arc::new(world), Cast::ALL[0])
}

/// A token that a tenant's own server has signed.
fn token(tenant: &str, user: &str, more: Value) -> String {
    let kid = if tenant == "acme" { "k" } else { "k2" };
    let header = Header { kid: Some(kid.to_owned()), ..Header::default() };
    let mut claims = json!({"sub": user, "exp": now() + 3_600});
    for (name, value) in more.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    encode(&header, &claims, &EncodingKey::from_secret(format!("{KEY}{tenant}").as_bytes()))
        .expect("it signs")
}

fn seat(stage: &Stage, tenant: &str, name: &str, gateway: usize) -> Seat {
    let seat = stage.seat(name, "desk", gateway, Codec::Json);
    Seat { token: token(tenant, &seat.user, json!({})), ..seat }
}

async fn join(stage: &Stage, tenant: &str, name: &str, gateway: usize) -> Client {
    stage.join(seat(stage, tenant, name, gateway)).await
}

fn close(stage: &Stage) {
    assert_eq!(stage.faults(), Vec::<String>::new());
    let panics: Vec<String> = stage.world.gateways.iter().flat_map(|gateway| gateway.panics()).collect();
    assert_eq!(panics, Vec::<String>::new());
    stage.world.stop();
}

async fn log_of(client: &Client) -> Value {
    let port = client.seat.port;
    let (status, body) = http::get_as(port, "/v1/log", &client.seat.token).await.expect("an answer");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

async fn are_apart(backend: Backend) {
    let stage = stage(backend, &[]).await;
    // The same name, the same device: two people all the same, and a third without a tenant.
    let acme = (join(&stage, "acme", "alice", 0).await, join(&stage, "acme", "bob", 1).await);
    let globex = (join(&stage, "globex", "alice", 0).await, join(&stage, "globex", "bob", 1).await);
    let plain = (stage.caller("alice").await, stage.join(stage.seat("bob", "desk", 1, Codec::Json)).await);
    let everybody = [&acme.0, &acme.1, &globex.0, &globex.1, &plain.0, &plain.1];
    for (alice, bob) in [&acme, &globex, &plain] {
        // All three pairs at once, and nobody hears of another's.
        let call = ring(alice, &[bob]).await;
        quiet(&everybody).await;
        end(alice, &[bob], &call, "cancelled").await;
    }
    let calls = [set_up(&acme.0, &acme.1).await, set_up(&globex.0, &globex.1).await];
    assert_ne!(calls[0], calls[1]);
    // Each is named as its own application names them.
    let log = {
        end(&acme.0, &[&acme.1], &calls[0], "hangup").await;
        end(&globex.1, &[&globex.0], &calls[1], "hangup").await;
        log_of(&acme.1).await
    };
    assert_eq!(log["calls"][0]["call"], json!(calls[0]));
    assert_eq!(log["calls"][0]["peer"]["user"], json!(acme.0.seat.user));
    assert!(!log.to_string().contains(&calls[1]), "another tenant's call: {log}");
    // Who is there in one is not there in another.
    let carol = join(&stage, "acme", "carol", 0).await;
    let call = init(&globex.0, &carol.seat.user).await;
    ended(&globex.0, &call, "offline").await;
    quiet(&[&carol]).await;
    close(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_two_tenants_are_two_users() {
    are_apart(Backend::Standalone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_two_tenants_are_two_users_on_a_cluster() {
    are_apart(Backend::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_two_tenants_are_two_users_in_memory() {
    are_apart(Backend::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_does_not_speak_for_another() {
    let stage = stage(Backend::Standalone, &[]).await;
    let hello = async |token: String| {
        let client = stage.open(Seat { token, ..stage.caller_seat("alice") }).await;
        client.inbox.expect_strays();
        client.hello(json!({})).await.err().map(|error| error["code"].clone())
    };
    let user = stage.user("alice");
    assert_eq!(hello(token("acme", &user, json!({"tenant": "acme"}))).await, None);
    assert_eq!(hello(token("acme", &user, json!({"tenant": "globex"}))).await, Some(json!("unauthorized")));
    // A name can't smuggle a tenant in.
    let smuggled = token("acme", "globex\u{1f}alice", json!({}));
    assert_eq!(hello(smuggled).await, Some(json!("unauthorized")));
    let alice = join(&stage, "acme", "alice", 0).await;
    alice.refused("call:init", json!({"to": "globex\u{1f}bob"}), "bad_request").await;
    alice
        .refused("token", json!({"token": token("globex", &alice.seat.user, json!({}))}), "unauthorized")
        .await;
    close(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_a_call_of_another_tenant_can_do_nothing_with_it() {
    let stage = stage(Backend::Standalone, &[]).await;
    let (alice, bob) = (join(&stage, "acme", "alice", 0).await, join(&stage, "acme", "bob", 1).await);
    // The same names, in another application.
    let intruders = [join(&stage, "globex", "alice", 1).await, join(&stage, "globex", "bob", 0).await];
    let rings = ring(&alice, &[&bob]).await;
    for intruder in &intruders {
        for (kind, fields) in [
            ("call:ringing", json!({})),
            ("call:accept", json!({})),
            ("call:reject", json!({})),
            ("call:end", json!({})),
            ("webrtc:offer", json!({"sdp": sdp("x")})),
            ("webrtc:answer", json!({"sdp": sdp("x")})),
            ("webrtc:ice", json!({"candidates": [candidate("x", 0)]})),
            ("call:connected", json!({})),
            ("call:report", json!({"stats": {}})),
        ] {
            for call in [rings.as_str(), "p0-unknown"] {
                let mut fields = fields.clone();
                fields["call"] = json!(call);
                let error = intruder.refused(kind, fields, "no_such_call").await;
                assert_eq!(
                    error["message"],
                    intruder
                        .refused(
                            kind,
                            json!({"call": "p1-other", "sdp": "v=0", "candidates": [null], "stats": {}}),
                            "no_such_call"
                        )
                        .await["message"]
                );
            }
        }
        let (status, _) =
            http::get_as(intruder.seat.port, &format!("/v1/calls/{rings}"), &intruder.seat.token)
                .await
                .expect("an answer");
        assert_eq!(status, 404);
    }
    quiet(&[&alice, &bob]).await;
    end(&alice, &[&bob], &rings, "cancelled").await;
    // A session of another tenant's user of the same name and device is as good as none.
    let theirs = alice.session();
    let thief = stage.open(seat(&stage, "globex", "alice", 0)).await;
    thief.inbox.expect_strays();
    let ack = thief.hello(json!({"session": theirs})).await.expect("a good token");
    assert_eq!((&ack["resumed"], ack["session"] == theirs), (&json!(false), false));
    quiet(&[&alice]).await;
    intruders[0].inbox.expect_strays();
    close(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_told_whose_call_it_was() {
    let receiver = Receiver::start();
    let settings = [("WEBHOOKS__URL", receiver.url()), ("WEBHOOKS__SECRETS", SECRET.to_owned())];
    let stage = stage(Backend::Standalone, &settings).await;
    let (alice, bob) = (join(&stage, "acme", "alice", 0).await, join(&stage, "acme", "bob", 1).await);
    let call = ring(&alice, &[&bob]).await;
    let admin = stage.world.gateway(0).admin();
    let ask = async |path: String| {
        let (status, body) = http::get(admin, &path).await.expect("an answer");
        (status, serde_json::from_str::<Value>(&body).expect("JSON"))
    };
    let user = &bob.seat.user;
    let (_, ours) = ask(format!("/v1/users/{user}/calls?tenant=acme")).await;
    assert_eq!(ours["calls"][0]["call"], json!(call));
    assert_eq!(
        (&ours["calls"][0]["tenant"], &ours["calls"][0]["callee"]["user"]),
        (&json!("acme"), &json!(user))
    );
    for other in ["", "?tenant=globex"] {
        let (_, none) = ask(format!("/v1/users/{user}/calls{other}")).await;
        assert_eq!(none["calls"], json!([]));
    }
    assert_eq!(ask(format!("/v1/users/{user}/calls?tenant=a%20b")).await.0, 400);
    end(&alice, &[&bob], &call, "cancelled").await;
    receiver.hears(SOON, &call, &["call.ended"]).await;
    let told = &receiver.got()[0].event;
    assert_eq!((&told["tenant"], &told["callee"]["user"]), (&json!("acme"), &json!(user)));
    assert_eq!(told["by"]["user"], json!(alice.seat.user));
    close(&stage);
}

//! Users, passwords, and who is not let in.

use ringback_store::{Bus as _, Nodes as _};
use ringback_store_redis::{Credentials, RedisSettings, RedisStore};

use crate::{
    node,
    support::{SERVICE, Server},
    until,
};

/// One may do what gateways do, with their own keys and channels; nobody else may do anything.
const CLOSED: &str = "--user default off --user ringback on >sesame ~rb1:* &rb1:* +@all -@admin";

fn as_user(username: &str, password: &str) -> Credentials {
    Credentials::new(username.to_owned(), password.to_owned())
}

async fn connect(url: String, credentials: Credentials) -> RedisStore {
    RedisStore::connect(RedisSettings { credentials, ..RedisSettings::new(url) }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_password_is_let_in() {
    let server = Server::with(CLOSED);
    let store = connect(server.url(), as_user("ringback", "sesame")).await;
    store.heartbeat(&node("n"), 10_000).await.unwrap();
    store.subscribe(&node("n")).await.unwrap();
    let stranger = connect(server.url(), Credentials::default()).await;
    assert!(stranger.heartbeat(&node("n"), 10_000).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_again_until_it_is_right() {
    let server = Server::with("--user ringback on >other ~* &* +@all");
    let store = connect(server.url(), as_user("ringback", "sesame")).await;
    let error = store.heartbeat(&node("n"), 10_000).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(!format!("{error:?}").contains("sesame"), "it is not told: {error:?}");
    server.ask("ACL SETUSER ringback >sesame");
    until("the user is let in", || async { store.heartbeat(&node("n"), 10_000).await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_may_ask_for_a_password_of_their_own() {
    let primary = Server::with("--user ringback on >sesame ~* &* +@all");
    let _replica = Server::replica_of(&primary);
    let sentinel = Server::sentinel_with(&primary, "user gateway on >guard ~* &* +@all\n");
    let url = format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={SERVICE}", sentinel.port);
    let with = async |sentinel_credentials| {
        let credentials = as_user("ringback", "sesame");
        let settings = RedisSettings { credentials, sentinel_credentials, ..RedisSettings::new(url.clone()) };
        let store = RedisStore::connect(settings).await.unwrap();
        store.heartbeat(&node("n"), 10_000).await
    };
    with(as_user("gateway", "guard")).await.unwrap();
    assert!(with(as_user("gateway", "wrong")).await.is_err());
}

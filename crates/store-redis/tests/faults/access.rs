//! Users, passwords, and who is not let in.

use std::{
    io,
    sync::{Arc, Mutex},
};

use ringback_store::{Bus as _, Nodes as _};
use ringback_store_redis::{Credentials, RedisSettings, RedisStore};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    node,
    support::{Cluster, SERVICE, Server, rules_of_gateways},
    until,
};

/// One may do what the documented user may; nobody else may do anything.
fn closed() -> Server {
    Server::with(&format!("--user default off --user ringback on >sesame {}", rules_of_gateways()))
}

fn as_user(username: &str, password: &str) -> Credentials {
    Credentials::new(username.to_owned(), password.to_owned())
}

async fn connect(url: String, credentials: Credentials) -> RedisStore {
    RedisStore::connect(RedisSettings { credentials, ..RedisSettings::new(url) }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_password_is_let_in() {
    let server = closed();
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

#[tokio::test(flavor = "multi_thread")]
async fn each_server_of_a_cluster_lets_the_user_in() {
    let cluster = Cluster::start();
    for server in &cluster.servers {
        server.ask(&format!("ACL SETUSER ringback on >sesame {}", rules_of_gateways()));
        server.ask("ACL SETUSER default off");
    }
    let store = connect(cluster.url(), as_user("ringback", "sesame")).await;
    until("it is let in", || async { store.heartbeat(&node("n"), 10_000).await.is_ok() }).await;
    // At each server.
    store.subscribe(&node("n")).await.unwrap();
}

/// On one thread, so that all that is logged comes in here.
#[tokio::test]
async fn who_is_not_let_in_learns_why() {
    let server = closed();
    let cluster = Cluster::start();
    for server in &cluster.servers {
        server.ask("ACL SETUSER default off");
    }
    for url in [server.url(), cluster.url()] {
        for (user, reason) in [(as_user("ringback", "hidden"), "WRONGPASS"), (as_user("", ""), "NOAUTH")] {
            let log = Log::default();
            let lines = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
            let _logging = tracing::subscriber::set_default(lines);
            let store = connect(url.clone(), user).await;
            let error = store.heartbeat(&node("n"), 10_000).await.unwrap_err();
            assert!(error.is_transient(), "{error}");
            until("the log says why", || async { log.text().contains(reason) }).await;
            assert!(!log.text().contains("hidden"), "{}", log.text());
            store.close().await;
        }
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

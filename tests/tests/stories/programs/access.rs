//! What Redis refuses to the user that gateways are there, and to everybody else.

use ringback_tests::redis::Redis;
use ringback_tests::resp::{ask, ask_as};
use ringback_tests::sentinel::Sentinel;
use ringback_tests::users::{GATEWAY, PASSWORD, REPLICA, SENTINEL};
use tempfile::TempDir;

/// What no gateway does.
const REFUSED: [&str; 31] = [
    "KEYS *",
    "SCAN 0",
    "RANDOMKEY",
    "DBSIZE",
    "FLUSHALL",
    "FLUSHDB",
    "SWAPDB 0 1",
    "RENAME rb1:{p1}:a rb1:{p1}:b",
    "EXPIRE rb1:{p1}:a 1",
    "SORT rb1:{p1}:a",
    "DUMP rb1:{p1}:a",
    "CONFIG SET maxmemory-policy allkeys-lru",
    "CONFIG GET requirepass",
    "EVAL \"return 1\" 0",
    "SCRIPT FLUSH",
    "SCRIPT KILL",
    "FUNCTION LIST",
    "ACL LIST",
    "ACL SETUSER ringback +@all",
    "CLIENT LIST",
    "CLIENT KILL TYPE normal",
    "MONITOR",
    "SAVE",
    "SHUTDOWN NOSAVE",
    "REPLICAOF NO ONE",
    "PSYNC ? -1",
    "CLUSTER RESET",
    "SUBSCRIBE rb1:{p1}:n:a",
    "PSUBSCRIBE *",
    "PUBLISH rb1:{p1}:n:a x",
    "XGROUP DESTROY rb1:{p1}:events webhooks",
];
/// What it does, but elsewhere than with its own keys and channels.
const ELSEWHERE: [&str; 6] = [
    "GET other",
    "SET rb1:other x",
    "DEL rb2:{p1}:a",
    "HGETALL session:1",
    "SSUBSCRIBE other",
    "SPUBLISH rb1:{p1}:other x",
];

async fn is_refused(port: u16, user: &str, commands: &[&str]) {
    for command in commands {
        let answer = ask_as(port, user, PASSWORD, command).await;
        let error = answer.expect_err(command).to_string();
        assert!(error.contains("NOPERM"), "{user}: {error}");
    }
}

pub(super) async fn redis_refuses_what_gateways_do_not_do() {
    let dir = TempDir::new().expect("a folder");
    let redis = Redis::start(dir.path()).await.expect("Redis");
    let port = redis.port();
    ask(port, "SET other private").await.expect("the harness may");
    is_refused(port, GATEWAY, &REFUSED).await;
    is_refused(port, GATEWAY, &ELSEWHERE).await;

    let ours = async |command: &str| ask_as(port, GATEWAY, PASSWORD, command).await;
    assert_eq!(ours("SET rb1:{p1}:a 1 PX 1000").await.expect("its own key"), "OK");
    // A script may do no more than who runs it.
    let script =
        ours("SCRIPT LOAD \"return redis.call('GET', 'other')\"").await.expect("it may load scripts");
    let error = ours(&format!("EVALSHA {script} 0")).await.expect_err("another's key");
    assert!(error.to_string().contains("can't access at least one of the keys"), "{error}");

    is_refused(port, REPLICA, &["GET rb1:{p1}:a", "INFO", "CONFIG GET *", "EVALSHA x 0"]).await;
    is_refused(port, SENTINEL, &["GET rb1:{p1}:a", "KEYS *", "CONFIG SET save 1", "FLUSHALL"]).await;
    for (user, password) in
        [("default", ""), ("default", PASSWORD), (GATEWAY, "another"), ("nobody", PASSWORD)]
    {
        let error = ask_as(port, user, password, "PING").await.expect_err(user);
        assert!(error.to_string().contains("NOAUTH"), "{user}: {error}");
    }
}

pub(super) async fn sentinels_refuse_what_gateways_do_not_ask() {
    let dir = TempDir::new().expect("a folder");
    let sentinel = Sentinel::start(dir.path(), 1, 3000).await.expect("Sentinels");
    let port = sentinel.ports()[0];
    let commands = [
        "SENTINEL FAILOVER calls",
        "SENTINEL SET calls quorum 1",
        "SENTINEL REMOVE calls",
        "SENTINEL CONFIG GET *",
        "ACL LIST",
        "SHUTDOWN",
        "CLIENT LIST",
        "SUBSCRIBE __sentinel__:hello",
    ];
    is_refused(port, GATEWAY, &commands).await;
    is_refused(port, SENTINEL, &["SENTINEL SET calls quorum 1", "ACL LIST", "SHUTDOWN"]).await;
    let error = ask_as(port, "default", "", "SENTINEL MASTERS").await.expect_err("nobody in particular");
    assert!(error.to_string().contains("NOAUTH"), "{error}");
}

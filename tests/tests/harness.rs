//! The harness's own parts, where they can be tried without a gateway.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use ringback_tests::cluster::Cluster;
use ringback_tests::patience::{START, eventually};
use ringback_tests::redis::Redis;
use ringback_tests::resp::ask;
use ringback_tests::sentinel::Sentinel;
use tempfile::TempDir;

#[tokio::test]
async fn a_server_of_its_own_writes_nothing_to_disk() {
    let dir = TempDir::new().unwrap();
    let redis = Redis::start(dir.path()).await.unwrap();
    ask(redis.port(), "SET key value").await.unwrap();
    assert_eq!(ask(redis.port(), "GET key").await.unwrap(), "value");
    assert!(ask(redis.port(), "LPUSH key value").await.is_err(), "an error reply is an error");
    ask(redis.port(), "SHUTDOWN").await.unwrap_err();
    let files: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "only the log, and the users that we wrote: {files:?}");
}

#[tokio::test]
async fn three_primaries_share_the_slots() {
    let dir = TempDir::new().unwrap();
    let cluster = Cluster::start(dir.path()).await.unwrap();
    let mut owners = 0;
    for port in cluster.ports() {
        // Every node either owns the slot of this key or knows who does.
        match ask(port, "SET {p0}:key value").await {
            Ok(_) => owners += 1,
            Err(error) => assert!(error.to_string().contains("MOVED"), "{error}"),
        }
    }
    assert_eq!(owners, 1);
}

#[tokio::test]
async fn a_dead_primary_is_replaced_by_its_replica() {
    let dir = TempDir::new().unwrap();
    let sentinel = Sentinel::start(dir.path(), 1, 500).await.unwrap();
    let first = sentinel.primary().await.unwrap();
    ask(first.port(), "SET key value").await.unwrap();
    first.kill9();
    let second = eventually(START, async || {
        let now = sentinel.primary().await.ok()?;
        (now.port() != first.port()).then_some(now)
    });
    let second = second.await.expect("a new primary");
    assert_eq!(ask(second.port(), "GET key").await.unwrap(), "value");
}

#[tokio::test]
async fn a_dead_primary_of_a_cluster_is_replaced_by_its_replica() {
    let dir = TempDir::new().unwrap();
    let cluster = Cluster::start_with_replicas(dir.path(), 1000).await.unwrap();
    let before: Vec<u16> = cluster.primaries().await.unwrap().iter().map(|node| node.port()).collect();
    assert_eq!(before, cluster.ports()[..3]);
    cluster.nodes()[0].kill9();
    let replaced = eventually(START, async || {
        let now = cluster.primaries().await.ok()?;
        now.iter().any(|node| node.port() == cluster.ports()[3]).then_some(())
    });
    replaced.await.expect("the replica of the dead one takes its place");
}

#[tokio::test]
async fn a_server_that_was_killed_comes_back_empty_at_its_port() {
    let dir = TempDir::new().unwrap();
    let redis = Redis::start(dir.path()).await.unwrap();
    ask(redis.port(), "SET key value").await.unwrap();
    redis.kill9();
    redis.restart().await.unwrap();
    assert_eq!(ask(redis.port(), "DBSIZE").await.unwrap(), "0");
}

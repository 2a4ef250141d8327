//! The harness's own parts, where they can be tried without a gateway.

#![allow(clippy::unwrap_used)]

use ringback_tests::cluster::Cluster;
use ringback_tests::redis::Redis;
use ringback_tests::resp::ask;
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
    assert_eq!(files.len(), 1, "only the log: {files:?}");
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

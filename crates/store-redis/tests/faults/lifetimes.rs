//! A store and its Redis begin and end independently of each other.

use std::time::{Duration, Instant};

use ringback_store::{Bus as _, BusEvent, Nodes as _, Partition};

use crate::{connect, hear, node, reaches, support::Server, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_may_start_before_redis() {
    let mut server = Server::at_rest();
    let store = connect(server.url()).await;
    let began = Instant::now();
    let error = store.heartbeat(&node("n"), 10_000).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(store.subscribe(&node("n")).await.unwrap_err().is_transient());
    assert!(began.elapsed() < Duration::from_secs(6), "it took {:?}", began.elapsed());
    server.run();
    until("Redis is found", || async { store.heartbeat(&node("n"), 10_000).await.is_ok() }).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    reaches(&store, Partition(1), &node("n"), &mut heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_go_and_come_back() {
    let mut server = Server::start();
    let store = connect(server.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    server.kill();
    let began = Instant::now();
    assert!(store.heartbeat(&node("n"), 10_000).await.unwrap_err().is_transient());
    assert!(began.elapsed() < Duration::from_secs(3), "it took {:?}", began.elapsed());
    server.run();
    until("Redis is back", || async { store.heartbeat(&node("n"), 10_000).await.is_ok() }).await;
    // It came back empty.
    hear(&mut heard, |event| matches!(event, BusEvent::Regressed(all) if all.len() == 64)).await;
    reaches(&store, Partition(1), &node("n"), &mut heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_says_so() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    store.close().await;
    while heard.recv().await.is_some() {}
    assert!(store.heartbeat(&node("n"), 10_000).await.unwrap_err().is_transient());
    assert!(store.subscribe(&node("n")).await.unwrap_err().is_transient());
    let ours = |line: &String| line.contains("name=fred");
    until("its connections are closed", || async { !server.ask("CLIENT LIST").iter().any(ours) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_store_leaves_nothing_behind() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    drop(store);
    while heard.recv().await.is_some() {}
    // Our question is the only connection that is left.
    until("its connections are closed", || async { server.ask("CLIENT LIST").len() == 1 }).await;
}

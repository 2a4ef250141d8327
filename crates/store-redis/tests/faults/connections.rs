//! Connections that are cut, and what a server forgets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ringback_store::{Bus as _, Nodes as _, Partition};

use crate::{connect, counter::Counter, node, reaches, support::Server};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_hears_again_after_its_connection_was_cut() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    reaches(&store, Partition(9), &node, &mut heard).await;
    for _ in 0..3 {
        server.ask("CLIENT KILL TYPE pubsub");
        for partition in [0, 9, 63] {
            reaches(&store, Partition(partition), &node, &mut heard).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_lose_and_double_no_commit() {
    let server = Arc::new(Server::start());
    let store = connect(server.url()).await;
    let done = Arc::new(AtomicBool::new(false));
    let cutter = tokio::task::spawn_blocking({
        let (server, done) = (Arc::clone(&server), Arc::clone(&done));
        move || {
            let mut cuts = 0;
            while !done.load(Ordering::Relaxed) {
                server.ask("CLIENT KILL TYPE normal SKIPME yes");
                cuts += 1;
                std::thread::sleep(Duration::from_millis(150));
            }
            cuts
        }
    });
    let counters = (0..8).map(|partition| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut counter = Counter::new(Partition(partition), &node("nobody"));
            let end = Instant::now() + Duration::from_secs(2);
            while Instant::now() < end {
                counter.count(&store).await;
            }
            counter
        })
    });
    let mut counted = Vec::new();
    for counter in counters.collect::<Vec<_>>() {
        counted.push(counter.await.unwrap());
    }
    done.store(true, Ordering::Relaxed);
    assert!(cutter.await.unwrap() > 3);
    for counter in counted {
        assert!(counter.version.count > 20, "only {}", counter.version.count);
        counter.check(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_scripts_are_sent_again() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let mut counter = Counter::new(Partition(3), &node("n"));
    for _ in 0..20 {
        server.ask("SCRIPT FLUSH");
        counter.count(&store).await;
        store.heartbeat(&node("n"), 10_000).await.unwrap();
    }
    counter.check(&store).await;
}

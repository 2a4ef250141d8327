use std::sync::Arc;

use super::stage::{node, until};
use crate::Store;

const LONG: u64 = 60_000;

pub(super) async fn a_node_lives_by_its_heartbeat(store: Arc<dyn Store>) {
    let (a, b) = (node("a"), node("b"));
    let pulse = store.heartbeat(&a, LONG).await.unwrap();
    assert!(pulse.nodes.contains(&a) && !pulse.nodes.contains(&b));
    let pulse = store.heartbeat(&b, LONG).await.unwrap();
    assert!(pulse.nodes.contains(&a) && pulse.nodes.contains(&b));
    let pulse = store.heartbeat(&a, LONG).await.unwrap();
    assert_eq!(pulse.nodes.iter().filter(|node| **node == a).count(), 1);
}

pub(super) async fn nodes_are_listed_in_order(store: Arc<dyn Store>) {
    for (name, ttl) in [("z", LONG + 3), ("a", LONG + 2), ("M", LONG + 1), ("m", LONG)] {
        store.heartbeat(&node(name), ttl).await.unwrap();
    }
    let nodes = store.heartbeat(&node("k"), LONG).await.unwrap().nodes;
    assert!(nodes.is_sorted() && nodes.len() >= 5, "{nodes:?}");
}

pub(super) async fn a_silent_node_is_gone_after_its_time(store: Arc<dyn Store>) {
    let (brief, witness) = (node("brief"), node("witness"));
    let said = store.heartbeat(&brief, 250).await.unwrap().now;
    until("the silent node is gone", || async {
        let pulse = store.heartbeat(&witness, LONG).await.unwrap();
        let gone = !pulse.nodes.contains(&brief);
        // By the store's own clock: alive until its time, gone from then on.
        assert_eq!(gone, pulse.now >= said.after(250), "{} ms later", pulse.now.since(said));
        gone
    })
    .await;
    assert!(store.heartbeat(&brief, LONG).await.unwrap().nodes.contains(&brief));
}

pub(super) async fn a_node_can_leave(store: Arc<dyn Store>) {
    let (leaves, stays) = (node("leaves"), node("stays"));
    store.heartbeat(&leaves, LONG).await.unwrap();
    for _ in 0..2 {
        store.leave(&leaves).await.unwrap();
        assert!(!store.heartbeat(&stays, LONG).await.unwrap().nodes.contains(&leaves));
    }
}

pub(super) async fn all_share_one_clock_that_grows(store: Arc<dyn Store>) {
    let (a, b) = (node("a"), node("b"));
    let mut last = store.heartbeat(&a, LONG).await.unwrap().now;
    assert!(last.0 > 1_600_000_000_000, "milliseconds since the epoch");
    for _ in 0..20 {
        for node in [&a, &b] {
            let now = store.heartbeat(node, LONG).await.unwrap().now;
            assert!(now >= last, "it went backwards");
            last = now;
        }
    }
    until("the clock grows", || async { store.heartbeat(&a, LONG).await.unwrap().now > last }).await;
}

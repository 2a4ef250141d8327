use std::sync::Arc;

use bytes::Bytes;

use super::stage::{next, node};
use crate::{BusEvent, Partition, Store};

async fn direct(subscription: &mut crate::Subscription) -> Bytes {
    match next(subscription).await {
        BusEvent::Direct(body) => body,
        other => panic!("expected a direct message, got {other:?}"),
    }
}

pub(super) async fn a_message_reaches_its_node_from_every_partition(store: Arc<dyn Store>) {
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    for partition in store.partitions().all() {
        let body = Bytes::from(format!("{partition}\0"));
        assert!(store.publish(partition, &node, body.clone()).await.unwrap(), "{partition}");
        assert_eq!(direct(&mut heard).await, body);
    }
}

pub(super) async fn nobody_there_is_told(store: Arc<dyn Store>) {
    let (here, absent) = (node("here"), node("absent"));
    let _heard = store.subscribe(&here).await.unwrap();
    assert!(store.publish(Partition(1), &here, "hello".into()).await.unwrap());
    assert!(!store.publish(Partition(1), &absent, "hello".into()).await.unwrap());
}

pub(super) async fn messages_keep_their_order(store: Arc<dyn Store>) {
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    for n in 0..200 {
        store.publish(Partition(5), &node, n.to_string().into()).await.unwrap();
    }
    for n in 0..200 {
        assert_eq!(direct(&mut heard).await, n.to_string());
    }
}

pub(super) async fn a_big_message_arrives_whole(store: Arc<dyn Store>) {
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    let big: Bytes = (0..64 * 1024_u32).map(|n| (n * 13 % 255) as u8).collect::<Vec<_>>().into();
    for body in [big, Bytes::new()] {
        assert!(store.publish(Partition(0), &node, body.clone()).await.unwrap());
        assert!(direct(&mut heard).await == body, "another body");
    }
}

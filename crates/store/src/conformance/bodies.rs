use std::sync::Arc;

use bytes::Bytes;

use super::stage::{CALLER, Two, entry, stored, version};
use crate::{Commit, Store};

async fn comes_back(store: &Arc<dyn Store>, bodies: &[Bytes]) {
    let two = Two::new(store);
    let call = two.placed().await;
    let mut known = version(1, "placed");
    for (seq, body) in (1..).zip(bodies) {
        let entries = vec![entry(CALLER, seq, body.clone())];
        let change = Commit { entries, ..two.change(&call, known, body.clone()) };
        known = two.applies(change.clone()).await;
        assert_eq!(store.load(&call).await.unwrap(), Some(stored(known.count, body.clone())));
        assert_eq!(two.conflicts(change).await, Some(stored(known.count, body.clone())));
    }
    let expected: Vec<(u64, Bytes)> = (1..).zip(bodies.iter().cloned()).collect();
    assert_eq!(two.read(&call, CALLER).await, expected);
    for (seq, body) in expected {
        assert_eq!(store.read(&call, CALLER, seq, seq).await.unwrap(), [(seq, body)]);
    }
}

pub(super) async fn bytes_of_every_kind_come_back(store: Arc<dyn Store>) {
    let every: Vec<u8> = (0..=255).collect();
    comes_back(&store, &[every.into(), Bytes::new(), "\r\n".into(), "\0".into(), "Zoë ☎".into()]).await;
}

pub(super) async fn words_of_the_protocol_are_bytes_like_others(store: Arc<dyn Store>) {
    for word in ["subscribe", "unsubscribe", "sunsubscribe", "smessage", "message", "invalidate", "QUEUED"] {
        comes_back(&store, &[word.into(), "a channel".into(), "1".into()]).await;
    }
    comes_back(&store, &["0".into(), "-1".into(), "NOSCRIPT".into(), "MOVED 1 a:1".into(), "nil".into()])
        .await;
}

pub(super) async fn big_bodies_come_back(store: Arc<dyn Store>) {
    let big: Vec<u8> = (0..64 * 1024_u32).map(|n| (n * 31 % 251) as u8).collect();
    comes_back(&store, &[big.into(), "small".into()]).await;
}

use std::sync::Arc;

use bytes::Bytes;

use super::stage::{CALLEE, CALLER, Two, entry, entry_to, next_entry, node, nothing_came, version};
use crate::{Commit, Log, Store};

pub(super) async fn an_entry_reaches_its_nodes_once_and_in_order(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    let (a, b) = (node("a"), node("b"));
    let mut at_a = store.subscribe(&a).await.unwrap();
    let mut at_b = store.subscribe(&b).await.unwrap();
    let mut known = version(1, "placed");
    for round in 1..=5_u64 {
        let entries = vec![
            entry_to(&[&a, &b], CALLER, 2 * round, format!("{round} both")),
            entry_to(&[&b], CALLEE, round, format!("{round} b")),
            entry_to(&[&a], CALLER, 2 * round + 1, format!("{round} a")),
            entry(Log::Notes, round, "for nobody"),
        ];
        known = two.applies(Commit { entries, ..two.change(&call, known, format!("{round}")) }).await;
    }
    for round in 1..=5 {
        for (subscription, last) in [(&mut at_a, "a"), (&mut at_b, "b")] {
            assert_eq!(next_entry(subscription).await.0, format!("{round} both"));
            assert_eq!(next_entry(subscription).await.0, format!("{round} {last}"));
        }
    }
    nothing_came(&store, two.partition(), &a, &mut at_a).await;
    nothing_came(&store, two.partition(), &b, &mut at_b).await;
}

pub(super) async fn a_small_document_comes_along(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    let entries = vec![entry_to(&[&node], CALLER, 1, "one"), entry_to(&[&node], CALLEE, 1, "two")];
    two.applies(Commit { entries, ..two.create(&call, "\0the document\n") }).await;
    for body in ["one", "two"] {
        assert_eq!(next_entry(&mut heard).await, (body.into(), Some("\0the document\n".into())));
    }
}

pub(super) async fn nobody_else_gets_it(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    let (named, other) = (node("named"), node("other"));
    let mut at_named = store.subscribe(&named).await.unwrap();
    let mut at_other = store.subscribe(&other).await.unwrap();
    let absent = node("absent");
    let entries = vec![entry_to(&[&named, &absent], CALLER, 1, "private"), entry(CALLEE, 1, "for nobody")];
    two.applies(Commit { entries, ..two.change(&call, version(1, "placed"), "said") }).await;
    assert_eq!(next_entry(&mut at_named).await.0, "private");
    nothing_came(&store, two.partition(), &named, &mut at_named).await;
    nothing_came(&store, two.partition(), &other, &mut at_other).await;
}

pub(super) async fn what_is_not_applied_is_not_published(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    let entries = vec![entry_to(&[&node], CALLER, 1, "wrong")];
    two.conflicts(Commit { entries: entries.clone(), ..two.change(&call, version(9, "placed"), "wrong") })
        .await;
    two.commit(Commit { entries, ..two.create(&two.call(), "taken") }).await;
    nothing_came(&store, two.partition(), &node, &mut heard).await;
}

pub(super) async fn big_entries_arrive_whole(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    let big: Bytes = (0..64 * 1024_u32).map(|n| (n * 17 % 253) as u8).collect::<Vec<_>>().into();
    let entries = vec![entry_to(&[&node], CALLER, 1, big.clone()), entry_to(&[&node], CALLER, 2, "")];
    two.applies(Commit { entries, ..two.create(&call, big.clone()) }).await;
    for body in [big.clone(), Bytes::new()] {
        let (got, document) = next_entry(&mut heard).await;
        assert!(got == body, "another body of {} bytes", got.len());
        assert!(document.is_none_or(|document| document == big), "another document");
    }
}

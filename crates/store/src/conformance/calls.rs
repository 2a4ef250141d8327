use std::sync::Arc;

use ringback_call::{CallId, Timestamp};

use super::stage::{CALLER, Two, entry, entry_to, node, nothing_came, stored, unique, version};
use crate::{Claim, Commit, Store, Version};

pub(super) async fn an_unknown_call_is_absent(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    assert_eq!(store.load(&call).await.unwrap(), None);
    assert!(two.read(&call, CALLER).await.is_empty());
}

pub(super) async fn a_call_is_made_once(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    two.applies(two.create(&call, "first")).await;
    assert_eq!(store.load(&call).await.unwrap(), Some(stored(1, "first")));
    assert_eq!(two.conflicts(two.create(&call, "second")).await, Some(stored(1, "first")));
    assert_eq!(store.load(&call).await.unwrap(), Some(stored(1, "first")));
}

pub(super) async fn a_version_grows_by_one_with_each_commit(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    let mut known = version(1, "placed");
    for count in 2..=21 {
        let document = format!("change {count}");
        known = two.applies(two.change(&call, known, document.clone())).await;
        assert_eq!(known, version(count, &document));
        assert_eq!(store.load(&call).await.unwrap(), Some(stored(count, document)));
    }
}

pub(super) async fn a_commit_on_another_version_is_a_conflict_with_the_document(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    two.applies(two.change(&call, version(1, "placed"), "now")).await;
    // Another count, or another history of the same length.
    let wrong =
        [version(1, "placed"), version(2, "then"), version(3, "now"), version(9_007_199_254_740_993, "now")];
    for wrong in wrong.into_iter().chain([Version::NONE]) {
        assert_eq!(two.conflicts(two.change(&call, wrong, "wrong")).await, Some(stored(2, "now")));
    }
}

pub(super) async fn a_commit_on_a_version_of_nothing_is_a_conflict_without_one(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    assert_eq!(two.conflicts(two.change(&call, version(3, "early"), "late")).await, None);
    assert_eq!(store.load(&call).await.unwrap(), None);
}

pub(super) async fn a_commit_sent_twice_is_a_conflict_with_its_own_document(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    let create = Commit { entries: vec![entry_to(&[&node], CALLER, 1, "one")], ..two.create(&call, "mine") };
    two.applies(create.clone()).await;
    assert_eq!(two.conflicts(create).await, Some(stored(1, "mine")));
    assert_eq!(super::stage::next_entry(&mut heard).await.0, "one");
    nothing_came(&store, two.partition(), &node, &mut heard).await;
}

pub(super) async fn a_conflict_changes_nothing_at_all(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    let before = Commit {
        deadline: Some(Timestamp(1_000)),
        entries: vec![entry(CALLER, 1, "kept")],
        ..two.change(&call, Version::NONE, "kept")
    };
    two.applies(Commit { claim: Claim::Free, ..before }).await;

    let wrong = Commit {
        ttl_ms: 1,
        deadline: Some(Timestamp(5)),
        entries: vec![entry_to(&[&node], CALLER, 1, "wrong"), entry_to(&[&node], CALLER, 2, "wrong")],
        ..two.change(&call, version(7, "kept"), "wrong")
    };
    for claim in [Claim::Held, Claim::Free, Claim::After(call.clone())] {
        two.conflicts(Commit { claim, ..wrong.clone() }).await;
    }
    two.conflicts(Commit { deadline: None, ..wrong }).await;

    // A conflict about a call that does not exist claims no pair either.
    let other = two.call();
    let claim = Claim::After(call.clone());
    assert_eq!(
        two.conflicts(Commit { claim, ..two.change(&other, version(1, "kept"), "wrong") }).await,
        None
    );

    assert_eq!(store.load(&call).await.unwrap(), Some(stored(1, "kept")));
    assert_eq!(two.read(&call, CALLER).await, [(1, "kept".into())]);
    assert!(two.is_due(&call, 1_000).await && !two.is_due(&call, 999).await);
    nothing_came(&store, two.partition(), &node, &mut heard).await;
    match two.commit(two.create(&other, "other")).await {
        crate::Committed::PairTaken { call: holder, .. } => assert_eq!(holder, call),
        other => panic!("the pair was given away: {other:?}"),
    }
}

pub(super) async fn a_lost_history_can_be_put_back(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    let lost = version(5, "what was lost");
    // Over an older version of it ...
    two.applies(Commit { version: lost, ..two.change(&call, version(1, "placed"), "what was lost") }).await;
    assert_eq!(store.load(&call).await.unwrap(), Some(stored(5, "what was lost")));
    two.applies(two.change(&call, lost, "goes on")).await;
    assert_eq!(store.load(&call).await.unwrap(), Some(stored(6, "goes on")));
    // ... or where nothing is left.
    let gone = two.call();
    two.applies(Commit { version: lost, ..two.change(&gone, Version::NONE, "what was lost") }).await;
    assert_eq!(store.load(&gone).await.unwrap(), Some(stored(5, "what was lost")));
}

pub(super) async fn what_is_stored_can_be_settled(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    store.settle(&call, version(1, "placed")).await.unwrap();
    assert_eq!(store.load(&call).await.unwrap(), Some(stored(1, "placed")), "and is as it was");
}

pub(super) async fn an_id_of_no_partition_is_absent(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    for text in [unique("x"), unique("p"), format!("p{}-x", store.partitions().count()), "p99999-x".into()] {
        let call = CallId::new(text).unwrap();
        assert_eq!(store.load(&call).await.unwrap(), None);
        assert_eq!(store.read(&call, CALLER, 0, 9).await.unwrap(), []);
        store.forget(&call).await.unwrap();
        let refused = store.commit(two.create(&call, "never")).await.unwrap_err();
        assert!(!refused.is_transient(), "{refused}");
    }
}

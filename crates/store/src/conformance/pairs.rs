use std::sync::Arc;

use ringback_call::{CallId, Timestamp};

use super::stage::{CALLER, Two, entry_to, node, nothing_came, stored, version};
use crate::{Claim, Commit, Committed, Store, Stored};

async fn taken(two: &Two, commit: Commit) -> (CallId, Option<Stored>) {
    match two.commit(commit).await {
        Committed::PairTaken { call, stored } => (call, stored),
        other => panic!("expected a taken pair, got {other:?}"),
    }
}

pub(super) async fn a_free_pair_can_be_claimed_by_one_call_only(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let (first, second) = (two.call(), two.call());
    two.applies(two.create(&first, "first")).await;
    assert_eq!(taken(&two, two.create(&second, "second")).await, (first, Some(stored(1, "first"))));
}

pub(super) async fn a_taken_pair_changes_nothing_at_all(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let first = two.placed().await;
    let second = two.call();
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    let refused = Commit {
        deadline: Some(Timestamp(5)),
        entries: vec![entry_to(&[&node], CALLER, 1, "wrong")],
        ..two.create(&second, "second")
    };
    taken(&two, refused).await;
    assert_eq!(store.load(&second).await.unwrap(), None);
    assert!(two.read(&second, CALLER).await.is_empty());
    assert!(!two.is_due(&second, 5).await);
    assert_eq!(store.load(&first).await.unwrap(), Some(stored(1, "placed")));
    nothing_came(&store, two.partition(), &node, &mut heard).await;
}

pub(super) async fn an_ended_call_can_be_followed_by_another(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let first = two.placed().await;
    let (second, third) = (two.call(), two.call());
    two.applies(Commit { claim: Claim::After(first), ..two.create(&second, "second") }).await;
    assert_eq!(taken(&two, two.create(&third, "third")).await.0, second);
}

pub(super) async fn only_the_named_call_can_be_followed(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let first = two.placed().await;
    let (second, third) = (two.call(), two.call());
    two.applies(Commit { claim: Claim::After(first.clone()), ..two.create(&second, "second") }).await;
    let late = Commit { claim: Claim::After(first), ..two.create(&third, "third") };
    assert_eq!(taken(&two, late).await, (second, Some(stored(1, "second"))));
    // A pair that nobody holds can be claimed after any call.
    let others = Two::new(&store);
    let call = others.call();
    others.applies(Commit { claim: Claim::After(others.call()), ..others.create(&call, "free") }).await;
}

pub(super) async fn a_call_may_claim_the_pair_it_holds(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    let mut known = version(1, "placed");
    for claim in [Claim::Free, Claim::After(two.call()), Claim::Held] {
        known = two.applies(Commit { claim, ..two.change(&call, known, "again") }).await;
    }
}

pub(super) async fn a_held_pair_is_not_taken_back_from_the_next_call(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let first = two.placed().await;
    let (second, third) = (two.call(), two.call());
    two.applies(Commit { claim: Claim::After(first.clone()), ..two.create(&second, "second") }).await;
    // Something is still to be written about the first call, which is over.
    two.applies(two.change(&first, version(1, "placed"), "a late report")).await;
    assert_eq!(taken(&two, two.create(&third, "third")).await.0, second);
}

pub(super) async fn pairs_do_not_mix(store: Arc<dyn Store>) {
    for _ in 0..8 {
        Two::new(&store).placed().await;
    }
}

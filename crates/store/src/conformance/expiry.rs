use std::sync::Arc;

use super::stage::{CALLEE, CALLER, Two, entry, stored, until, version};
use crate::{Claim, Commit, Log, Store, Version};

pub(super) async fn everything_of_a_call_ends_with_its_time(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let (call, next) = (two.call(), two.call());
    let entries = vec![entry(CALLER, 1, "r"), entry(CALLEE, 1, "e"), entry(Log::Notes, 1, "n")];
    two.applies(Commit { ttl_ms: 200, entries, ..two.create(&call, "short") }).await;
    until("the document ends", || async { store.load(&call).await.unwrap().is_none() }).await;
    for log in [CALLER, CALLEE, Log::Notes] {
        assert!(two.read(&call, log).await.is_empty(), "{log:?}");
    }
    // The pointer ends with it, a moment later at most.
    until("the pair is free", || async {
        !matches!(two.commit(two.create(&next, "next")).await, crate::Committed::PairTaken { .. })
    })
    .await;
    assert_eq!(two.conflicts(two.change(&call, version(1, "short"), "late")).await, None);
    // The id can be used again, and nothing of before is there.
    let again = Commit { claim: Claim::Held, ..two.change(&call, Version::NONE, "again") };
    two.applies(again).await;
    assert!(two.read(&call, CALLER).await.is_empty());
}

pub(super) async fn each_commit_gives_new_time(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let (call, brief) = (two.call(), two.call());
    two.applies(Commit {
        ttl_ms: 400,
        entries: vec![entry(CALLER, 1, "kept")],
        ..two.change(&call, Version::NONE, "short")
    })
    .await;
    two.applies(two.change(&call, version(1, "short"), "long")).await;
    // Another call of the same short time tells when the first time is over.
    two.applies(Commit { ttl_ms: 400, ..two.change(&brief, Version::NONE, "brief") }).await;
    until("the brief call ends", || async { store.load(&brief).await.unwrap().is_none() }).await;
    assert_eq!(store.load(&call).await.unwrap(), Some(stored(2, "long")));
    assert_eq!(two.read(&call, CALLER).await, [(1, "kept".into())]);
}

use std::sync::Arc;

use ringback_call::{CallId, Timestamp};

use super::stage::{CALLER, Two, entry, until, version};
use crate::{Commit, Committed, Due, Log, Store, Version};

fn at(ms: u64) -> Option<Timestamp> {
    Some(Timestamp(ms))
}

/// Later than any clock here says.
const FAR: u64 = 9_000_000_000_000;

pub(super) async fn a_call_is_due_at_its_deadline(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    two.applies(Commit { deadline: at(FAR), ..two.create(&call, "waits") }).await;
    assert!(!two.is_due(&call, FAR - 1).await);
    assert!(two.is_due(&call, FAR).await);
    assert!(two.is_due(&call, FAR + 1).await);
}

pub(super) async fn the_earliest_is_first(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let mut calls = Vec::new();
    for deadline in [300, 100, 200, 1_000] {
        let call = two.call();
        two.applies(Commit { deadline: at(deadline), ..two.change(&call, Version::NONE, "waits") }).await;
        calls.push((deadline, call));
    }
    calls.sort_unstable();
    let expected: Vec<_> = calls[..3].iter().map(|(_, call)| call.clone()).collect();
    let ours: Vec<_> =
        two.due(999).await.into_iter().filter(|call| calls.iter().any(|(_, c)| c == call)).collect();
    assert_eq!(ours, expected);
}

pub(super) async fn no_more_than_the_limit(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    for deadline in 1..=5 {
        let call = two.call();
        two.applies(Commit { deadline: at(deadline), ..two.change(&call, Version::NONE, "waits") }).await;
    }
    for limit in [0, 1, 4, 5] {
        let due = store.due(two.partition(), None, Timestamp(FAR), limit).await.unwrap();
        assert_eq!(due.len(), limit);
    }
}

pub(super) async fn they_can_be_read_page_by_page(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    // Many have the same deadline: more than a page holds.
    for deadline in [100, 200, 200, 200, 200, 200, 200, 200, 300] {
        let call = two.call();
        two.applies(Commit { deadline: at(deadline), ..two.change(&call, Version::NONE, "waits") }).await;
    }
    let page = async |after: Option<&Due>, limit| {
        store.due(two.partition(), after, Timestamp(FAR), limit).await.unwrap()
    };
    let all = page(None, usize::MAX).await;
    assert!(all.is_sorted() && all.len() >= 9);
    let mut read: Vec<Due> = Vec::new();
    loop {
        let next = page(read.last(), 2).await;
        if next.is_empty() {
            break;
        }
        // It goes on behind one that is not due any more.
        store.reschedule(&next[0].call, next[0].at, None).await.unwrap();
        read.extend(next);
    }
    assert_eq!(read, all);
}

pub(super) async fn a_deadline_is_replaced(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    two.applies(Commit { deadline: at(100), ..two.create(&call, "soon") }).await;
    let later = Commit { deadline: at(FAR), ..two.change(&call, version(1, "soon"), "later") };
    let known = two.applies(later).await;
    assert!(!two.is_due(&call, FAR - 1).await);
    two.applies(Commit { deadline: at(50), ..two.change(&call, known, "sooner") }).await;
    assert!(two.is_due(&call, 50).await);
    let times = two.due(FAR).await.into_iter().filter(|due| *due == call).count();
    assert_eq!(times, 1);
}

pub(super) async fn a_deadline_is_taken_away(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    two.applies(Commit { deadline: at(1), ..two.create(&call, "waits") }).await;
    two.applies(two.change(&call, version(1, "waits"), "waits no more")).await;
    assert!(!two.is_due(&call, FAR).await);
}

pub(super) async fn a_change_that_renews_nothing_leaves_what_was_written(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    // There is nothing to leave yet, so it is written.
    let made = Commit { deadline: at(100), renews: false, ..two.create(&call, "made") };
    let known = two.applies(made).await;
    let changed = Commit {
        deadline: at(100),
        renews: false,
        entries: vec![entry(CALLER, 1, "one"), entry(Log::Notes, 1, "noted")],
        ..two.change(&call, known, "changed")
    };
    two.applies(changed).await;
    assert!(two.is_due(&call, 100).await && !two.is_due(&call, 99).await);
    assert_eq!(two.read(&call, CALLER).await, [(1, "one".into())]);
    assert_eq!(two.read(&call, Log::Notes).await, [(1, "noted".into())]);
    let other = two.commit(two.create(&two.call(), "other")).await;
    assert!(matches!(other, Committed::PairTaken { call: holder, .. } if holder == call));
}

pub(super) async fn a_living_call_is_not_forgotten(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    two.applies(Commit { deadline: at(1), ..two.create(&call, "lives") }).await;
    store.forget(&call).await.unwrap();
    assert!(two.is_due(&call, 1).await);
}

pub(super) async fn the_deadline_of_a_call_that_is_gone_can_be_forgotten(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    two.applies(Commit { ttl_ms: 50, deadline: at(1), ..two.create(&call, "short") }).await;
    until("the call is gone", || async { store.load(&call).await.unwrap().is_none() }).await;
    assert!(two.is_due(&call, 1).await, "a deadline outlives its call, so that somebody hears of it");
    store.forget(&call).await.unwrap();
    assert!(!two.is_due(&call, FAR).await);
    store.forget(&call).await.unwrap();
}

fn waits(two: &Two, call: &CallId, deadline: u64) -> Commit {
    Commit { deadline: at(deadline), ..two.change(call, Version::NONE, "over") }
}

pub(super) async fn the_deadline_of_a_logged_call_is_taken_away(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    two.applies(waits(&two, &call, 100)).await;
    for _ in 0..2 {
        store.reschedule(&call, Timestamp(100), None).await.unwrap();
        assert!(!two.is_due(&call, 100).await);
    }
    // It is not set anew where there is none.
    store.reschedule(&call, Timestamp(100), Some(Timestamp(50))).await.unwrap();
    assert!(!two.is_due(&call, 100).await);
    let known = Version::NONE.next(b"over");
    two.applies(Commit { deadline: Some(Timestamp(100)), ..two.change(&call, known, "seen") }).await;
    assert!(two.is_due(&call, 100).await, "a commit sets it as before");
}

pub(super) async fn a_deadline_can_be_moved(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    two.applies(waits(&two, &call, 100)).await;
    store.reschedule(&call, Timestamp(150), Some(Timestamp(200))).await.unwrap();
    assert!(!two.is_due(&call, 199).await);
    assert_eq!(two.due(200).await.into_iter().filter(|due| *due == call).count(), 1);
    // A commit finds it where it is.
    two.applies(two.change(&call, Version::NONE.next(b"over"), "later")).await;
    assert!(!two.is_due(&call, 200).await);
}

pub(super) async fn a_later_deadline_is_left_in_place(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    two.applies(waits(&two, &call, 100)).await;
    for next in [None, Some(Timestamp(500))] {
        store.reschedule(&call, Timestamp(99), next).await.unwrap();
        assert!(two.is_due(&call, 100).await);
    }
}

pub(super) async fn only_the_deadline_that_is_named_is_taken_away(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    // A failover has brought the call back as it lived, with its deadline of then.
    let known = two.applies(Commit { deadline: at(100), ..two.create(&call, "lives") }).await;
    store.reschedule(&call, Timestamp(101), None).await.unwrap();
    assert!(two.is_due(&call, 100).await);
    let changed = Commit { deadline: at(100), renews: false, ..two.change(&call, known, "lives on") };
    two.applies(changed).await;
    assert!(two.is_due(&call, 100).await);
}

use std::sync::Arc;

use bytes::Bytes;

use super::stage::{CALLEE, CALLER, Two, entry, version};
use crate::{Commit, Log, Store, Version};

fn numbers(entries: &[(u64, Bytes)]) -> Vec<u64> {
    entries.iter().map(|(seq, _)| *seq).collect()
}

pub(super) async fn entries_are_read_in_order(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.placed().await;
    let mut known = version(1, "placed");
    for first in (1..12).step_by(3) {
        let entries = (first..first + 3).map(|seq| entry(CALLER, seq, format!("#{seq}"))).collect();
        known = two.applies(Commit { entries, ..two.change(&call, known, "more") }).await;
    }
    let expected: Vec<(u64, Bytes)> = (1..=12).map(|seq| (seq, format!("#{seq}").into())).collect();
    assert_eq!(two.read(&call, CALLER).await, expected);
}

pub(super) async fn a_range_is_what_is_asked_for(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    let entries = (1..=30).map(|seq| entry(CALLEE, seq, format!("#{seq}"))).collect();
    two.applies(Commit { entries, ..two.create(&call, "many") }).await;
    for (first, last, expected) in [
        (1, 30, (1..=30).collect::<Vec<_>>()),
        (0, 3, vec![1, 2, 3]),
        (9, 11, vec![9, 10, 11]),
        (7, 7, vec![7]),
        (29, u64::MAX, vec![29, 30]),
        (31, 40, vec![]),
        (u64::MAX, u64::MAX, vec![]),
        (5, 4, vec![]),
        (u64::MAX, 0, vec![]),
    ] {
        let found = store.read(&call, CALLEE, first, last).await.unwrap();
        assert_eq!(numbers(&found), expected, "{first}..={last}");
        assert!(found.iter().all(|(seq, body)| *body == format!("#{seq}")));
    }
}

pub(super) async fn gaps_are_left_out(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    let entries = [2, 3, 700, 9_007_199_254_740_993].map(|seq| entry(CALLER, seq, "x")).to_vec();
    two.applies(Commit { entries, ..two.create(&call, "sparse") }).await;
    assert_eq!(numbers(&two.read(&call, CALLER).await), [2, 3, 700, 9_007_199_254_740_993]);
    assert_eq!(numbers(&store.read(&call, CALLER, 1, 5).await.unwrap()), [2, 3]);
    assert_eq!(numbers(&store.read(&call, CALLER, 3, 5_000).await.unwrap()), [3, 700]);
}

pub(super) async fn what_is_trimmed_is_gone(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    let entries = (1..=9).flat_map(|seq| [entry(CALLER, seq, "r"), entry(CALLEE, seq, "e")]).collect();
    let known = two.applies(Commit { entries, ..two.create(&call, "full") }).await;
    let change = two.change(&call, known, "trimmed");
    // In one step with what is appended; what is not there is no matter.
    let trims = vec![(CALLER, 2..=7), (CALLEE, 9..=30)];
    two.applies(Commit { trims, entries: vec![entry(CALLER, 10, "r")], ..change }).await;
    assert_eq!(numbers(&two.read(&call, CALLER).await), [1, 8, 9, 10]);
    assert_eq!(numbers(&two.read(&call, CALLEE).await), [1, 2, 3, 4, 5, 6, 7, 8]);
}

pub(super) async fn logs_do_not_mix(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let (one, other) = (two.placed().await, two.call());
    let entries = vec![entry(CALLER, 1, "r"), entry(CALLEE, 1, "e"), entry(Log::Notes, 1, "n")];
    two.applies(Commit { entries, ..two.change(&one, version(1, "placed"), "three logs") }).await;
    two.applies(Commit {
        entries: vec![entry(CALLER, 1, "of another call")],
        ..two.change(&other, Version::NONE, "another")
    })
    .await;
    for (log, body) in [(CALLER, "r"), (CALLEE, "e"), (Log::Notes, "n")] {
        assert_eq!(two.read(&one, log).await, [(1, body.into())]);
    }
    assert!(two.read(&other, Log::Notes).await.is_empty());
}

pub(super) async fn a_long_log_is_read_whole(store: Arc<dyn Store>) {
    let two = Two::new(&store);
    let call = two.call();
    let entries = (1..=700).map(|seq| entry(CALLER, seq, format!("#{seq}"))).collect();
    two.applies(Commit { entries, ..two.create(&call, "long") }).await;
    let expected: Vec<u64> = (1..=700).collect();
    assert_eq!(numbers(&two.read(&call, CALLER).await), expected);
    assert_eq!(numbers(&store.read(&call, CALLER, 1, 700).await.unwrap()), expected);
}

use std::{cell::RefCell, future::pending, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use ringback_call::{RequestId, SessionId, Timestamp, UserId};
use ringback_store::{
    Calls as _, Claim, Commit, Committed, Deadlines as _, Outgoing, Pair, Store as _, Version,
    memory::MemoryStore,
};

use super::*;
use crate::stage::Stage;

#[test]
fn a_partition_that_is_being_swept_is_left_out_and_holds_up_no_other() {
    let begun = RefCell::new(Vec::new());
    let mut rounds = Rounds::default();
    for _ in 0..3 {
        rounds.begin([0, 1, 2].map(Partition), |partition| {
            begun.borrow_mut().push(partition.0);
            async move {
                if partition == Partition(0) {
                    pending::<()>().await;
                }
            }
        });
        while rounds.done().now_or_never().is_some() {}
    }
    assert_eq!(*begun.borrow(), [0, 1, 2, 1, 2, 1, 2]);
}

/// A call of another pair in the partition that is due, and that nobody can read.
async fn put_unreadable(store: &MemoryStore, partition: Partition, n: u64) {
    let user = |name: String| UserId::new(name).unwrap();
    let mut pairs = (0..).map(|k| Pair::of(&user(format!("c{k}")), &user(format!("d{k}"))));
    let pair = pairs.find(|pair| store.partitions().of_pair(pair) == partition).unwrap();
    let call = store.partitions().call_id(&pair, &SessionId::new("s").unwrap(), RequestId(n));
    let commit = Commit {
        call,
        expected: Version::NONE,
        version: Version::NONE.next(b"?"),
        document: Bytes::from_static(b"?"),
        ttl_ms: 3_600_000,
        deadline: Some(Timestamp(1 + n)),
        renews: true,
        pair,
        claim: Claim::Held,
        entries: Vec::new(),
        trims: Vec::new(),
        outgoing: Outgoing::default(),
    };
    assert_eq!(store.commit(commit).await.unwrap(), Committed::Applied);
}

#[tokio::test(start_paused = true)]
async fn calls_that_nobody_gets_done_do_not_hold_up_those_behind_them() {
    let stage = Stage::new();
    let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
    let call = stage.answered(&alice, &bob).await;
    let partition = stage.store.partitions().of_call(&call).unwrap();
    stage.apply(&call, Input::Terminate).await;
    // More than are remembered.
    let many = 1_000;
    for n in 0..many {
        put_unreadable(&stage.store, partition, n).await;
    }
    let overdue = Some(Timestamp(1 + many));
    stage.store.reschedule(&call, Timestamp(u64::MAX), overdue).await.unwrap();
    stage.node.start();
    tokio::time::sleep(Duration::from_secs(10)).await;
    // Its users' logs are written, and it is due no more.
    let left = stage.store.due(partition, None, Timestamp(u64::MAX), usize::MAX).await.unwrap();
    assert_eq!((left.len() as u64, left.iter().any(|due| due.call == call)), (many, false));
    stage.node.end().await;
}

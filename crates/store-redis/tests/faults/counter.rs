//! What is written while things break: calls whose documents are counted up, so that any loss and any doubling shows.

use std::time::Instant;

use bytes::Bytes;
use ringback_call::{CallId, NodeId, RequestId, SessionId, Side, UserId};
use ringback_store::{
    Calls as _, Claim, Commit, Committed, Entry, Log, Outgoing, Pair, Partition, Partitions, Version,
};
use ringback_store_redis::RedisStore;

use crate::PATIENCE;

/// A pair of users whose calls are in this partition.
fn pair_in(partition: Partition) -> Pair {
    let callee = UserId::new("callee").unwrap();
    let pairs = (0..).map(|n| Pair::of(&UserId::new(format!("caller-{n}")).unwrap(), &callee));
    pairs.into_iter().find(|pair| Partitions::DEFAULT.of_pair(pair) == partition).unwrap()
}

/// A call whose document is a number that is counted up.
pub(crate) struct Counter {
    pub(crate) call: CallId,
    pair: Pair,
    pub(crate) version: Version,
    node: NodeId,
}

impl Counter {
    pub(crate) fn new(partition: Partition, node: &NodeId) -> Self {
        let pair = pair_in(partition);
        let call = Partitions::DEFAULT.call_id(&pair, &SessionId::new("s").unwrap(), RequestId(1));
        Self { call, pair, version: Version::NONE, node: node.clone() }
    }

    /// Counts up by one, whatever it takes. A conflict with the very document that was to be written is a commit
    /// that was applied although its answer was lost; any other is an error, for nobody else counts.
    pub(crate) async fn count(&mut self, store: &RedisStore) {
        let number = self.version.count + 1;
        let commit = self.next_commit();
        let end = Instant::now() + PATIENCE;
        loop {
            match store.commit(commit.clone()).await {
                Ok(Committed::Applied) => break self.version = commit.version,
                Ok(Committed::Conflict(Some(stored))) if stored.version == commit.version => {
                    break self.version = stored.version;
                }
                Err(error) if error.is_transient() && Instant::now() < end => {}
                other => panic!("count {number}: {other:?}"),
            }
        }
    }

    pub(crate) fn key(&self) -> String {
        let partition = Partitions::DEFAULT.of_call(&self.call).unwrap();
        format!("rb1:{{{partition}}}:c:{}", self.call.as_str())
    }

    pub(crate) fn next_commit(&self) -> Commit {
        let number = self.version.count + 1;
        let document = Bytes::from(number.to_string());
        let entry = Entry {
            log: Log::Mailbox(Side::Callee),
            seq: number,
            body: document.clone(),
            nodes: vec![self.node.clone()],
        };
        Commit {
            call: self.call.clone(),
            expected: self.version,
            version: self.version.next(&document),
            document: document.clone(),
            ttl_ms: 600_000,
            deadline: None,
            renews: true,
            pair: self.pair.clone(),
            claim: if self.version == Version::NONE { Claim::Free } else { Claim::Held },
            entries: vec![entry],
            trims: Vec::new(),
            outgoing: Outgoing::default(),
        }
    }

    /// Nothing was lost, and nothing was applied twice.
    pub(crate) async fn check(&self, store: &RedisStore) {
        let stored = store.load(&self.call).await.unwrap().unwrap();
        assert_eq!(stored.version, self.version);
        assert_eq!(stored.document, self.version.count.to_string());
        let log = store.read(&self.call, Log::Mailbox(Side::Callee), 1, u64::MAX).await.unwrap();
        assert!(log.into_iter().map(|(seq, _)| seq).eq(1..=self.version.count));
    }
}

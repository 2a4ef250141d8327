//! What the promises are played with.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ringback_call::{CallId, ConnectionId, DeviceId, NodeId, RequestId, SessionId, Side, Timestamp, UserId};
use uuid::Uuid;

use crate::{
    BusEvent, Claim, Commit, Committed, Entry, Log, Outgoing, Pair, Partition, Store, Stored, Subscription,
    Version,
};

/// How long a condition may take to come true.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) const CALLER: Log = Log::Mailbox(Side::Caller);
pub(super) const CALLEE: Log = Log::Mailbox(Side::Callee);

/// A name nobody else has.
pub(super) fn unique(what: &str) -> String {
    format!("{what}-{}", Uuid::new_v4().simple())
}

pub(super) fn user() -> UserId {
    UserId::new(unique("user")).unwrap()
}

pub(super) fn node(name: &str) -> NodeId {
    NodeId::new(unique(name)).unwrap()
}

pub(super) fn device(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

pub(super) fn route(node: &NodeId, connection: u64) -> crate::Route {
    crate::Route { node: node.clone(), connection: ConnectionId(connection) }
}

pub(super) fn entry(log: Log, seq: u64, body: impl Into<Bytes>) -> Entry {
    Entry { log, seq, body: body.into(), nodes: Vec::new() }
}

pub(super) fn entry_to(nodes: &[&NodeId], log: Log, seq: u64, body: impl Into<Bytes>) -> Entry {
    Entry { nodes: nodes.iter().map(|&node| node.clone()).collect(), ..entry(log, seq, body) }
}

/// Two users and their calls.
pub(super) struct Two {
    pub(super) store: Arc<dyn Store>,
    pub(super) pair: Pair,
    requests: AtomicU64,
    session: SessionId,
}

impl Two {
    pub(super) fn new(store: &Arc<dyn Store>) -> Self {
        Self::between(store, &user(), &user())
    }

    pub(super) fn between(store: &Arc<dyn Store>, a: &UserId, b: &UserId) -> Self {
        Self {
            store: Arc::clone(store),
            pair: Pair::of(a, b),
            requests: AtomicU64::new(1),
            session: SessionId::new(unique("session")).unwrap(),
        }
    }

    /// A call of theirs that does not exist yet.
    pub(super) fn call(&self) -> CallId {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        self.store.partitions().call_id(&self.pair, &self.session, RequestId(request))
    }

    pub(super) fn partition(&self) -> Partition {
        self.store.partitions().of_pair(&self.pair)
    }

    /// A commit that holds the pair and does nothing else than to write the document.
    pub(super) fn change(&self, call: &CallId, expected: Version, document: impl Into<Bytes>) -> Commit {
        let document = document.into();
        Commit {
            call: call.clone(),
            expected,
            version: expected.next(&document),
            document,
            ttl_ms: 60_000,
            deadline: None,
            renews: true,
            pair: self.pair.clone(),
            claim: Claim::Held,
            entries: Vec::new(),
            trims: Vec::new(),
            outgoing: Outgoing::default(),
        }
    }

    /// A commit that makes a call and claims the pair.
    pub(super) fn create(&self, call: &CallId, document: impl Into<Bytes>) -> Commit {
        Commit { claim: Claim::Free, ..self.change(call, Version::NONE, document) }
    }

    /// A call that exists.
    pub(super) async fn placed(&self) -> CallId {
        let call = self.call();
        self.applies(self.create(&call, "placed")).await;
        call
    }

    pub(super) async fn commit(&self, commit: Commit) -> Committed {
        self.store.commit(commit).await.unwrap()
    }

    pub(super) async fn applies(&self, commit: Commit) -> Version {
        let version = commit.version;
        assert_eq!(self.commit(commit).await, Committed::Applied);
        version
    }

    pub(super) async fn conflicts(&self, commit: Commit) -> Option<Stored> {
        match self.commit(commit).await {
            Committed::Conflict(stored) => stored,
            other => panic!("expected a conflict, got {other:?}"),
        }
    }

    pub(super) async fn read(&self, call: &CallId, log: Log) -> Vec<(u64, Bytes)> {
        self.store.read(call, log, 0, u64::MAX).await.unwrap()
    }

    pub(super) async fn due(&self, now: u64) -> Vec<CallId> {
        let due = self.store.due(self.partition(), None, Timestamp(now), usize::MAX).await.unwrap();
        due.into_iter().map(|due| due.call).collect()
    }

    pub(super) async fn is_due(&self, call: &CallId, now: u64) -> bool {
        self.due(now).await.contains(call)
    }
}

/// The version of a document that so many changes led to.
pub(super) fn version(count: u64, document: impl AsRef<[u8]>) -> Version {
    Version { count: count - 1, stamp: 0 }.next(document.as_ref())
}

pub(super) fn stored(count: u64, document: impl Into<Bytes>) -> Stored {
    let document = document.into();
    Stored { version: version(count, &document), document }
}

/// Waits until something is so.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let poll = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, poll).await.is_ok(), "it never came true: {what}");
}

/// The next message. Doubts are skipped: a store may have them at any time.
pub(super) async fn next(subscription: &mut Subscription) -> BusEvent {
    let message = async {
        loop {
            match subscription.recv().await {
                Some(BusEvent::Missed(_) | BusEvent::Interrupted(_) | BusEvent::Regressed(_)) => {}
                Some(event) => return event,
                None => panic!("the subscription ended"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, message).await.expect("no message came")
}

/// The body and document of the next message, which is an entry.
pub(super) async fn next_entry(subscription: &mut Subscription) -> (Bytes, Option<Bytes>) {
    match next(subscription).await {
        BusEvent::Entry { body, document } => (body, document),
        other => panic!("expected an entry, got {other:?}"),
    }
}

/// Fails if anything was sent to the node in this partition: the next message is the one sent here.
pub(super) async fn nothing_came(
    store: &Arc<dyn Store>,
    partition: Partition,
    node: &NodeId,
    subscription: &mut Subscription,
) {
    let mark = Bytes::from(unique("mark"));
    assert!(store.publish(partition, node, mark.clone()).await.unwrap());
    match next(subscription).await {
        BusEvent::Direct(body) => assert_eq!(body, mark),
        other => panic!("expected nothing, got {other:?}"),
    }
}

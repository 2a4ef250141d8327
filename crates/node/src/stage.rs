//! A node for tests: the real one, on the embedded store, and what it takes to have a call on it.

mod client;

use std::sync::Arc;

use bytes::Bytes;
use ringback_auth::Verifier;
use ringback_call::{
    Ack, Action, Admission, Audience, CallId, ConnectionId, DeviceId, Event, Input, Leg, Link, Media, Origin,
    RequestId, SessionId, Side, Terms, UserId,
};
use ringback_store::{
    Calls as _, Partitions, Version,
    memory::MemoryStore,
    record::{self, Envelope},
};
use ringback_telemetry::{Metrics, Telemetry};
use ringback_wire::Init;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Node,
    calls::Known,
    config::tests::config,
    registry::{Handle, Inbox},
};

pub(crate) use crate::measured::weather;
pub(crate) use client::Client;

/// How often another task has its turn while this is done.
pub(crate) async fn turns_of_others<T>(work: impl Future<Output = T>) -> usize {
    let mut turns = 0;
    let others = async {
        loop {
            turns += 1;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = work => {}
        () = others => {}
    }
    turns
}

pub(crate) struct Stage {
    pub(crate) store: MemoryStore,
    pub(crate) node: Arc<Node>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::on(MemoryStore::new(Partitions::new(4).unwrap()), "gw-1")
    }

    /// Another node of the same cluster.
    pub(crate) fn beside(&self, name: &str) -> Self {
        Self::on(self.store.clone(), name)
    }

    fn on(store: MemoryStore, name: &str) -> Self {
        let telemetry = Telemetry { metrics: Arc::new(Metrics::new().unwrap()), tracer: None };
        let (stored, draining) = (Arc::new(store.clone()), CancellationToken::new());
        let node = Node::new(config(name), stored, Verifier::TakesAnyName, draining, telemetry);
        Self { store, node }
    }

    /// A user's only device, connected for the n-th time.
    pub(crate) fn device(&self, user: &str, n: u64) -> (Origin, Inbox) {
        let link = Link { node: self.node.cluster.node().clone(), connection: ConnectionId(n) };
        let (user, device) = (UserId::new(user).unwrap(), DeviceId::new("phone").unwrap());
        let session = SessionId::new(format!("s-{}", user.as_str())).unwrap();
        let (handle, inbox) = Handle::new(device.clone(), link.connection, 8);
        self.node.registry.insert(&user, handle);
        (Origin { user, device, session, link, seen: 0 }, inbox)
    }

    pub(crate) async fn place(&self, from: &Origin, to: &Origin) -> CallId {
        let media = Media { audio: true, video: false };
        let init = Init { to: to.user.clone(), media, metadata: None, traceparent: None };
        let asked = (RequestId(1), Instant::now());
        match self.node.calls.open(from.clone(), asked, init, true).await.unwrap().ack {
            Ack::Placed(call) => call,
            ack => panic!("{ack:?}"),
        }
    }

    pub(crate) async fn apply(&self, call: &CallId, input: Input) {
        self.node.calls.apply(call, input).await.unwrap();
    }

    pub(crate) async fn ask(&self, call: &CallId, from: &Origin, id: u64, action: Action) {
        self.apply(call, Input::Request { from: from.clone(), id: Some(RequestId(id)), action }).await;
    }

    /// Alice has called bob, whose device rings.
    pub(crate) async fn ring(&self, alice: &Origin, bob: &Origin) -> CallId {
        let call = self.place(alice, bob).await;
        let legs = vec![Leg::present(bob.device.clone(), bob.link.clone())];
        self.apply(
            &call,
            Input::Admission(Admission::Allowed { legs, others: Vec::new(), terms: Terms::default() }),
        )
        .await;
        call
    }

    /// Alice has called bob, and bob has answered.
    pub(crate) async fn answered(&self, alice: &Origin, bob: &Origin) -> CallId {
        let call = self.ring(alice, bob).await;
        self.ask(&call, bob, 1, Action::Accept).await;
        call
    }

    /// What another gateway makes of this document: one thing more for the caller.
    pub(crate) fn succeeded(known: &Known, stamp: u32) -> Known {
        let version = Version { count: known.version.count + 1, stamp };
        let mut call = known.call().clone();
        call.mailboxes.caller.last += 1;
        let document = known.document.succeeded_by(known.version, call);
        let bytes = record::encode_call(&document).unwrap();
        Known { version, document, bytes }
    }

    /// What the last change of a document tells the caller.
    pub(crate) fn told(known: &Known) -> Bytes {
        let call = known.call();
        let envelope = Envelope {
            call: call.id.clone(),
            version: known.version,
            side: Side::Caller,
            seq: call.mailboxes.caller.last,
            at: call.created_at,
            user: call.caller.clone(),
            to: Audience::All,
            event: Event::Ringing,
        };
        record::encode("an envelope", &envelope).unwrap()
    }

    pub(crate) async fn stored(&self, call: &CallId) -> Known {
        Known::read(&self.store.load(call).await.unwrap().unwrap()).unwrap()
    }
}

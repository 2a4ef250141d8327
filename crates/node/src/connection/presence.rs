//! What the books say of a connection that is there.

use std::{sync::Arc, time::Duration};

use ringback_call::CallId;
use ringback_session::Identity;
use tokio::time::sleep;

use crate::{
    Node, dropped,
    registry::{Handle, Inbox},
    routes,
};

/// How long a client that was asked to connect elsewhere may take for it before it counts as gone.
const MOVES: Duration = Duration::from_secs(2);

/// A connection's entries in the books. They are taken out again whatever becomes of it, even by a panic.
pub(super) struct Presence {
    node: Arc<Node>,
    pub(super) identity: Arc<Identity>,
    /// The calls that have to be told when it ends.
    pub(super) calls: Vec<CallId>,
    /// The calls whose end its client was told, with its number: by earlier connections of its session to begin with.
    pub(super) told: Vec<(CallId, u64)>,
    /// Whether its client was asked to connect elsewhere, and has left to do so.
    pub(super) moves: bool,
}

impl Presence {
    /// Puts a connection into this node's own book.
    pub(super) fn begin(node: &Arc<Node>, identity: &Identity, told: Vec<(CallId, u64)>) -> (Self, Inbox) {
        let room = node.config.limits.outbox_frames;
        let (handle, inbox) = Handle::new(identity.device.clone(), identity.link.connection, room);
        node.registry.insert(&identity.user, handle);
        let (node, identity) = (Arc::clone(node), Arc::new(identity.clone()));
        (Self { node, identity, calls: Vec::new(), told, moves: false }, inbox)
    }
}

impl Drop for Presence {
    /// In the background: the socket can be closed meanwhile, and ten thousand that drop at once take turns.
    fn drop(&mut self) {
        let Self { node, identity, calls, told, moves } = self;
        let moves = *moves;
        if !moves {
            node.registry.remove(&identity.user, &identity.device, identity.link.connection);
        }
        let (node, identity) = (Arc::clone(node), Arc::clone(identity));
        let (calls, told) = (std::mem::take(calls), std::mem::take(told));
        let us = Arc::clone(&node);
        node.background.spawn(async move {
            // Until it is elsewhere it counts as here: who calls it meanwhile is not told that it is offline. It gets what it was
            // rung for when it is back, as one whose loss nobody has noticed.
            if moves {
                sleep(MOVES).await;
            }
            dropped::tell_calls(&us, &identity, calls).await;
            routes::retire(&us, &identity, &told).await;
        });
    }
}

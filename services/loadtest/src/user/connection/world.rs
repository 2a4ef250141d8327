//! What the connections of all users have in common.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    measure::{Measures, count::Count},
    protocol::token::Tokens,
};

/// What all users share.
#[derive(Debug)]
pub(crate) struct World {
    /// Where to connect.
    pub(crate) targets: Vec<String>,
    /// Their tokens.
    pub(crate) tokens: Tokens,
    /// Where connections' figures go.
    pub(crate) measures: Arc<Measures>,
    /// How many are connected.
    pub(crate) online: watch::Sender<usize>,
    /// Ends all connections.
    pub(crate) stop: CancellationToken,
}

impl World {
    /// One can't connect any more. Who waits for all to be connected has to look again.
    pub(super) fn gone(&self) {
        self.measures.count(Count::Gone);
        self.online.send_modify(|_| {});
    }

    /// So many more are connected, or fewer.
    pub(super) fn online(&self, change: isize) {
        // Noted under the channel's lock: of two who come at once, the later number stays.
        self.online.send_modify(|online| {
            *online = online.saturating_add_signed(change);
            self.measures.online(*online);
        });
    }
}

//! Tells the courier that something was put into an outbox, so that it need not wait for its next round.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use ringback_store::Partition;
use tokio::sync::Notify;

/// Rung by whoever commits. Of one partition it is rung once until somebody has listened.
#[derive(Debug, Default)]
pub(crate) struct Doorbell {
    rung: Mutex<BTreeSet<Partition>>,
    notify: Notify,
}

impl Doorbell {
    pub(crate) fn ring(&self, partition: Partition) {
        if self.rung.lock().unwrap_or_else(PoisonError::into_inner).insert(partition) {
            self.notify.notify_one();
        }
    }

    /// Waits until it rings, and says where.
    pub(super) async fn listen(&self) -> BTreeSet<Partition> {
        loop {
            let rung = std::mem::take(&mut *self.rung.lock().unwrap_or_else(PoisonError::into_inner));
            if !rung.is_empty() {
                return rung;
            }
            self.notify.notified().await;
        }
    }
}

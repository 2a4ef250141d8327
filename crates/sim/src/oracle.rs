//! What has to be so once everything has calmed down.

mod agreement;
mod ends;
mod logs;
mod outcomes;
mod presence;

use crate::{device::View, world::World};

/// Whether calls may be live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Those that are agreed on.
    Settled,
    /// None.
    None,
}

impl World {
    /// Everybody is there and has been for a while: what the clients know, what is stored and what the nodes hold is
    /// the same.
    pub async fn check_all_there(&self, views: &[View], calls: Calls) {
        for view in views {
            if !view.online {
                self.violated("online", format_args!("{} did not get in", view.name));
            }
            if !view.waiting.is_empty() {
                self.violated("reply", format_args!("{} waits for {:?}", view.name, view.waiting));
            }
        }
        self.check_agreement(views, calls).await;
        self.check_presence(views).await;
        self.check_logs().await;
        self.check_outcomes().await;
        for wrong in self.ledger().not_offline() {
            self.violated("no reason", wrong);
        }
        for early in self.ledger().early(&self.depot.history) {
            self.violated("candidate first", early);
        }
        let missing = self.ledger().missing(&self.depot.history);
        if let Some(first) = missing.first() {
            self.violated("lost", format_args!("{first} ({} in all)", missing.len()));
        }
    }

    /// Everybody has gone, long ago.
    pub async fn check_all_gone(&self) {
        self.check_agreement(&[], Calls::None).await;
        self.check_presence(&[]).await;
        self.check_outcomes().await;
    }
}

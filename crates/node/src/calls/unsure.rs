//! Commits of unknown fate.

use std::{sync::Arc, time::Duration};

use ringback_call::{Call, FollowUp};
use ringback_store::{Commit, Committed, StoreError};
use tokio::time::Instant;

use super::{Calls, Known, memory::Memory};

/// For how long a commit of unknown fate is remembered.
const UNSURE: Duration = Duration::from_secs(10);

/// A commit whose answer did not come.
pub(super) struct Unsure {
    pub(super) commit: Commit,
    pub(super) known: Known,
    /// What it changed.
    pub(super) before: Option<Call>,
    /// What is to be done once it is sure.
    pub(super) follow_up: Option<FollowUp>,
    pub(super) since: Instant,
}

impl Unsure {
    /// Whether it is still worth being made sure of.
    pub(super) fn is_remembered(&self) -> bool {
        self.since.elapsed() <= UNSURE
    }
}

impl Calls {
    /// Commits again what may have been committed. Who asked for it was told to ask again, and will be found to have.
    pub(super) async fn make_sure(self: &Arc<Self>, memory: &mut Memory) -> Result<(), StoreError> {
        let Some(unsure) = memory.unsure.take() else { return Ok(()) };
        let version = unsure.known.version;
        let heard = memory.known.as_ref();
        // It was, somebody has heard of it since.
        if heard.is_some_and(|heard| heard.descends_from(version)) {
            self.is_sure(memory, unsure);
            return Ok(());
        }
        // It was not, and something else was. Should the store have lost that since, it would take this now; but devices
        // have been told of the other, which is to be put back first.
        let else_was =
            |heard: &Known| heard.version.count >= version.count && !heard.may_descend_from(version);
        if heard.is_some_and(else_was) || !unsure.is_remembered() {
            return Ok(());
        }
        match self.store.commit(unsure.commit.clone()).await {
            Ok(Committed::Applied) => self.is_sure(memory, unsure),
            Ok(Committed::Conflict(Some(stored))) if stored.version == unsure.known.version => {
                self.is_sure(memory, unsure);
            }
            // What it was made from is lost too: both are put back.
            Ok(Committed::Conflict(Some(stored))) if unsure.known.descends_from(stored.version) => {
                memory.done(unsure.commit.entries, unsure.known);
            }
            // It was not, and something else was.
            Ok(Committed::Conflict(_) | Committed::PairTaken { .. }) => {}
            Err(error) => {
                memory.unsure = Some(unsure);
                return Err(error);
            }
        }
        Ok(())
    }

    fn is_sure(self: &Arc<Self>, memory: &mut Memory, unsure: Unsure) {
        let Unsure { commit, known, before, follow_up, .. } = unsure;
        self.metrics.call_changed(before.as_ref(), known.call());
        self.posted(before.as_ref(), known.call());
        self.afterwards(before.as_ref(), known.call(), follow_up);
        memory.done(commit.entries, known);
    }
}

//! What is kept of a call, for those who ask afterwards.

use ringback_call::{Call, CallId, UserId};
use ringback_store::{
    Log, StoreError,
    record::{self, NoteRecord},
};

use super::Calls;

/// A call and its log.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// As it is, or was at its end.
    pub call: Call,
    /// What happened, in order.
    pub notes: Vec<NoteRecord>,
}

impl Calls {
    /// What is kept of a call; `None` where there is no such call, or not any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn timeline(&self, id: &CallId) -> Result<Option<Timeline>, StoreError> {
        if self.store.partitions().of_call(id).is_none() {
            return Ok(None);
        }
        let Some(known) = self.load(id).await? else { return Ok(None) };
        let call = known.document.call;
        let kept = match call.notes {
            0 => Vec::new(),
            last => self.store.read(id, Log::Notes, 1, last).await?,
        };
        // A newer gateway may write what this one does not know.
        let notes = kept.iter().filter_map(|(_, body)| record::decode("a note", body).ok());
        Ok(Some(Timeline { notes: notes.collect(), call }))
    }

    /// A user's live calls, and those that have ended of late.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn calls_of(&self, user: &UserId) -> Result<Vec<CallId>, StoreError> {
        let record = self.store.lookup(user).await?;
        let live = record.calls.into_iter().map(|listed| listed.call);
        let mut all: Vec<CallId> = live.chain(record.ended).collect();
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}

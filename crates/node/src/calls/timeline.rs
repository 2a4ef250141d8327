//! What is kept of calls, for those who ask.

use std::sync::Arc;

use futures::future::join_all;
use ringback_call::{Call, CallId, StateName, UserId};
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
    /// What happened, in order, each with its number.
    pub notes: Vec<(u64, NoteRecord)>,
}

impl Calls {
    /// What is kept of a call; `None` where there is no such call, or not any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn timeline(self: &Arc<Self>, id: &CallId) -> Result<Option<Timeline>, StoreError> {
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
        let notes = kept.iter().filter_map(|(seq, body)| Some((*seq, record::decode("a note", body).ok()?)));
        Ok(Some(Timeline { notes: notes.collect(), call }))
    }

    /// The live calls whose caller's device is here, or was last: each call is at one gateway.
    pub async fn live(&self) -> Vec<Call> {
        let slots = self.cache.live();
        // All at once: while the store is away, many are busy for long.
        let glances = join_all(slots.iter().map(|(_, slot)| slot.glance())).await;
        let known = glances.into_iter().flatten().map(|known| known.document.call);
        known.filter(|call| !call.has_ended() && call.caller_leg.link.node == *self.cluster.node()).collect()
    }

    /// How many they are, by their states.
    pub(crate) async fn live_by_state(&self) -> Vec<(StateName, usize)> {
        let mut counts = [StateName::Idle, StateName::Ringing, StateName::Connecting, StateName::Connected]
            .map(|state| (state, 0));
        for call in self.live().await {
            if let Some((_, count)) = counts.iter_mut().find(|(state, _)| *state == call.state_name()) {
                *count += 1;
            }
        }
        counts.to_vec()
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

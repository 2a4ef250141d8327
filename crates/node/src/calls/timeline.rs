//! What is kept of calls, for those who ask.

use std::{cmp::Reverse, future::ready, pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use ringback_call::{Call, CallId, StateName, UserId};
use ringback_store::{
    Log, StoreError,
    record::{self, NoteRecord},
};
use ringback_telemetry::Unreadable;
use tokio::{task::consume_budget, time::Instant};

use super::{Calls, Known, cache::Slot};
use crate::unreadable::readable;

/// How long is waited for the slots of calls by who only wants to look at them, and for how many at once.
const GLANCE: Duration = Duration::from_millis(50);
const AT_ONCE: usize = 64;

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
        let read = |body| readable(&self.metrics, Unreadable::Note, record::decode("a note", body));
        let notes = kept.iter().filter_map(|(seq, body)| Some((*seq, read(body)?)));
        Ok(Some(Timeline { notes: notes.collect(), call }))
    }

    /// The newest live calls of this gateway: each call is at one. At most `limit`.
    pub async fn live(&self, limit: usize) -> Vec<Call> {
        let slots = self.cache.live_places().map(|(_, slot)| (Arc::clone(&slot), slot));
        let found = self.glance(slots, |call| call.created_at);
        let mut newest: Vec<_> = found.collect().await;
        newest.sort_unstable_by_key(|(_, created_at)| Reverse(*created_at));
        newest.truncate(limit);
        // Only what is listed is copied.
        let newest = newest.into_iter().map(|(slot, _)| ((), slot));
        let mut calls: Vec<_> = self.glance(newest, Call::clone).map(|((), call)| call).collect().await;
        calls.sort_unstable_by(|a, b| (b.created_at, &a.id).cmp(&(a.created_at, &b.id)));
        calls
    }

    /// How many they are, by their states.
    pub(crate) async fn live_by_state(&self) -> Vec<(StateName, usize)> {
        let mut counts = [StateName::Idle, StateName::Ringing, StateName::Connecting, StateName::Connected]
            .map(|state| (state, 0));
        let slots = self.cache.live_places().map(|(_, slot)| ((), slot));
        let mut states = pin!(self.glance(slots, Call::state_name));
        while let Some(((), state)) = states.next().await {
            if let Some((_, count)) = counts.iter_mut().find(|(name, _)| *name == state) {
                *count += 1;
            }
        }
        counts.to_vec()
    }

    /// Looks at those of these calls that live and are ours. All together wait no longer than one would: while the store
    /// is away, many are busy for long, and are left out.
    fn glance<K, T>(
        &self,
        slots: impl Iterator<Item = (K, Arc<Slot>)>,
        look: impl Fn(&Call) -> T + Copy,
    ) -> impl Stream<Item = (K, T)> {
        let by = Instant::now() + GLANCE;
        let ours = move |known: &Known| {
            let call = known.call();
            (!call.has_ended() && self.is_ours(call)).then(|| look(call))
        };
        let glances = slots.map(move |(key, slot)| async move {
            // A gateway may know a hundred thousand: who has work to do has its turn between them.
            consume_budget().await;
            let seen = slot.glance(by, ours).await.flatten()?;
            Some((key, seen))
        });
        stream::iter(glances).buffer_unordered(AT_ONCE).filter_map(ready)
    }

    /// A user's live calls, and those that have ended of late.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn calls_of(&self, user: &UserId) -> Result<Vec<CallId>, StoreError> {
        let record = self.store.lookup(user).await?;
        let live = record.calls.into_iter().map(|listed| listed.call);
        let mut all: Vec<CallId> = live.chain(self.store.last_ended(user).await?).collect();
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use ringback_call::Timestamp;
    use ringback_store::{Calls as _, Claim, Commit, Committed, Entry, Outgoing, Pair};

    use super::*;
    use crate::stage::{Stage, turns_of_others};

    #[tokio::test(start_paused = true)]
    async fn the_newest_calls_are_listed_and_busy_ones_hold_up_nobody() {
        let stage = Stage::new();
        let mut placed = Vec::new();
        for n in 0..200 {
            let (from, _inbox) = stage.device(&format!("u{n}"), 1);
            let (to, _inbox) = stage.device(&format!("v{n}"), 1);
            stage.node.clock.follow(Timestamp(1_000 + n));
            placed.push(stage.answered(&from, &to).await);
        }
        let calls = &stage.node.calls;
        let ids = |calls: Vec<ringback_call::Call>| calls.into_iter().map(|call| call.id).collect::<Vec<_>>();
        let newest: Vec<_> = placed.iter().rev().take(3).cloned().collect();
        assert_eq!(ids(calls.live(3).await), newest);

        let slots: Vec<_> = placed.iter().skip(20).filter_map(|call| calls.cache.find(call)).collect();
        let mut busy = Vec::new();
        for slot in &slots {
            busy.push(slot.lock().await.unwrap());
        }
        let began = tokio::time::Instant::now();
        assert_eq!(calls.live_by_state().await.iter().map(|(_, count)| count).sum::<usize>(), 20);
        assert!(began.elapsed() <= GLANCE * 2, "{:?}", began.elapsed());
        assert_eq!(ids(calls.live(2).await), [placed[19].clone(), placed[18].clone()]);
    }

    #[tokio::test(start_paused = true)]
    async fn others_have_their_turn_while_many_calls_are_counted() {
        let calls = Stage::new().node.calls.clone();
        for n in 0..2_000 {
            let id = CallId::new(format!("p0-{n}")).unwrap();
            calls.cache.slot(&id);
        }
        let turns = turns_of_others(calls.live_by_state()).await;
        assert!(turns >= 8, "{turns}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_can_not_be_read_is_left_out_and_counted() {
        let stage = Stage::new();
        let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
        let id = stage.answered(&alice, &bob).await;
        let known = stage.stored(&id).await;
        let mut call = known.call().clone();
        call.notes += 1;
        let seq = call.notes;
        let document = known.document.succeeded_by(known.version, call);
        let bytes = record::encode_call(&document).unwrap();
        let body = bytes::Bytes::from_static(b"?");
        let commit = Commit {
            call: id.clone(),
            expected: known.version,
            version: known.version.next(&bytes),
            document: bytes,
            ttl_ms: 60_000,
            deadline: None,
            renews: true,
            pair: Pair::of(&document.call.caller, &document.call.callee),
            claim: Claim::Held,
            entries: vec![Entry { log: Log::Notes, seq, body, nodes: Vec::new() }],
            trims: Vec::new(),
            outgoing: Outgoing::default(),
        };
        assert_eq!(stage.store.commit(commit).await.unwrap(), Committed::Applied);
        let timeline = stage.node.calls.timeline(&id).await.unwrap().unwrap();
        assert_eq!(timeline.notes.len() as u64, seq - 1);
        assert_eq!(stage.node.metrics.unreadable.get((Unreadable::Note,)), 1);
    }
}

//! The documents this gateway saw last, and the newest entries of their mailboxes. Only a guess as to what is stored:
//! each commit is checked against the store. But should the store lose what it had, this is what is put back.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use ringback_call::{Call, CallId};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, timeout_at},
};

use super::{
    Known,
    memory::{Heard, Memory, News},
    recent::MAX_ENTRIES,
    unsure::Unsure,
};

/// Calls remembered at most. One takes about a kilobyte, some ten while it is set up.
const MAX_CALLS: u64 = 100_000;
/// Calls remembered at most that have ended.
const MAX_ENDED: u64 = 20_000;
/// For how long a call is remembered that has ended, or that no device here takes part in: the store may lose what
/// this gateway knows of it.
pub(super) const KEPT: Duration = Duration::from_secs(120);

/// One call's slot. Its lock makes commands of one gateway take turns, so that they do not conflict in the store.
#[derive(Default)]
pub(super) struct Slot {
    memory: Mutex<Memory>,
    /// What was heard while the slot was taken: it counts though the command that had it failed. A primary may die
    /// after it has told others of a commit whose reply it still owes.
    waiting: std::sync::Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    heard: Vec<Heard>,
    /// Whether the cache has let go of this slot: what is learned here would be lost. Set by who has the slot, or when what
    /// it knows is worth nothing any more.
    let_go: bool,
}

impl Slot {
    /// Waits for its turn. `None` where the cache has let go of this slot meanwhile: the call has another, or none.
    pub(super) async fn lock(&self) -> Option<MutexGuard<'_, Memory>> {
        let mut memory = self.memory.lock().await;
        if self.waiting().let_go {
            return None;
        }
        self.take_heard(&mut memory);
        Some(memory)
    }

    /// The slot, if it is free and has been left for so long: nobody here takes part in the call, as far as is known, and
    /// nothing was learned of it. One with a commit to be made sure of is not left.
    pub(super) fn lock_if_left(
        &self,
        for_long: Duration,
        attended: impl FnOnce(&Call) -> bool,
    ) -> Option<MutexGuard<'_, Memory>> {
        let mut memory = self.memory.try_lock().ok()?;
        self.take_heard(&mut memory);
        let is_unsure = memory.unsure.as_ref().is_some_and(Unsure::is_remembered);
        if is_unsure || memory.known.as_ref().is_some_and(|known| attended(known.call())) {
            memory.left = None;
            return None;
        }
        let is_left = memory.left.get_or_insert_with(Instant::now).elapsed() >= for_long;
        is_left.then_some(memory)
    }

    fn take_heard(&self, memory: &mut Memory) {
        let waiting = std::mem::take(&mut self.waiting().heard);
        for heard in waiting {
            if let Err(other) = memory.hear(heard) {
                memory.contradiction = Some(*other);
            }
        }
    }

    /// Looks at what is known of the call, if that can be had by then.
    pub(super) async fn glance<T>(&self, by: Instant, look: impl FnOnce(&Known) -> T) -> Option<T> {
        let memory = match self.memory.try_lock() {
            Ok(memory) => memory,
            Err(_) => timeout_at(by, self.memory.lock()).await.ok()?,
        };
        memory.known.as_ref().map(look)
    }

    /// Takes note of what is heard; `false` where it contradicts what is known. The error is what was not, because the cache
    /// has let go of this slot.
    pub(super) fn hear(&self, heard: Heard) -> Result<bool, Box<Heard>> {
        let memory = self.memory.try_lock();
        let mut waiting = self.waiting();
        if waiting.let_go {
            return Err(Box::new(heard));
        }
        match memory {
            Ok(mut memory) => {
                drop(waiting);
                Ok(memory.hear(heard).is_ok())
            }
            Err(_) => {
                if waiting.heard.len() < MAX_ENTRIES {
                    waiting.heard.push(heard);
                }
                Ok(true)
            }
        }
    }

    /// Has the cache forget this slot, unless something was heard while it was taken.
    pub(super) fn let_go(&self, _memory: &MutexGuard<'_, Memory>, forget: impl FnOnce()) {
        let mut waiting = self.waiting();
        if waiting.heard.is_empty() {
            waiting.let_go = true;
            forget();
        }
    }

    /// The same, whoever has it, and whatever was heard.
    fn abandon(&self, forget: impl FnOnce()) {
        let mut waiting = self.waiting();
        *waiting = Waiting { heard: Vec::new(), let_go: true };
        forget();
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Slots = moka::sync::Cache<CallId, Arc<Slot>>;

pub(super) struct Cache {
    live: Slots,
    /// Calls that have ended of late: should the store lose their end, it is put back too.
    ended: Slots,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            live: Slots::builder().max_capacity(MAX_CALLS).build(),
            ended: Slots::builder().max_capacity(MAX_ENDED).time_to_live(KEPT).build(),
        }
    }
}

impl Cache {
    /// A call's slot, made if there is none.
    pub(super) fn slot(&self, call: &CallId) -> Arc<Slot> {
        // It may have been retired since it was looked for.
        let make = || self.ended.get(call).unwrap_or_default();
        self.find(call).unwrap_or_else(|| self.live.get_with_by_ref(call, make))
    }

    /// A call's slot if there is one.
    pub(super) fn find(&self, call: &CallId) -> Option<Arc<Slot>> {
        // In the order in which it moves.
        self.live.get(call).or_else(|| self.ended.get(call))
    }

    /// Takes note in a call's slot of what is heard of it; `false` where it contradicts what is known.
    pub(super) fn hear(&self, call: &CallId, slot: &Slot, heard: Heard) -> bool {
        let ended = heard.known.as_ref().is_some_and(News::has_ended);
        let agrees = slot.hear(heard).or_else(|heard| self.slot(call).hear(*heard)).unwrap_or(true);
        if agrees && ended {
            self.retire(call);
        }
        agrees
    }

    /// Gives a call's slot back. One that knows nothing is forgotten, unless something was heard while it was taken.
    pub(super) fn release(&self, call: &CallId, slot: &Arc<Slot>, mut memory: MutexGuard<'_, Memory>) {
        if memory.known.is_none() {
            if memory.unsure.is_none() {
                slot.let_go(&memory, || self.remove(call, slot));
            }
            slot.take_heard(&mut memory);
        }
        let has_ended = memory.known.as_ref().is_some_and(|known| known.call().has_ended());
        drop(memory);
        if has_ended {
            self.retire(call);
        }
    }

    /// Forgets what is known of a call. A command that has its slot goes on, and who waits for that takes another.
    pub(super) fn forget(&self, call: &CallId) {
        if let Some(slot) = self.find(call) {
            slot.abandon(|| self.remove(call, &slot));
        }
    }

    /// Takes out a call's slot, if it still is the call's.
    fn remove(&self, call: &CallId, slot: &Arc<Slot>) {
        for slots in [&self.live, &self.ended] {
            if slots.get(call).is_some_and(|now| Arc::ptr_eq(&now, slot)) {
                slots.invalidate(call);
            }
        }
    }

    /// A call has ended, as its slot knows. Who looks for that meanwhile finds it in the one or the other.
    fn retire(&self, call: &CallId) {
        if let Some(slot) = self.live.get(call) {
            self.ended.insert(call.clone(), slot);
            self.live.invalidate(call);
        }
    }

    /// Every call that is not known to have ended, in the order of their names.
    pub(super) fn live(&self) -> Vec<(CallId, Arc<Slot>)> {
        let mut live: Vec<_> = self.live.iter().map(|(call, slot)| ((*call).clone(), slot)).collect();
        live.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        live
    }

    /// The same calls, in no order.
    pub(super) fn live_places(&self) -> impl Iterator<Item = (Arc<CallId>, Arc<Slot>)> {
        self.live.iter()
    }

    /// Forgets a call's slot if it has been left for so long. Nobody learns anything there meanwhile, nor after: who waits
    /// for it takes another.
    pub(super) fn let_go_if_left(
        &self,
        call: &CallId,
        slot: &Arc<Slot>,
        for_long: Duration,
        attended: impl FnOnce(&Call) -> bool,
    ) {
        let Some(memory) = slot.lock_if_left(for_long, attended) else { return };
        if memory.known.as_ref().is_some_and(|known| known.call().has_ended()) {
            drop(memory);
            self.retire(call);
        } else {
            slot.let_go(&memory, || self.remove(call, slot));
        }
    }

    /// Every call that is known.
    pub(super) fn all(&self) -> Vec<CallId> {
        self.live.iter().chain(self.ended.iter()).map(|(call, _)| (*call).clone()).collect()
    }
}

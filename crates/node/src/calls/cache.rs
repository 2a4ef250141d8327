//! The documents this gateway saw last. Only a guess: each commit is checked against the store.

use std::{sync::Arc, time::Duration};

use ringback_call::{Call, CallId};
use ringback_store::Version;
use tokio::sync::Mutex;

/// Calls remembered at most. One takes about a kilobyte.
const MAX_CALLS: u64 = 100_000;
/// A call nobody asked about for so long is forgotten. Ended ones are at once.
const IDLE: Duration = Duration::from_secs(1_800);

/// A document as it was seen.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which one.
    pub version: Version,
    /// What it says.
    pub call: Call,
}

/// One call's place. Its lock makes commands of one gateway take turns, so that they do not conflict in the store.
pub(super) type Slot = Mutex<Place>;

#[derive(Default)]
pub(super) struct Place {
    pub(super) known: Option<Known>,
}

pub(super) struct Cache(moka::sync::Cache<CallId, Arc<Slot>>);

impl Default for Cache {
    fn default() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(MAX_CALLS).time_to_idle(IDLE).build())
    }
}

impl Cache {
    pub(super) fn slot(&self, call: &CallId) -> Arc<Slot> {
        self.0.get_with_by_ref(call, Arc::default)
    }

    pub(super) fn forget(&self, call: &CallId) {
        self.0.invalidate(call);
    }

    /// What `of` finds in the documents that nobody is busy with.
    pub(super) fn select<T>(&self, of: impl Fn(&Call) -> Option<T>) -> Vec<T> {
        let known = |slot: &Slot| slot.try_lock().ok().and_then(|place| of(&place.known.as_ref()?.call));
        self.0.iter().filter_map(|(_, slot)| known(&slot)).collect()
    }
}

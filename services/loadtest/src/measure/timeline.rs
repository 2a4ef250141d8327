//! How a run went, from slot to slot of time.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::packed::Packed;

/// More slots than this, and two become one: a soak of a day is no larger than a run of half an hour.
const MOST_SLOTS: usize = 1_800;

/// Slots by their number; each as wide as [`Self::width`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Timeline {
    /// Seconds in a slot: a power of two.
    pub(crate) width: u64,
    /// Who is connected now.
    #[serde(skip)]
    online: u64,
    slots: BTreeMap<u64, Slot>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { width: 1, online: 0, slots: BTreeMap::new() }
    }
}

/// What happened in one slot.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Slot {
    /// Calls begun.
    pub(crate) started: u64,
    /// Calls that were over, as they should.
    pub(crate) done: u64,
    /// Calls that failed.
    pub(crate) failed: u64,
    /// Who was connected at its end.
    pub(crate) online: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setups: Option<Packed>,
}

impl Slot {
    /// A set-up time.
    pub(crate) fn setup(&mut self, took: Duration) {
        // Two digits do for a plot.
        self.setups.get_or_insert_with(|| Packed::new(2)).record(took);
    }

    /// That percentile of the set-up times, in milliseconds.
    pub(crate) fn setup_ms(&self, percentile: f64) -> Option<f64> {
        self.setups.as_ref().map(|setups| setups.0.value_at_percentile(percentile) as f64 / 1e3)
    }

    fn add(&mut self, other: &Self) {
        self.started += other.started;
        self.done += other.done;
        self.failed += other.failed;
        if let Some(theirs) = &other.setups {
            // Both are resized as needed, so adding can't fail.
            let _ = self.setups.get_or_insert_with(|| Packed::new(2)).0.add(&theirs.0);
        }
    }
}

impl Timeline {
    /// The slot of that second.
    pub(crate) fn at(&mut self, second: u64) -> &mut Slot {
        while self.slots.len() >= MOST_SLOTS && !self.slots.contains_key(&(second / self.width)) {
            self.widen();
        }
        let online = self.online;
        self.slots.entry(second / self.width).or_insert_with(|| Slot { online, ..Slot::default() })
    }

    /// Forgets what was before.
    pub(crate) fn begin(&mut self) {
        *self = Self { online: self.online, ..Self::default() };
        self.online(0, self.online);
    }

    /// So many are connected from that second on.
    pub(crate) fn online(&mut self, second: u64, online: u64) {
        self.online = online;
        self.at(second).online = online;
    }

    /// The slots with the second each begins with.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (u64, &Slot)> {
        self.slots.iter().map(|(number, slot)| (number * self.width, slot))
    }

    fn widen(&mut self) {
        self.width *= 2;
        for (number, slot) in std::mem::take(&mut self.slots) {
            let into = self.slots.entry(number / 2).or_default();
            into.add(&slot);
            into.online = slot.online;
        }
    }

    /// Adds another worker's.
    pub(crate) fn merge(&mut self, mut other: Self) {
        while self.width < other.width {
            self.widen();
        }
        while other.width < self.width {
            other.widen();
        }
        for (number, slot) in &other.slots {
            let into = self.slots.entry(*number).or_default();
            into.add(slot);
            into.online += slot.online;
        }
    }
}

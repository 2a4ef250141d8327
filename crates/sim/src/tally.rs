//! How much of everything there was.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::fault::Fault;

/// Figures of one simulation, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Virtual milliseconds.
    pub virtual_ms: u64,
    /// Calls that were placed.
    pub calls: u64,
    /// Calls that came to media on both sides.
    pub connected: u64,
    /// Requests that were acknowledged.
    pub acks: u64,
    /// Events that reached a client.
    pub events: u64,
    /// Frames in both directions.
    pub frames: u64,
    /// Calls on the store.
    pub store: u64,
    /// Faults, by kind.
    pub faults: BTreeMap<Fault, u64>,
}

impl Figures {
    /// Adds another simulation's.
    pub fn add(&mut self, other: &Self) {
        let Self { virtual_ms, calls, connected, acks, events, frames, store, faults } = other;
        self.virtual_ms += virtual_ms;
        self.calls += calls;
        self.connected += connected;
        self.acks += acks;
        self.events += events;
        self.frames += frames;
        self.store += store;
        for (fault, count) in faults {
            *self.faults.entry(*fault).or_default() += count;
        }
    }
}

/// Figures while they are counted.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Figures>);

impl Tally {
    /// Counts something.
    pub fn count(&self, what: impl FnOnce(&mut Figures)) {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A fault was injected.
    pub fn fault(&self, fault: Fault) {
        self.count(|figures| *figures.faults.entry(fault).or_default() += 1);
    }

    /// What was counted.
    pub fn figures(&self) -> Figures {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

//! The store, behind everything that can go wrong between it and a node.
//!
//! What is stored is kept by the real [`MemoryStore`]. Each node has a [`Line`] to it, on which calls take time, fail
//! before or after they are applied, and messages are late or lost, within what the traits promise.

mod bus;
mod ground;
mod line;
mod loss;
mod node_store;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use ringback_call::NodeId;
use ringback_store::{Partition, Partitions, memory::MemoryStore};

use crate::{
    clock::StoreClock, dice::Dice, fault::Faults, history::History, mutant::Mutant, tally::Tally,
    trace::Trace,
};
use ground::Ground;
pub use line::Line;
pub use loss::{Failover, Kept};
pub use node_store::NodeStore;

/// One store for all nodes.
pub struct Depot {
    /// What is stored.
    pub memory: MemoryStore,
    /// Its clock.
    pub clock: StoreClock,
    /// What was committed, for the oracles.
    pub history: History,
    pub(crate) trace: Arc<Trace>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) mutant: Option<Mutant>,
    ground: Mutex<Ground>,
    lines: Mutex<Vec<Weak<Line>>>,
    /// Every node there ever was.
    ever: Mutex<BTreeSet<NodeId>>,
}

/// What a depot is made of.
pub struct Founding {
    /// How many partitions it has.
    pub partitions: Partitions,
    /// What can go wrong.
    pub faults: Faults,
    /// Its dice.
    pub dice: Dice,
    /// What is wrong on purpose.
    pub mutant: Option<Mutant>,
}

impl Depot {
    /// An empty one.
    pub fn new(founding: Founding, trace: &Arc<Trace>, tally: &Arc<Tally>) -> Arc<Self> {
        let Founding { partitions, faults, dice, mutant } = founding;
        let clock = StoreClock::new();
        let memory = MemoryStore::with_clock(partitions, clock.clone());
        Arc::new(Self {
            memory,
            clock,
            history: History::new(partitions),
            trace: Arc::clone(trace),
            tally: Arc::clone(tally),
            mutant,
            ground: Mutex::new(Ground::new(&faults, dice)),
            lines: Mutex::default(),
            ever: Mutex::default(),
        })
    }

    fn ground(&self) -> MutexGuard<'_, Ground> {
        self.ground.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Throws this depot's dice.
    pub(crate) fn throw<T>(&self, what: impl FnOnce(&mut Dice) -> T) -> T {
        what(&mut self.ground().dice)
    }

    /// Nothing goes wrong by itself any more.
    pub fn calm(&self) {
        self.ground().calm();
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| line.strong_count() > 0);
        lines.iter().filter_map(Weak::upgrade).filter(|line| !line.is_dead()).collect()
    }

    /// All partitions.
    pub fn partitions(&self) -> Vec<Partition> {
        use ringback_store::Store as _;
        self.memory.partitions().all().collect()
    }

    /// These partitions are away, for everybody; or are back.
    pub fn set_away(&self, partitions: &[Partition], away: bool) {
        self.trace.note("store", format_args!("{partitions:?} {}", if away { "away" } else { "back" }));
        self.ground().set_away(partitions, away);
        for line in self.lines() {
            if away { line.deafen(partitions) } else { line.hear_again(partitions) }
        }
    }
}

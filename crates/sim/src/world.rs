//! What all parts of one simulation share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::{fault::Faults, fleet::Fleet, ledger::Ledger, store::Depot, tally::Tally, trace::Trace};

/// One simulation.
pub struct World {
    /// What happens.
    pub trace: Arc<Trace>,
    /// How much of it.
    pub tally: Arc<Tally>,
    /// The store.
    pub depot: Arc<Depot>,
    /// The nodes.
    pub fleet: Arc<Fleet>,
    /// The users.
    pub users: Vec<String>,
    /// What can go wrong.
    pub faults: Faults,
    /// For how long a call waits for a device that is woken, in milliseconds.
    pub waking_ms: u64,
    /// What was found to be wrong.
    pub failed: CancellationToken,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) violations: Mutex<Vec<String>>,
}

impl World {
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is as it never should be.
    pub fn violated(&self, rule: &str, what: impl std::fmt::Display) {
        let text = format!("{rule}: {what}");
        self.trace.note("VIOLATED", &text);
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        self.failed.cancel();
    }

    /// Puts something into the ledger, and fails if the ledger finds something wrong with it.
    pub(crate) fn book(&self, entry: impl FnOnce(&mut Ledger) -> Result<(), String>) {
        let wrong = entry(&mut self.ledger());
        if let Err(wrong) = wrong {
            let (rule, what) = wrong.split_once(": ").unwrap_or(("ledger", &wrong));
            self.violated(rule, what);
        }
    }

    /// What was found, in order.
    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Virtual milliseconds since the beginning.
    pub fn now(&self) -> u64 {
        self.trace.now_ms()
    }
}

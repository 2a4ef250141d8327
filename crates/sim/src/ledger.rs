//! What clients sent and what clients got, and whether the two fit together.
//!
//! Everything here comes from the clients' ends of the connections. The history of the store is asked for two excuses
//! only: what it has lost, and which candidates waited for a description that never came.

mod mail;
mod outcome;
mod presence;

use std::collections::{BTreeMap, BTreeSet};

use mail::{Flow, Got};
pub use mail::{Kind, Payload, Settled};
use outcome::Outcomes;
pub use outcome::Over;
use presence::{Offline, Presence};

/// All books.
#[derive(Debug, Default)]
pub struct Ledger {
    calls: BTreeMap<String, Record>,
    /// By the mark that a `call:init` carries: its call.
    inits: BTreeMap<String, String>,
    devices: BTreeMap<String, Presence>,
    offline: Vec<Offline>,
    /// Candidates that came to a device before their description.
    early: Vec<(String, String, Payload)>,
}

/// One call's book.
#[derive(Debug, Default)]
struct Record {
    /// When it was first heard of.
    began: u64,
    /// The caller's device, and the callee's that answered.
    caller: Option<String>,
    outcomes: Outcomes,
    /// What each page sent.
    flows: BTreeMap<String, Flow>,
    /// Devices that heard of it when it was over: of what was said in it they hear nothing.
    late: BTreeSet<String>,
    /// The devices that were told anything of it.
    knew: BTreeSet<String>,
    /// What each device got.
    got: BTreeMap<String, Got>,
}

impl Ledger {
    fn record(&mut self, call: &str) -> &mut Record {
        self.calls.entry(call.to_owned()).or_default()
    }

    /// A `call:init` with this mark made, or met, this call.
    pub fn placed(&mut self, mark: &str, call: &str, caller: Option<&str>, at: u64) -> Result<(), String> {
        if !self.calls.contains_key(call) {
            self.record(call).began = at;
        }
        if let Some(caller) = caller {
            self.record(call).caller = Some(caller.to_owned());
        }
        let known = self.inits.entry(mark.to_owned()).or_insert_with(|| call.to_owned());
        if known == call {
            return Ok(());
        }
        Err(format!("applied twice: call:init {mark} made {known} and {call}"))
    }

    /// The calls that anybody has heard of.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.calls.keys().map(String::as_str)
    }
}

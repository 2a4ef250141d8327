//! Whole clusters with their clients on virtual time, from one seed.
//!
//! What is real: the nodes (`ringback_node::Node` and `serve`), the rules, the sessions, the frames, the memory store.
//! What is simulated: the network ([`net`]), the way to the store and its failures ([`store`]), the clients
//! ([`device`]), time and chance. [`run`] plays one seed; [`oracle`] and [`ledger`] say what was wrong with it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "never shipped: a panic here is a failing seed"
)]

pub mod chaos;
pub mod clock;
pub mod device;
pub mod dice;
pub mod fault;
pub mod fleet;
pub mod frames;
pub mod history;
pub mod ledger;
pub mod mutant;
pub mod net;
pub mod oracle;
pub mod plan;
mod policy;
pub mod run;
pub mod store;
pub mod tally;
pub mod trace;
pub mod world;

pub use fault::{Fault, Menu};
pub use mutant::Mutant;
pub use plan::Options;
pub use run::{Outcome, run};

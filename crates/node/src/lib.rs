//! One gateway, without its sockets: whatever carries frames ([`Transport`]) on one side, a store on the other, and no
//! rule of a call in between.
//!
//! What is where: [`connection`] drives one client, [`registry`] knows all of them, [`calls`] applies commands,
//! [`resume`] finds out what a client has missed, [`delivery`] brings what the store publishes to the clients,
//! [`outbox`] brings what the application's servers are told to them, [`recovery`] makes good what was lost on the way, [`sweeper`] wakes calls whose deadline has passed, [`cluster`]
//! knows the other gateways, [`node`] puts it all together.

mod addresses;
pub mod admission;
pub mod background;
pub mod calls;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod connection;
pub mod delivery;
pub mod dropped;
pub mod ice;
pub mod machine;
mod measured;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod node;
pub mod outbox;
pub mod policy;
pub mod rate;
pub mod recovery;
pub mod registry;
pub mod resume;
mod routes;
mod seldom;
#[cfg(test)]
mod stage;
pub mod strain;
pub mod sweeper;
pub mod tokens;
mod unreadable;

pub use config::Config;
pub use connection::{Incoming, Transport, serve};
pub use node::Node;

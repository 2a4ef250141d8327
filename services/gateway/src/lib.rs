//! The gateway: WebSockets on one side, the store on the other, and nothing of a call in between.
//!
//! What is where: [`connection`] drives one socket, [`registry`] knows all of them, [`calls`] applies commands,
//! [`delivery`] brings what the store publishes to the sockets, [`sweeper`] wakes calls whose deadline has passed,
//! [`cluster`] knows the other gateways, [`http`] has the two ports, [`app`] puts it all together.

pub mod app;
pub mod attendance;
pub mod calls;
pub mod clock;
pub mod cluster;
pub mod connection;
pub mod delivery;
pub mod http;
pub mod logging;
pub mod registry;
pub mod resume;
pub mod settings;
pub mod sweeper;

//! The harness of Ringback's end-to-end stories: it starts real `redis-server` and `ringback-gateway` processes and
//! talks to them as any client would. It is written against the protocol page alone and depends on none of the
//! project's crates, so that a mistake made there can't be repeated here.
//!
//! From the ground up: [`process`] and [`redis`], [`cluster`], [`gateway`] run the parts; [`client`] is one connection
//! that checks the protocol's invariants on all it receives; [`flow`] holds the steps most calls share; [`world`] is a
//! set of running parts, and [`stage`] one story's place in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that can't go on has failed, and a panic with a message is how a test says so"
)]

pub mod attacker;
pub mod certificates;
pub mod chaos;
pub mod client;
pub mod cluster;
pub mod codec;
pub mod collector;
pub mod coturn;
pub mod dice;
pub mod expect;
pub mod flow;
pub mod gateway;
pub mod haproxy;
pub mod http;
pub mod inbox;
pub mod keys;
pub mod patience;
pub mod ports;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod receiver;
pub mod redis;
pub mod resp;
pub mod rollout;
pub mod scrape;
pub mod sentinel;
pub mod server;
pub mod shape;
pub mod stage;
pub mod token;
pub mod tunnel;
pub mod users;
pub mod world;

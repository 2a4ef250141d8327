//! One connection's life, without its socket, clock or store.
//!
//! A [`Greeting`] takes the first frame and is *consumed* by it: what comes out is a [`Hello`](ringback_wire::Hello),
//! and once that is authenticated, a [`Session`]. A second `hello` needs no flag: a session has no use for one.
//! Everything returned here is for the gateway's driver to perform.

mod departure;
mod greeting;
mod session;

pub use departure::Departure;
pub use greeting::{Greeting, NotGreeted};
pub use session::{Identity, Session, Step, Turn};

//! Chaos: many pairs of virtual callers over real gateways, while something is broken on purpose, and an oracle that
//! compares what each client sent and got.
//!
//! [`line`] is a connection that comes back ([`queue`] keeps its requests in order), [`phone`] and [`dialog`] what a
//! device does in a call, [`pair`] makes two users call each other again and again. They write down every frame
//! ([`diary`]), [`digest`] sorts that into each device's [`account`] of each call, and the [`oracle`] judges it, knowing
//! nothing but the protocol page. [`stand`] runs the parts, [`fault`] breaks them, [`scenario`] says which, and [`run`]
//! puts it all together.

pub mod account;
pub mod bell;
pub mod dialog;
pub mod diary;
pub mod digest;
pub mod fault;
mod greeting;
pub mod line;
pub mod oracle;
pub mod pair;
pub mod phone;
pub mod plan;
pub mod queue;
pub mod recovery;
pub mod report;
pub mod run;
pub mod scenario;
pub mod stand;
pub mod tag;

//! Clusters of nodes on a Redis, whose users call each other in turns: what comparisons are made of.

pub(crate) mod cost;
mod counters;
mod parts;
pub(crate) mod running;
pub(crate) mod side;
mod store;
pub(crate) mod table;

pub(crate) use self::{cost::Cost, side::Side, store::Kind};

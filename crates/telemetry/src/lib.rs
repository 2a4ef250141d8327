//! What a gateway tells its operators.
//!
//! Every metric is declared once, in [`Metrics`]: its name, what it counts, its labels and all values they may have. The
//! page `docs/metrics.md` is made from that list, and so is what `/metrics` shows before anything has happened.

mod calls;
mod instrument;
mod label;
mod metrics;
mod requests;

pub use instrument::{Counter, Gauge, Histogram, Timer};
pub use label::{
    CommitOutcome, Finish, Gap, Glare, Greeting, Label, Labels, NoRoom, Request, StoreFailure, StoreOperation,
};
pub use metrics::{Declared, Metrics};
/// What [`Metrics::encode`] writes.
pub use prometheus::TEXT_FORMAT as CONTENT_TYPE;

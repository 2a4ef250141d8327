//! What a gateway tells its operators: metrics, and a trace of each call.
//!
//! Every metric is declared once, in [`Metrics`]: its name, what it counts, its labels and all values they may have. The
//! page `docs/metrics.md` is made from that list, and so is what `/metrics` shows before anything has happened.

mod calls;
mod instrument;
mod label;
mod latencies;
mod metrics;
mod requests;
mod trace_context;
mod traces;

use std::sync::Arc;

pub use instrument::{Counter, Gauge, Histogram, Timer};
pub use label::{
    Attempt, CommitOutcome, Fetched, Finish, Gap, Glare, Greeting, Handshake, Judged, Label, Labels, Loading,
    NoRoom, Request, StoreFailure, StoreOperation, TlsPort, TokenFault, Undelivered, Unreadable, Unwelcome,
};
pub use latencies::Latencies;
pub use metrics::{Declared, Metrics};
/// What [`Metrics::encode`] writes.
pub use prometheus::TEXT_FORMAT as CONTENT_TYPE;
pub use trace_context::TraceContext;
pub use traces::{OtlpProtocol, TraceError, TraceSettings, Tracer, is_set_up_over};

/// All that a gateway tells by.
#[derive(Clone)]
pub struct Telemetry {
    /// What is counted and measured.
    pub metrics: Arc<Metrics>,
    /// Where traces go, if anywhere.
    pub tracer: Option<Arc<Tracer>>,
}

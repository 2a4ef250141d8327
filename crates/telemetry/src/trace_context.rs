//! Where the trace of a call is. It is known from the call alone, long before the trace is made: so logs can name it, and
//! what the application is asked or told about the call can be part of it.

use std::{cell::Cell, fmt};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use ringback_call::{Call, TraceParent};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The trace and the span `call` in it. The client's own trace, if it names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
}

impl TraceContext {
    /// Of a call.
    pub fn of(call: &Call) -> Self {
        let id = call.id.as_str().as_bytes();
        let theirs = call.traceparent.as_ref().and_then(|of| TraceId::from_hex(of.trace_id()).ok());
        Self {
            trace: theirs.unwrap_or_else(|| TraceId::from(xxh3_128(id).max(1))),
            span: SpanId::from(xxh3_64(id).max(1)),
        }
    }

    /// As a W3C `traceparent` whose parent is the span `call`.
    pub fn traceparent(&self, is_sampled: bool) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, u8::from(is_sampled))
    }
}

/// The trace's id, in hexadecimal.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trace)
    }
}

/// The span of its client that a call belongs to.
pub(crate) fn parent_of(traceparent: &TraceParent) -> Option<SpanId> {
    SpanId::from_hex(traceparent.parent_id()).ok()
}

thread_local! {
    static PRESENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

/// Names spans by chance, but for the one that is begun [as](Self::named) a certain one.
#[derive(Debug, Default)]
pub(crate) struct Names(RandomIdGenerator);

impl Names {
    /// The span that is begun in there has this name; its trace too, unless it has a parent.
    pub(crate) fn named<T>(context: TraceContext, begin: impl FnOnce() -> T) -> T {
        PRESENT.set(Some(context));
        let span = begin();
        PRESENT.set(None);
        span
    }
}

impl IdGenerator for Names {
    fn new_trace_id(&self) -> TraceId {
        PRESENT.get().map_or_else(|| self.0.new_trace_id(), |context| context.trace)
    }

    fn new_span_id(&self) -> SpanId {
        PRESENT.get().map_or_else(|| self.0.new_span_id(), |context| context.span)
    }
}

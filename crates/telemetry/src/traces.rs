//! One trace for each call, sent when its set-up is over.
//!
//! It is made from the call's document and its steps, which are stored with every change. So it is whole whichever gateways
//! took part, and whether or not they live still; and whether it is worth keeping is decided when everything is known: calls
//! that failed, calls that were slow, and calls whose client keeps its own trace always are, of the others a share.

use std::time::{Duration, SystemTime};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceState, Tracer as _,
        TracerProvider as _,
    },
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use ringback_call::{Call, Millis, Note, Phase, StateName, Step, Timestamp, TraceParent, What, verdict};
use ringback_store::record::NoteRecord;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Latencies, TraceContext,
    trace_context::{Names, parent_of},
};

/// Where traces go, and which.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector: `http://host:4317` for gRPC, `http://host:4318` for HTTP.
    pub endpoint: String,
    /// How it is spoken to.
    pub protocol: OtlpProtocol,
    /// Of a hundred calls that went well, so many are traced.
    pub percent: u64,
    /// A set-up that takes longer, a person's ring time aside, is traced in any case.
    pub slow_ms: Millis,
}

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP, as Protocol Buffers.
    Http,
}

/// Why traces can't be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces can't be sent there")]
pub struct TraceError(#[from] opentelemetry_otlp::ExporterBuildError);

/// Sends traces. A collector that is slow or away costs no call: spans wait in a bounded queue, and what finds it full is
/// dropped.
#[derive(Debug)]
pub struct Tracer {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    percent: u64,
    slow_ms: Millis,
}

impl Tracer {
    /// Sends to this collector, as this gateway.
    ///
    /// # Errors
    /// When its address makes no sense.
    pub fn new(settings: &TraceSettings, node: &str) -> Result<Self, TraceError> {
        let exporter = match settings.protocol {
            OtlpProtocol::Grpc => {
                SpanExporter::builder().with_tonic().with_endpoint(&settings.endpoint).build()?
            }
            OtlpProtocol::Http => {
                let traces = format!("{}/v1/traces", settings.endpoint.trim_end_matches('/'));
                SpanExporter::builder().with_http().with_endpoint(traces).build()?
            }
        };
        let resource = Resource::builder()
            .with_service_name("ringback-gateway")
            .with_attribute(KeyValue::new("service.instance.id", node.to_owned()))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_id_generator(Names::default())
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("ringback");
        Ok(Self { provider, tracer, percent: settings.percent, slow_ms: settings.slow_ms })
    }

    /// Whether a call whose set-up is over is to be traced.
    pub fn wants(&self, call: &Call) -> bool {
        self.wants_from_the_start(call) || has_failed(call) || service_ms(call) > self.slow_ms
    }

    /// The same, of what is known from `call:init` on.
    fn wants_from_the_start(&self, call: &Call) -> bool {
        let asked = call.traceparent.as_ref().is_some_and(TraceParent::is_sampled);
        asked || xxh3_64(call.id.as_str().as_bytes()) % 100 < self.percent
    }

    /// The W3C `traceparent` for what the application is asked or told about a call: it is a child of the span `call`. Its
    /// flags say what is certain by then: a call that fails is traced all the same.
    pub fn traceparent(&self, call: &Call) -> String {
        TraceContext::of(call).traceparent(self.wants_from_the_start(call))
    }

    /// Sends the trace of a call whose set-up is over.
    pub fn trace(&self, call: &Call, notes: &[(u64, NoteRecord)]) {
        let Some(end) = set_up_until(call) else { return };
        let said = verdict(call, notes.iter().map(|(_, record)| &record.note));
        let latencies = Latencies::of(notes);
        let failure = has_failed(call).then(|| Status::error(said.into_iter().next().unwrap_or_default()));
        let root = self
            .tracer
            .span_builder("call")
            .with_kind(SpanKind::Server)
            .with_start_time(moment(call.created_at))
            .with_attributes(attributes(call, notes, end));
        let begin = || root.start_with_context(&self.tracer, &beyond(call));
        let mut root = Names::named(TraceContext::of(call), begin);
        let within = Context::new().with_remote_span_context(root.span_context().clone());
        let phases: Vec<(Phase, Timestamp, Timestamp)> = call.phases().collect();
        let mut steps = steps(notes, call.created_at, end).peekable();
        for (place, (phase, from, to)) in phases.iter().enumerate() {
            let mut span = self
                .tracer
                .span_builder(phase.as_str())
                .with_kind(SpanKind::Internal)
                .with_start_time(moment(*from))
                .start_with_context(&self.tracer, &within);
            let next = phases.get(place + 1).map(|(_, from, _)| *from);
            while let Some(taken) = steps.next_if(|taken| next.is_none_or(|next| taken.at < next)) {
                let said = of_step(taken.step, taken.seq, taken.record, &latencies);
                span.add_event_with_timestamp(taken.step.what.name(), moment(taken.at), said);
            }
            if let (Some(failure), true) = (&failure, place + 1 == phases.len()) {
                span.set_status(failure.clone());
            }
            span.end_with_timestamp(moment(*to));
        }
        if let Some(failure) = failure {
            root.set_status(failure);
        }
        root.end_with_timestamp(moment(end));
    }

    /// Sends what waits, and ends. Blocks, for `limit` at most.
    pub fn shutdown(&self, limit: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(limit) {
            tracing::debug!(%error, "traces were left behind");
        }
    }
}

/// One step of a set-up, and when it was taken.
struct Taken<'a> {
    at: Timestamp,
    seq: u64,
    step: &'a Step,
    record: &'a NoteRecord,
}

/// The steps of a set-up, in the order in which they were taken. Each was dated by the gateway that took it, and clocks differ
/// by a few milliseconds: none is dated before the one it followed, nor beyond
/// the set-up itself.
fn steps(notes: &[(u64, NoteRecord)], start: Timestamp, end: Timestamp) -> impl Iterator<Item = Taken<'_>> {
    let taken = notes.iter().filter_map(|(seq, record)| match &record.note {
        Note::Step(step) => Some((*seq, step, record)),
        Note::Report { .. } => None,
    });
    let mut latest = start;
    let mut is_over = false;
    taken
        .take_while(move |(_, step, _)| {
            !std::mem::replace(&mut is_over, matches!(step.state, StateName::Connected | StateName::Ended))
        })
        .map(move |(seq, step, record)| {
            latest = latest.max(record.at).min(end);
            Taken { at: latest, seq, step, record }
        })
}

/// The client's own trace, if it names one.
fn beyond(call: &Call) -> Context {
    let context = call.traceparent.as_ref().and_then(parent_of).map(|parent| {
        let TraceContext { trace, .. } = TraceContext::of(call);
        SpanContext::new(trace, parent, TraceFlags::SAMPLED, true, TraceState::default())
    });
    context.map_or_else(Context::new, |context| Context::new().with_remote_span_context(context))
}

/// Whether a call's set-up is over, and was not before.
pub fn is_set_up_over(before: Option<&Call>, now: &Call) -> bool {
    set_up_until(now).is_some() && before.and_then(set_up_until).is_none()
}

/// When the set-up was over: both had media, or the call ended.
fn set_up_until(call: &Call) -> Option<Timestamp> {
    let ended_at = call.outcome().map(|outcome| outcome.at);
    call.milestones.connected_at.or(ended_at)
}

fn has_failed(call: &Call) -> bool {
    call.outcome().is_some_and(|outcome| outcome.reason.is_failure())
}

/// How long the set-up took, the person's ring time aside.
fn service_ms(call: &Call) -> Millis {
    let ours = call.phases().filter(|(phase, ..)| *phase != Phase::Ring);
    ours.map(|(_, from, to)| to.since(from)).sum()
}

/// Never a name in clear: the short forms of the logs.
fn attributes(call: &Call, notes: &[(u64, NoteRecord)], end: Timestamp) -> Vec<KeyValue> {
    let mut said = vec![
        KeyValue::new("ringback.call", format!("{:?}", call.id)),
        KeyValue::new("ringback.call.phase", call.phase().as_str()),
        KeyValue::new("ringback.call.video", call.media.video),
        KeyValue::new("ringback.caller.node", call.caller_leg.link.node.as_str().to_owned()),
    ];
    let millis = |ms: Millis| i64::try_from(ms).unwrap_or(i64::MAX);
    said.push(KeyValue::new("ringback.call.service_ms", millis(service_ms(call))));
    match call.outcome() {
        Some(outcome) if call.milestones.connected_at.is_none() => {
            said.push(KeyValue::new("ringback.call.outcome", "ended"));
            said.push(KeyValue::new("ringback.call.reason", outcome.reason.as_str()));
        }
        _ => {
            said.push(KeyValue::new("ringback.call.outcome", "connected"));
            said.push(KeyValue::new("ringback.call.setup_ms", millis(end.since(call.created_at))));
        }
    }
    let accepted = notes
        .iter()
        .find(|(_, record)| matches!(&record.note, Note::Step(step) if step.what == What::Accept));
    said.extend(
        accepted.map(|(_, record)| KeyValue::new("ringback.callee.node", record.node.as_str().to_owned())),
    );
    said
}

/// Times are in milliseconds. What is told to several devices was delivered when the last of them had it.
fn of_step(step: &Step, seq: u64, record: &NoteRecord, latencies: &Latencies) -> Vec<KeyValue> {
    let mut said = vec![KeyValue::new("ringback.node", record.node.as_str().to_owned())];
    said.extend(step.by.as_ref().map(|(side, _)| KeyValue::new("ringback.side", side.as_str())));
    let told = i64::try_from(step.told.len()).unwrap_or(i64::MAX);
    said.push(KeyValue::new("ringback.told", told));
    let millis = |us: u64| us as f64 / 1_000.0;
    said.extend(record.queued_us.map(|us| KeyValue::new("ringback.queued_ms", millis(us))));
    said.extend(latencies.stored_us(seq).map(|us| KeyValue::new("ringback.stored_ms", millis(us))));
    let delivered = step.told.iter().flat_map(|told| latencies.delivered(told.side, told.seq));
    let last = delivered.map(|(_, ms)| *ms).max().and_then(|ms| i64::try_from(ms).ok());
    said.extend(last.map(|ms| KeyValue::new("ringback.delivered_ms", ms)));
    said
}

fn moment(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(at.0)
}

#[cfg(test)]
mod tests {
    use ringback_call::NodeId;

    use super::*;

    fn note(seq: u64, at: u64, what: What, state: StateName) -> (u64, NoteRecord) {
        let step = Step { what, by: None, seen: 0, state, told: Vec::new() };
        let (at, node) = (Timestamp(at), NodeId::new("gw-1").unwrap());
        (seq, NoteRecord { at, node, note: Note::Step(step), queued_us: None, measured: Vec::new() })
    }

    #[test]
    fn steps_keep_their_order_whatever_clocks_they_were_dated_by() {
        let notes = [
            note(1, 10, What::Init, StateName::Idle),
            note(2, 23, What::Offer, StateName::Connecting),
            note(3, 22, What::Answer, StateName::Connecting),
            note(4, 26, What::Media, StateName::Connecting),
            note(5, 25, What::Media, StateName::Connected),
            note(6, 25, What::Seen, StateName::Connected),
        ];
        let of = |taken: Taken<'_>| (taken.seq, taken.at.0);
        let taken: Vec<(u64, u64)> = steps(&notes, Timestamp(10), Timestamp(25)).map(of).collect();
        assert_eq!(
            taken,
            [(1, 10), (2, 23), (3, 23), (4, 25), (5, 25)],
            "what is after the set-up is none of it"
        );
    }
}

//! The list of all metrics.

use prometheus::{Encoder as _, Registry, TextEncoder, process_collector::ProcessCollector};
use ringback_call::{EndReason, OutcomeEvent, Phase, StateName};
use ringback_session::Departure;
use ringback_wire::ErrorCode;

use crate::{
    Attempt, CommitOutcome, Counter, Fetched, Finish, Gap, Gauge, Glare, Greeting, Handshake, Histogram,
    Judged, Loading, NoRoom, Request, StoreFailure, StoreOperation, TlsPort, TokenFault, Undelivered,
    Unreadable, Unwelcome, instrument::Instrument, label::Labels,
};

/// For what people and networks take part in, in seconds.
const LONG: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0];
/// For what happens within a cluster, in seconds.
const SHORT: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// For conversations, in seconds.
const TALKS: &[f64] = &[1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0];
/// For what may wait until somebody is there again, in seconds.
const WAITS: &[f64] = &[0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];
const NONE: &[f64] = &[];

/// A metric, as it is declared.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// Every combination of their values.
    pub values: Vec<Vec<&'static str>>,
    /// What it counts.
    pub help: String,
}

macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ident<$labels:ty> = $name:literal, $buckets:expr;)+) => {
        /// Everything a gateway counts and measures.
        pub struct Metrics {
            registry: Registry,
            $($(#[doc = $help])+ pub $field: $kind<$labels>,)+
        }

        impl Metrics {
            /// Nothing has happened yet.
            ///
            /// # Errors
            /// When two metrics have the same name, or one has a name that Prometheus does not take.
            pub fn new() -> prometheus::Result<Self> {
                Self::make(true)
            }

            /// Nothing is counted or measured; what is so many now is told all the same.
            ///
            /// # Errors
            /// As [`new`](Self::new).
            pub fn gauges() -> prometheus::Result<Self> {
                Self::make(false)
            }

            fn make(counts: bool) -> prometheus::Result<Self> {
                let registry = Registry::new();
                $(let idle = if counts { None } else { $kind::<$labels>::idle() };
                let $field = match idle {
                    Some(idle) => idle,
                    None => $kind::<$labels>::register($name, &help(&[$($help),+]), $buckets, &registry)?,
                };)+
                registry.register(Box::new(ProcessCollector::for_self()))?;
                Ok(Self { registry, $($field,)+ })
            }

            /// What there is, in the order of the list.
            pub fn declared() -> Vec<Declared> {
                vec![$(Declared {
                    name: $name,
                    kind: <$kind<$labels> as Instrument>::KIND,
                    labels: <$labels as Labels>::NAMES,
                    values: <$labels as Labels>::all(),
                    help: help(&[$($help),+]),
                },)+]
            }
        }
    };
}

fn help(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

metrics! {
    /// Calls that were placed (`call:init`); two that cross are one. RFC 6076: session establishment attempts.
    call_attempts: Counter<()> = "ringback_call_attempts_total", NONE;
    /// Calls that ended, by the protocol's reason and by how far they had come.
    call_ended: Counter<(EndReason, Phase)> = "ringback_call_ended_total", NONE;
    /// From `call:init` to media on both sides, the person's ring time included.
    call_setup: Histogram<()> = "ringback_call_setup_seconds", LONG;
    /// The same without the ring time: what the service and the networks took. This is what an objective should be about.
    call_setup_service: Histogram<()> = "ringback_call_setup_service_seconds", LONG;
    /// Each phase of a set-up by itself: `policy` from `call:init` to ringing, `ring` to the accept, `negotiate` to the answer,
    /// `ice` to media on both sides.
    call_phase: Histogram<(Phase, Finish)> = "ringback_call_phase_seconds", LONG;
    /// From `call:init` to the first alert, or to the accept or the end where there was none. RFC 6076: session request delay.
    call_request_delay: Histogram<()> = "ringback_call_session_request_delay_seconds", LONG;
    /// From media on both sides to the end. RFC 6076: session duration time.
    call_duration: Histogram<()> = "ringback_call_duration_seconds", TALKS;
    /// Live calls whose caller's device is connected to this gateway or, while that is away, whose callee's is: the sum over
    /// gateways counts each call once.
    calls: Gauge<(StateName,)> = "ringback_calls", NONE;
    /// Calls, or offers, that crossed.
    glare: Counter<(Glare,)> = "ringback_glare_total", NONE;
    /// What the policy said of calls that were to be placed. What is neither `allowed` nor `denied` is decided by `policy.on_failure`.
    policy_answers: Counter<(Judged,)> = "ringback_policy_answers_total", NONE;
    /// What the policy took to answer, the wait for a turn included.
    policy: Histogram<()> = "ringback_policy_seconds", SHORT;
    /// Candidates held back until their description had been forwarded.
    candidates_held: Counter<()> = "ringback_candidates_held_total", NONE;
    /// Calls put back as they were, which the store had lost.
    calls_put_back: Counter<()> = "ringback_calls_put_back_total", NONE;

    /// What clients asked for.
    requests: Counter<(Request,)> = "ringback_requests_total", NONE;
    /// Requests that were sent again and had been applied before.
    requests_repeated: Counter<()> = "ringback_requests_repeated_total", NONE;
    /// Errors that clients were answered.
    errors: Counter<(ErrorCode,)> = "ringback_errors_total", NONE;
    /// Changes of calls, by what became of them. `conflict`: two gateways at once, decided anew.
    commits: Counter<(CommitOutcome,)> = "ringback_commits_total", NONE;
    /// Looks for passed deadlines, one for each partition.
    sweeps: Counter<()> = "ringback_sweeps_total", NONE;
    /// Calls looked at because their deadline had passed.
    deadlines: Counter<()> = "ringback_deadlines_total", NONE;

    /// Events sent to clients.
    deliveries: Counter<()> = "ringback_deliveries_total", NONE;
    /// From an event's commit (by the store's clock, in milliseconds) to its way out to the client. Those that waited for a
    /// client to come back are not in it.
    delivery: Histogram<()> = "ringback_delivery_seconds", SHORT;
    /// Events read from mailboxes, for clients that came back or had missed them.
    replayed: Counter<()> = "ringback_replayed_events_total", NONE;
    /// Times that mailboxes or calls were read up because something was, or may have been, missed.
    gaps: Counter<(Gap,)> = "ringback_gaps_total", NONE;
    /// From an entry's commit (by the store's clock, in milliseconds) to its arrival at a gateway: the lag of pub/sub.
    bus_delay: Histogram<()> = "ringback_bus_delay_seconds", SHORT;

    /// Connections there are.
    connections: Gauge<()> = "ringback_connections", NONE;
    /// What became of each `hello`.
    hellos: Counter<(Greeting,)> = "ringback_hellos_total", NONE;
    /// From `hello` to its reply.
    hello: Histogram<()> = "ringback_hello_seconds", SHORT;
    /// Tokens that were refused, with hello or as a renewal.
    tokens_refused: Counter<(TokenFault,)> = "ringback_tokens_refused_total", NONE;
    /// Attempts to fetch the keys of tokens (`auth.jwks_urls`).
    jwks_fetches: Counter<(Fetched,)> = "ringback_jwks_fetches_total", NONE;
    /// The age of the oldest keys that were fetched, in seconds; 0 where none are.
    jwks_age: Gauge<()> = "ringback_jwks_age_seconds", NONE;
    /// When the certificate of a port is over, in seconds since 1970; 0 where it speaks no TLS.
    tls_expires: Gauge<(TlsPort,)> = "ringback_tls_certificate_expires_timestamp_seconds", NONE;
    /// Certificates that were changed while the gateway ran.
    tls_loads: Counter<(TlsPort, Loading)> = "ringback_tls_certificate_loads_total", NONE;
    /// TLS handshakes.
    tls_handshakes: Counter<(TlsPort, Handshake)> = "ringback_tls_handshakes_total", NONE;
    /// Connections that ended, and why.
    disconnects: Counter<(Departure,)> = "ringback_disconnects_total", NONE;
    /// Connections that were turned away before they were WebSockets.
    turned_away: Counter<(NoRoom,)> = "ringback_connections_refused_total", NONE;
    /// What connections were not let do. Of `bytes` each time that a connection was not read for a while.
    unwelcome: Counter<(Unwelcome,)> = "ringback_held_back_total", NONE;
    /// Clients that were asked to connect anew (`goaway`).
    goaways: Counter<()> = "ringback_goaways_total", NONE;
    /// 1 while the gateway drains.
    draining: Gauge<()> = "ringback_draining", NONE;
    /// 1 while `/readyz` says so.
    ready: Gauge<()> = "ringback_ready", NONE;
    /// Gateways that live, as this one knows.
    nodes: Gauge<()> = "ringback_nodes", NONE;

    /// How late a task was that wanted to be woken, when that was last looked at (ten times a second).
    lag: Gauge<()> = "ringback_lag_seconds", NONE;
    /// 1 while newcomers are turned away because tasks are too late.
    overloaded: Gauge<()> = "ringback_overloaded", NONE;

    /// Work that nobody waits for (goodbyes, repairs), begun and not done yet.
    background: Gauge<()> = "ringback_background_work", NONE;
    /// Such work that was left undone because there was too much of it.
    background_refused: Counter<()> = "ringback_background_refused_total", NONE;
    /// Tasks of the runtime that are not done: those of connections, those that last as long as the gateway, and what is
    /// under way. Idle, it is so many for each connection; where it rises by itself, tasks are left behind.
    tasks: Gauge<()> = "ringback_tasks", NONE;

    /// Events written for the application's servers. Those that were put back are written anew.
    outcome_events: Counter<(OutcomeEvent,)> = "ringback_outcome_events_total", NONE;
    /// Attempts to deliver an event to the webhook's receiver.
    webhook_attempts: Counter<(Attempt,)> = "ringback_webhook_attempts_total", NONE;
    /// What the receiver took to answer.
    webhook_answer: Histogram<()> = "ringback_webhook_seconds", LONG;
    /// From an event's commit (by the store's clock) to its delivery.
    webhook_delay: Histogram<()> = "ringback_webhook_delay_seconds", WAITS;
    /// Events that were not delivered, and will not be by themselves; of those that `expired` only what had been read by then.
    webhook_undelivered: Counter<(Undelivered,)> = "ringback_webhook_undelivered_total", NONE;
    /// Events that this gateway has read and not delivered yet; each partition's share is bounded.
    webhook_pending: Gauge<()> = "ringback_webhook_pending", NONE;
    /// The age of the oldest of them; 0 if there is none.
    webhook_oldest: Gauge<()> = "ringback_webhook_oldest_seconds", NONE;
    /// 1 where this gateway has a receiver to deliver events to.
    webhook_receiver: Gauge<()> = "ringback_webhook_receiver", NONE;
    /// Events that are not delivered in the outboxes of the partitions that this gateway looks after, whether it has read them,
    /// or has a receiver, or not. Counted every ten seconds.
    outbox_waiting: Gauge<()> = "ringback_outbox_waiting", NONE;

    /// What the store took to answer.
    store: Histogram<(StoreOperation,)> = "ringback_store_seconds", SHORT;
    /// What the store did not do.
    store_errors: Counter<(StoreOperation, StoreFailure)> = "ringback_store_errors_total", NONE;
    /// Records that could not be read, and were left out: a newer gateway has written them, or something is broken.
    unreadable: Counter<(Unreadable,)> = "ringback_unreadable_records_total", NONE;
    /// Seconds since the store answered a heartbeat of this gateway; -1 if it never has.
    store_heard: Gauge<()> = "ringback_store_heard_seconds", NONE;
}

impl Metrics {
    /// All of it in Prometheus' text format.
    ///
    /// # Errors
    /// When it can't be written, which no known metric leads to.
    pub fn encode(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;

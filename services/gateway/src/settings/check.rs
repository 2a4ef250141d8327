//! Whether the values make sense, alone and together.

mod auth;
mod hooks;
mod manners;
mod store;
mod tls;

use std::{net::SocketAddr, time::Duration};

use ringback_auth::TurnSecret;
use ringback_call::{BusyPolicy, NodeId};
use ringback_node::{
    Config,
    config::{AddressLimits, Attempts, ConnectionTimes, Keep, Limits},
    ice::{IceServers, TurnServers},
    machine::Machine,
};
use ringback_store::{LogBounds, Pace, Partitions};
use ringback_store_redis::{Credentials, Durability};
use ringback_telemetry::{OtlpProtocol, TraceSettings};
use ringback_wire::Limits as WireLimits;

pub(super) use tls::certificates;

use super::{
    Log, LogFormat, Settings, Store, rules,
    source::{Problems, Raw},
};

pub(super) fn check(raw: Raw, mut problems: Problems) -> Result<Settings, Problems> {
    let listen = address("server.listen", &raw.server.listen, &mut problems);
    let admin_listen = address("admin.listen", &raw.admin.listen, &mut problems);
    let tls = tls::files("server", &raw.server.tls_cert, &raw.server.tls_key, &mut problems);
    let admin_tls = tls::files("admin", &raw.admin.tls_cert, &raw.admin.tls_key, &mut problems);
    let name = node_id(&raw.node.id, &mut problems);
    let partitions =
        u16::try_from(raw.store.partitions).ok().filter(|n| *n <= 1_024).and_then(Partitions::new);
    if partitions.is_none() {
        problems.add("store.partitions", "must be from 1 to 1024");
    }
    store::address(&raw.store, &mut problems);
    let durability = durability(&raw, &mut problems);
    let auth = auth::auth(&raw, listen, &mut problems);
    let manners = manners::manners(&raw, &mut problems);
    let ice = ice(&raw, &mut problems);
    let traces = traces(&raw, &mut problems);
    let events = hooks::events(&raw, &mut problems);
    let webhooks = hooks::webhooks(&raw, &mut problems);
    let policy = hooks::policy(&raw, &mut problems);
    let busy = match raw.calls.busy.as_str() {
        "busy" => BusyPolicy::Busy,
        "waiting" => BusyPolicy::Waiting,
        _ => {
            problems.add("calls.busy", "must be \"busy\" or \"waiting\"");
            BusyPolicy::Busy
        }
    };
    let format = match raw.log.format.as_str() {
        "pretty" => LogFormat::Pretty,
        "json" => LogFormat::Json,
        _ => {
            problems.add("log.format", "must be \"pretty\" or \"json\"");
            LogFormat::Pretty
        }
    };
    if let Err(error) = raw.log.filter.parse::<tracing_subscriber::EnvFilter>() {
        problems.add("log.filter", error);
    }
    bounds(&raw, &mut problems);
    match (listen, admin_listen, name, partitions, auth) {
        (Some(listen), Some(admin_listen), Some(name), Some(partitions), Some(auth))
            if problems.0.is_empty() =>
        {
            let rules = rules(&raw.calls, &raw.limits, &raw.timeouts, busy);
            let node = Config {
                name,
                heartbeat: Duration::from_millis(raw.node.heartbeat_ms),
                ttl_ms: raw.node.ttl_ms,
                connection: ConnectionTimes {
                    hello: Duration::from_millis(raw.timeouts.hello_ms),
                    heartbeat: Duration::from_millis(raw.timeouts.heartbeat_ms),
                    write: Duration::from_millis(raw.timeouts.write_ms),
                    resume_ms: raw.timeouts.resume_ms,
                    trim: Duration::from_millis(raw.timeouts.trim_ms),
                },
                rules,
                frames: WireLimits {
                    frame_bytes: raw.limits.frame_bytes,
                    sdp_bytes: raw.limits.sdp_bytes,
                    metadata_bytes: raw.limits.metadata_bytes,
                    candidate_bytes: raw.limits.candidate_bytes,
                    report_bytes: raw.limits.report_bytes,
                    ..WireLimits::default()
                },
                limits: Limits {
                    connections: raw.limits.connections,
                    greetings: raw.limits.greetings,
                    requests_per_second: raw.limits.requests_per_second,
                    request_burst: raw.limits.request_burst,
                    devices_per_user: raw.limits.devices_per_user,
                    outbox_frames: raw.limits.outbox_frames,
                    lag: Duration::from_millis(raw.limits.lag_ms),
                    user_requests_per_second: raw.limits.user_requests_per_second,
                    attempts: Attempts {
                        made: pace(raw.limits.calls_made_per_minute, raw.limits.calls_made_burst),
                        received: pace(raw.limits.calls_received_per_minute, raw.limits.calls_received_burst),
                    },
                    per_address: AddressLimits {
                        connections: raw.limits.connections_per_address,
                        upgrades_per_second: raw.limits.upgrades_per_address,
                        upgrade_burst: raw.limits.upgrade_burst_per_address,
                        failures_per_minute: raw.limits.failures_per_address,
                    },
                },
                keep: Keep {
                    live_ms: raw.calls.live_ttl_ms,
                    ended_ms: raw.calls.ended_ttl_ms,
                    log: LogBounds { entries: raw.calls.log_entries, age_ms: raw.calls.log_ttl_ms },
                },
                events,
                sweep: Duration::from_millis(raw.calls.sweep_ms),
                ice,
                drain: Duration::from_millis(raw.drain.window_ms),
                machine: Machine::default(),
            };
            let store = Store {
                url: raw.store.url,
                credentials: Credentials::new(raw.store.username, raw.store.password),
                sentinel_credentials: Credentials::new(
                    raw.store.sentinel_username,
                    raw.store.sentinel_password,
                ),
                partitions,
                durability,
                connections: raw.store.connections_per_primary,
            };
            Ok(Settings {
                listen,
                tls,
                admin_listen,
                admin_tls,
                manners,
                node,
                store,
                auth,
                log: Log { filter: raw.log.filter, format },
                metrics: raw.telemetry.metrics,
                traces,
                webhooks,
                policy,
            })
        }
        _ => Err(problems),
    }
}

pub(super) fn address(key: &str, text: &str, problems: &mut Problems) -> Option<SocketAddr> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        problems
            .add(key, format_args!("{text:?} is no address and port, such as 127.0.0.1:8080 or [::]:8080"));
    }
    parsed
}

/// So many a minute; 0: no limit.
fn pace(per_minute: u32, burst: u32) -> Option<Pace> {
    let every_ms = 60_000_u64.checked_div(per_minute.into())?.max(1);
    Some(Pace { every_ms, burst: burst.max(1) })
}

/// Longest name: each run of a gateway adds a mark of its own.
const NAME: usize = 48;

fn node_id(text: &str, problems: &mut Problems) -> Option<NodeId> {
    let made_up = || format!("gw-{:08x}", fastrand::u32(..));
    let text = if text.is_empty() { made_up() } else { text.to_owned() };
    if text.len() > NAME {
        problems.add("node.id", format_args!("must be 1 to {NAME} of A-Za-z0-9._-"));
        return None;
    }
    NodeId::new(text).map_err(|error| problems.add("node.id", error)).ok()
}

fn durability(raw: &Raw, problems: &mut Problems) -> Durability {
    match raw.store.durability.as_str() {
        "primary" => Durability::Primary,
        "replicated" if raw.store.url.starts_with("memory:") => {
            problems.add("store.durability", "can't be \"replicated\" in memory: there is no replica");
            Durability::Primary
        }
        "replicated" => Durability::Replicated,
        _ => {
            problems.add("store.durability", "must be \"primary\" or \"replicated\"");
            Durability::Primary
        }
    }
}

fn ice(raw: &Raw, problems: &mut Problems) -> IceServers {
    let turn = &raw.turn;
    for (key, urls, schemes) in
        [("ice.urls", &raw.ice.urls, ["stun:", "stuns:"]), ("turn.urls", &turn.urls, ["turn:", "turns:"])]
    {
        for url in urls.iter().filter(|url| !schemes.iter().any(|scheme| url.starts_with(scheme))) {
            problems.add(key, format_args!("{url:?} must begin with {} or {}", schemes[0], schemes[1]));
        }
    }
    match (turn.urls.is_empty(), turn.secret.is_empty()) {
        (false, true) => {
            problems.add("turn.secret", "is needed for turn.urls: clients get credentials made with it")
        }
        (true, false) => problems.add("turn.urls", "names no server that turn.secret is for"),
        _ => {}
    }
    if !turn.urls.is_empty() && turn.ttl_ms < 60_000 {
        problems.add("turn.ttl_ms", "must be at least 60000, or credentials are over before they are used");
    }
    let secret = TurnSecret::new(turn.secret.as_bytes(), turn.ttl_ms).filter(|_| !turn.urls.is_empty());
    let turn = secret.map(|secret| TurnServers { urls: turn.urls.clone(), secret });
    IceServers { stun: raw.ice.urls.clone(), turn }
}

fn traces(raw: &Raw, problems: &mut Problems) -> Option<TraceSettings> {
    let telemetry = &raw.telemetry;
    let protocol = match telemetry.otlp_protocol.as_str() {
        "grpc" => OtlpProtocol::Grpc,
        "http" => OtlpProtocol::Http,
        _ => {
            problems.add("telemetry.otlp_protocol", "must be \"grpc\" or \"http\"");
            OtlpProtocol::Grpc
        }
    };
    let endpoint = telemetry.otlp_endpoint.clone();
    if !endpoint.is_empty() && !endpoint.starts_with("http://") {
        problems.add(
            "telemetry.otlp_endpoint",
            "must begin with http://: a collector beside the gateway takes it further",
        );
    }
    if telemetry.sample_percent > 100 {
        problems.add("telemetry.sample_percent", "must be from 0 to 100");
    }
    let (percent, slow_ms) = (telemetry.sample_percent, telemetry.slow_ms);
    (!endpoint.is_empty()).then_some(TraceSettings { endpoint, protocol, percent, slow_ms })
}

/// A log is cut and read by one script each, and nobody else is served meanwhile.
const MAX_LOG_ENTRIES: usize = 1_000;

fn bounds(raw: &Raw, problems: &mut Problems) {
    let (timeouts, limits) = (&raw.timeouts, &raw.limits);
    for (key, value) in [
        ("node.heartbeat_ms", raw.node.heartbeat_ms),
        ("timeouts.hello_ms", timeouts.hello_ms),
        ("timeouts.heartbeat_ms", timeouts.heartbeat_ms),
        ("timeouts.write_ms", timeouts.write_ms),
        ("timeouts.message_ms", timeouts.message_ms),
        ("timeouts.placing_ms", timeouts.placing_ms),
        ("timeouts.idle_ms", timeouts.idle_ms),
        ("timeouts.ringing_ms", timeouts.ringing_ms),
        ("timeouts.connecting_ms", timeouts.connecting_ms),
        ("timeouts.reconnect_ms", timeouts.reconnect_ms),
        ("timeouts.session_ms", timeouts.session_ms),
        ("limits.requests_per_second", limits.requests_per_second.into()),
        ("limits.request_burst", limits.request_burst.into()),
        ("limits.devices_per_user", limits.devices_per_user as u64),
        ("limits.calls_per_user", limits.calls_per_user as u64),
        ("limits.outbox_frames", limits.outbox_frames as u64),
        ("limits.connections", limits.connections as u64),
        ("limits.greetings", limits.greetings as u64),
        ("limits.unseen_entries", limits.unseen_entries),
        ("timeouts.trim_ms", timeouts.trim_ms),
        ("limits.held_candidates", limits.held_candidates as u64),
        ("limits.sdp_bytes", limits.sdp_bytes as u64),
        ("calls.sweep_ms", raw.calls.sweep_ms),
        ("calls.ended_ttl_ms", raw.calls.ended_ttl_ms),
    ] {
        if value == 0 {
            problems.add(key, "must be greater than 0");
        }
    }
    if raw.node.ttl_ms < raw.node.heartbeat_ms.saturating_mul(2) {
        problems.add(
            "node.ttl_ms",
            "must be at least twice node.heartbeat_ms, or one late heartbeat looks like death",
        );
    }
    if !(1..=16).contains(&raw.store.connections_per_primary) {
        problems.add("store.connections_per_primary", "must be from 1 to 16");
    }
    if raw.calls.log_entries > MAX_LOG_ENTRIES {
        problems.add("calls.log_entries", format_args!("must be at most {MAX_LOG_ENTRIES}"));
    }
    if raw.calls.log_ttl_ms < raw.calls.ended_ttl_ms {
        problems.add("calls.log_ttl_ms", "must be at least calls.ended_ttl_ms");
    }
    if timeouts.resume_ms < 120_000 {
        problems.add("timeouts.resume_ms", "must be at least 120000: the protocol promises two minutes");
    }
    if limits.frame_bytes < limits.sdp_bytes {
        problems.add(
            "limits.frame_bytes",
            "must be at least limits.sdp_bytes, or no description of that size fits",
        );
    }
    let longest = [
        timeouts.idle_ms,
        timeouts.ringing_ms,
        timeouts.connecting_ms,
        timeouts.reconnect_ms,
        timeouts.session_ms,
    ]
    .into_iter()
    .max()
    .unwrap_or_default();
    if raw.calls.live_ttl_ms < longest.saturating_mul(2) {
        problems.add("calls.live_ttl_ms", "must be at least twice the longest timeout, or live calls vanish");
    }
}

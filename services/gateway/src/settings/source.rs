//! Where settings come from, and whether they are of the right shape.

use std::{collections::HashMap, fmt, path::Path};

use config::{Config, ConfigError, Environment, File, FileFormat};
use serde::Deserialize;
use toml::{Table, Value};

use super::secrets;

/// The defaults, which are the schema too.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// What the flags say: full key and value.
pub type Overrides = Vec<(&'static str, String)>;

/// Everything that is wrong with the settings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl Problems {
    fn one(problem: &dyn fmt::Display) -> Self {
        Self(vec![problem.to_string()])
    }

    pub(super) fn add(&mut self, key: &str, problem: impl fmt::Display) {
        self.0.push(format!("{key}: {problem}"));
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the settings have {} problem(s):", self.0.len())?;
        self.0.iter().try_for_each(|problem| writeln!(f, "  - {problem}"))
    }
}

impl std::error::Error for Problems {}

#[derive(Deserialize)]
pub(super) struct Raw {
    pub(super) server: Server,
    pub(super) admin: Admin,
    pub(super) node: Node,
    pub(super) store: Store,
    pub(super) auth: RawAuth,
    pub(super) timeouts: Timeouts,
    pub(super) limits: Limits,
    pub(super) calls: Calls,
    pub(super) events: Events,
    pub(super) webhooks: Webhooks,
    pub(super) policy: Policy,
    pub(super) ice: Ice,
    pub(super) turn: Turn,
    pub(super) drain: Drain,
    pub(super) telemetry: Telemetry,
    pub(super) log: RawLog,
}

#[derive(Debug, Deserialize)]
pub(super) struct Server {
    pub(super) listen: String,
    pub(super) tls_cert: String,
    pub(super) tls_key: String,
    pub(super) allowed_origins: Vec<String>,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) proxy_header: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Admin {
    pub(super) listen: String,
    pub(super) tls_cert: String,
    pub(super) tls_key: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) heartbeat_ms: u64,
    pub(super) ttl_ms: u64,
}

#[derive(Deserialize)]
pub(super) struct Store {
    pub(super) url: String,
    pub(super) username: String,
    pub(super) password: String,
    pub(super) sentinel_username: String,
    pub(super) sentinel_password: String,
    pub(super) partitions: u64,
    pub(super) durability: String,
    pub(super) connections_per_primary: usize,
}

#[derive(Deserialize)]
pub(super) struct RawAuth {
    pub(super) hs256_secret: String,
    pub(super) hs256_keys: Vec<String>,
    pub(super) jwks_urls: Vec<String>,
    pub(super) jwks_refresh_ms: u64,
    pub(super) jwks_stale_ms: u64,
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) dev: bool,
    pub(super) dev_anywhere: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Timeouts {
    pub(super) hello_ms: u64,
    pub(super) heartbeat_ms: u64,
    pub(super) write_ms: u64,
    pub(super) message_ms: u64,
    pub(super) resume_ms: u64,
    pub(super) trim_ms: u64,
    pub(super) placing_ms: u64,
    pub(super) idle_ms: u64,
    pub(super) ringing_ms: u64,
    pub(super) waking_ms: u64,
    pub(super) connecting_ms: u64,
    pub(super) reconnect_ms: u64,
    pub(super) session_ms: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Limits {
    pub(super) frame_bytes: usize,
    pub(super) sdp_bytes: usize,
    pub(super) metadata_bytes: usize,
    pub(super) candidate_bytes: usize,
    pub(super) report_bytes: usize,
    pub(super) held_candidates: usize,
    pub(super) unseen_entries: u64,
    pub(super) connections: usize,
    pub(super) greetings: usize,
    pub(super) lag_ms: u64,
    pub(super) connections_per_address: usize,
    pub(super) upgrades_per_address: u32,
    pub(super) upgrade_burst_per_address: u32,
    pub(super) failures_per_address: u32,
    pub(super) half_open_per_address: usize,
    pub(super) unlimited_addresses: Vec<String>,
    pub(super) requests_per_second: u32,
    pub(super) request_burst: u32,
    pub(super) user_requests_per_second: u32,
    pub(super) calls_made_per_minute: u32,
    pub(super) calls_made_burst: u32,
    pub(super) calls_received_per_minute: u32,
    pub(super) calls_received_burst: u32,
    pub(super) bytes_per_second: u32,
    pub(super) devices_per_user: usize,
    pub(super) calls_per_user: usize,
    pub(super) outbox_frames: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Calls {
    pub(super) busy: String,
    pub(super) live_ttl_ms: u64,
    pub(super) ended_ttl_ms: u64,
    pub(super) sweep_ms: u64,
    pub(super) timeline_steps: u64,
    pub(super) log_entries: usize,
    pub(super) log_ttl_ms: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Events {
    pub(super) types: Vec<String>,
    pub(super) keep_ms: u64,
    pub(super) most: u64,
}

#[derive(Deserialize)]
pub(super) struct Webhooks {
    pub(super) url: String,
    pub(super) secrets: Vec<String>,
    pub(super) timeout_ms: u64,
    pub(super) concurrency: u64,
    pub(super) attempts: u64,
    pub(super) first_pause_ms: u64,
    pub(super) longest_pause_ms: u64,
    pub(super) dead_keep_ms: u64,
    pub(super) dead_most: u64,
}

#[derive(Deserialize)]
pub(super) struct Policy {
    pub(super) url: String,
    pub(super) secrets: Vec<String>,
    pub(super) timeout_ms: u64,
    pub(super) concurrency: u64,
    pub(super) on_failure: String,
    pub(super) pause_ms: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ice {
    pub(super) urls: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Turn {
    pub(super) urls: Vec<String>,
    pub(super) secret: String,
    pub(super) ttl_ms: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Drain {
    pub(super) window_ms: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Telemetry {
    pub(super) otlp_endpoint: String,
    pub(super) otlp_protocol: String,
    pub(super) sample_percent: u64,
    pub(super) slow_ms: u64,
    pub(super) metrics: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawLog {
    pub(super) filter: String,
    pub(super) format: String,
}

/// Merges the sources and checks names and types against the defaults. A value of the wrong type is reported and
/// replaced by its default, so that the rest can be checked too.
pub(super) fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    overrides: Overrides,
) -> Result<Loaded, Problems> {
    let one = Problems::one;
    // Only RINGBACK_<SECTION>__<KEY> is a setting; other RINGBACK_ variables are somebody else's.
    let environment: HashMap<String, String> =
        environment.filter(|(name, _)| name.starts_with("RINGBACK_") && name.contains("__")).collect();
    let variables =
        Environment::with_prefix("RINGBACK").prefix_separator("_").separator("__").source(Some(environment));
    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(path) = file {
        builder = builder.add_source(File::from(path).format(FileFormat::Toml));
    }
    builder = builder.add_source(variables);
    for (key, value) in overrides {
        builder = builder.set_override(key, value).map_err(|error| one(&error))?;
    }
    let merged: Table = builder.build().and_then(Config::try_deserialize).map_err(|error| unread(&error))?;
    let defaults: Table = DEFAULTS.parse().map_err(|error| one(&error))?;

    let mut problems = Problems::default();
    let values = shape(&merged, &defaults, &mut problems);
    Ok(Loaded { values, defaults, problems })
}

/// Why the sources can't be read. What the library says of a file that is no TOML shows the line, which may hold a secret.
fn unread(error: &ConfigError) -> Problems {
    let ConfigError::FileParse { uri, cause } = error else { return Problems::one(error) };
    let file = uri.as_deref().unwrap_or("the file");
    let text = cause.to_string();
    // "TOML parse error at line 2, column 5", and then the line.
    let place = text.lines().next().unwrap_or_default().trim_end_matches(':');
    // The last line says what is wrong, in words of the library's own.
    let why =
        text.lines().last().filter(|why| !why.contains(['|', '^', '=', '"', '\'', '`'])).unwrap_or_default();
    Problems::one(&format_args!("{file}: {place}{}{why}", if why.is_empty() { "" } else { ": " }))
}

/// What all sources together say.
pub(super) struct Loaded {
    pub(super) values: Table,
    pub(super) defaults: Table,
    problems: Problems,
}

impl Loaded {
    /// The same with types and with what is in files, and what is wrong so far.
    pub(super) fn into_raw(mut self) -> Result<(Raw, Problems), Problems> {
        secrets::read(&mut self.values, &mut self.problems);
        let raw = Value::Table(self.values).try_into();
        Ok((raw.map_err(|error: toml::de::Error| Problems::one(&error))?, self.problems))
    }
}

/// Each value in the type its default has; the environment knows only text.
fn shape(merged: &Table, schema: &Table, problems: &mut Problems) -> Table {
    let mut shaped = Table::new();
    for (section, values) in merged {
        let (Some(known), Some(values)) = (schema.get(section).and_then(Value::as_table), values.as_table())
        else {
            problems.add(section, "there is no such section");
            continue;
        };
        let mut table = Table::new();
        for (key, value) in values {
            let name = format!("{section}.{key}");
            let Some(default) = known.get(key) else {
                problems.add(&name, "there is no such setting");
                continue;
            };
            let value = coerce(value, default).unwrap_or_else(|| {
                problems.add(&name, format_args!("must be {}", type_of(default)));
                default.clone()
            });
            table.insert(key.clone(), value);
        }
        shaped.insert(section.clone(), Value::Table(table));
    }
    shaped
}

fn coerce(value: &Value, default: &Value) -> Option<Value> {
    match (default, value) {
        (Value::Integer(_), Value::Integer(n)) if *n >= 0 => Some(value.clone()),
        (Value::Integer(_), Value::String(text)) => {
            text.parse::<i64>().ok().filter(|n| *n >= 0).map(Value::Integer)
        }
        (Value::Boolean(_), Value::Boolean(_)) | (Value::String(_), Value::String(_)) => Some(value.clone()),
        (Value::Boolean(_), Value::String(text)) => text.parse().ok().map(Value::Boolean),
        (Value::String(_), Value::Integer(n)) => Some(Value::String(n.to_string())),
        (Value::String(_), Value::Boolean(b)) => Some(Value::String(b.to_string())),
        (Value::Array(_), Value::Array(items)) if items.iter().all(Value::is_str) => Some(value.clone()),
        (Value::Array(_), Value::String(text)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(Value::from).collect()))
        }
        _ => None,
    }
}

fn type_of(default: &Value) -> &'static str {
    match default {
        Value::Integer(_) => "a whole number from 0",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list of texts",
        _ => "a text",
    }
}

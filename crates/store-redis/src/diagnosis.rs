//! What a Redis is like, for an operator who wonders. Facts alone: what is good and what is not, others judge.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use fred::{
    clients::Client,
    error::Error,
    interfaces::ClientLike as _,
    types::{ClusterHash, CustomCommand, Value, config::ServerConfig},
};
use ringback_store::Partition;
use tokio::time::timeout;

use crate::{
    discovery,
    settings::{Dialer, RedisSettings},
    slots::slot_of,
    topology::Map,
};

/// How long a server may take to let us in, and to answer all that it is asked.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked, to see how long that takes.
const PINGS: usize = 9;

/// How a Redis is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One server.
    Standalone,
    /// One that Sentinels watch over.
    Sentinel,
    /// A Cluster.
    Cluster,
}

/// What was found.
#[derive(Debug)]
pub struct Diagnosis {
    /// How it is made up.
    pub kind: Kind,
    /// Who has the partitions.
    pub primaries: Vec<Primary>,
    /// Partitions whose slot nobody has.
    pub orphans: Vec<Partition>,
}

/// A server that takes writes.
#[derive(Debug)]
pub struct Primary {
    /// Its address, or what stands for it.
    pub name: String,
    /// How many partitions it has.
    pub partitions: usize,
    /// What it is like, or why that is not known.
    pub state: Result<State, Unreachable>,
}

/// Why a server could not be asked. The text holds no password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(String);

/// What a server says of itself. What it would not say is `None`: managed ones keep their settings to themselves.
#[derive(Debug)]
pub struct State {
    /// As `7.2.4`; of Valkey its own.
    pub version: String,
    /// Whether it is Valkey.
    pub is_valkey: bool,
    /// Whether it takes writes.
    pub is_primary: bool,
    /// Replicas that are connected.
    pub replicas: u64,
    /// What it does when it is full.
    pub maxmemory_policy: Option<String>,
    /// When it is full, in bytes; 0: never.
    pub maxmemory: Option<u64>,
    /// What it has, in bytes.
    pub used_memory: Option<u64>,
    /// Whether it writes an append-only file.
    pub appends: Option<bool>,
    /// Whether it writes snapshots.
    pub snapshots: Option<bool>,
    /// When it closes a subscriber that does not read, in bytes; 0: never.
    pub pubsub_limit: Option<u64>,
    /// Whether a Cluster stops when slots are nobody's.
    pub requires_full_coverage: Option<bool>,
    /// How long it took to answer, in the middle of several times.
    pub round_trip: Duration,
    /// How far its clock is ahead of this machine's, in milliseconds.
    pub clock_ahead_ms: i64,
}

/// Looks at all of it.
///
/// # Errors
/// When the settings can't be meant, or nobody of a Cluster could be asked.
pub async fn diagnose(settings: &RedisSettings) -> Result<Diagnosis, Unreachable> {
    let dialer = settings.check().map_err(|error| Unreachable(error.to_string()))?;
    let partitions = settings.partitions;
    let Some(seeds) = dialer.seeds() else {
        let (kind, name) = match dialer.server() {
            ServerConfig::Sentinel { service_name, .. } => (Kind::Sentinel, service_name.clone()),
            other => (Kind::Standalone, other.hosts().first().map(ToString::to_string).unwrap_or_default()),
        };
        let state = examine(&dialer, dialer.server().clone()).await;
        let primary = Primary { name, partitions: partitions.all().count(), state };
        return Ok(Diagnosis { kind, primaries: vec![primary], orphans: Vec::new() });
    };
    let slots = discovery::ask(&dialer, &Map::default(), &[], &seeds, 0).await;
    let slots = slots.map_err(|reason| {
        let reason = reason.map(|error| format!(": {}", error.details())).unwrap_or_default();
        Unreachable(format!("no node of the Cluster answers{reason}"))
    })?;
    let mut owned: HashMap<String, (ServerConfig, usize)> = HashMap::new();
    let mut orphans = Vec::new();
    for partition in partitions.all() {
        match slots.owner(slot_of(partition)) {
            Some(server) => {
                let config = || (ServerConfig::Centralized { server: server.clone() }, 0);
                owned.entry(server.to_string()).or_insert_with(config).1 += 1;
            }
            None => orphans.push(partition),
        }
    }
    let mut primaries = Vec::new();
    for (name, (server, partitions)) in owned {
        let state = examine(&dialer, server).await;
        primaries.push(Primary { name, partitions, state });
    }
    primaries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Diagnosis { kind: Kind::Cluster, primaries, orphans })
}

async fn examine(dialer: &Dialer, server: ServerConfig) -> Result<State, Unreachable> {
    let client = dialer.guest(server);
    let asked = async {
        let connection = client.init().await?;
        let state = ask(&client).await;
        let _ = client.quit().await;
        connection.abort();
        state
    };
    match timeout(PATIENCE, asked).await {
        Ok(state) => state.map_err(|error| Unreachable(error.details().to_owned())),
        Err(_) => Err(Unreachable(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

async fn ask(client: &Client) -> Result<State, Error> {
    let info = Info::read(&text(command(client, "INFO", &["everything"]).await?)?);
    let mut times = Vec::with_capacity(PINGS);
    let mut clock = 0;
    for _ in 0..PINGS {
        let began = Instant::now();
        let now = command(client, "TIME", &[]).await?;
        let took = began.elapsed();
        clock = ahead_ms(now, took)?;
        times.push(took);
    }
    times.sort();
    let pubsub_limit = setting(client, "client-output-buffer-limit").await;
    Ok(State {
        version: info.text("valkey_version").or_else(|| info.text("redis_version")).unwrap_or_default(),
        is_valkey: info.text("valkey_version").is_some(),
        is_primary: info.text("role").as_deref() == Some("master"),
        replicas: info.number("connected_slaves").unwrap_or(0),
        maxmemory_policy: info.text("maxmemory_policy"),
        maxmemory: info.number("maxmemory"),
        used_memory: info.number("used_memory"),
        appends: info.number("aof_enabled").map(|enabled| enabled == 1),
        snapshots: setting(client, "save").await.map(|save| !save.is_empty()),
        pubsub_limit: pubsub_limit.as_deref().and_then(hard_limit_of_pubsub),
        requires_full_coverage: setting(client, "cluster-require-full-coverage")
            .await
            .map(|value| value == "yes"),
        round_trip: times[times.len() / 2],
        clock_ahead_ms: clock,
    })
}

async fn command(client: &Client, name: &'static str, words: &[&str]) -> Result<Value, Error> {
    let command = CustomCommand::new_static(name, ClusterHash::Random, false);
    client.custom(command, words.iter().map(ToString::to_string).collect::<Vec<_>>()).await
}

/// `None` where the server keeps it to itself, or does not have it.
async fn setting(client: &Client, name: &str) -> Option<String> {
    let value: HashMap<String, String> =
        command(client, "CONFIG", &["GET", name]).await.ok()?.convert().ok()?;
    value.into_values().next()
}

fn text(value: Value) -> Result<String, Error> {
    value.convert()
}

/// Its clock against this machine's at the middle of the question.
fn ahead_ms(time: Value, took: Duration) -> Result<i64, Error> {
    let (seconds, micros): (i64, i64) = time.convert()?;
    let here = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(took / 2);
    let there = seconds.saturating_mul(1_000).saturating_add(micros / 1_000);
    Ok(there.saturating_sub(i64::try_from(here.as_millis()).unwrap_or(i64::MAX)))
}

/// `normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60`
fn hard_limit_of_pubsub(limits: &str) -> Option<u64> {
    let mut words = limits.split_whitespace();
    words.find(|word| *word == "pubsub")?;
    words.next()?.parse().ok()
}

/// The lines of `INFO`.
struct Info(HashMap<String, String>);

impl Info {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.trim().split_once(':'));
        Self(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_subscribers_is_found_among_the_others() {
        let limits = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
        assert_eq!(hard_limit_of_pubsub(limits), Some(33_554_432));
        assert_eq!(hard_limit_of_pubsub("normal 0 0 0"), None);
    }

    #[test]
    fn what_info_does_not_say_is_not_known() {
        let info = Info::read("# Server\r\nredis_version:7.0.15\r\nconnected_slaves:2\r\n");
        assert_eq!(info.text("redis_version").as_deref(), Some("7.0.15"));
        assert_eq!((info.number("connected_slaves"), info.number("maxmemory")), (Some(2), None));
    }
}

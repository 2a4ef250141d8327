//! One server that has data.

use std::{collections::HashMap, time::Duration};

use fred::types::Value;

use super::{
    clock::{self, Clock},
    visit::{Guest, Trouble, Visit},
};
use crate::reply;

/// Who made the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Redis, or what says that it is.
    Redis,
    /// Valkey.
    Valkey,
}

/// What a server says of itself.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// Who made it.
    pub product: Product,
    /// Its version, such as `7.0.15`; `None` when it does not say.
    pub version: Option<String>,
    /// Whether it is a node of a Cluster.
    pub clustered: bool,
    /// Whether it takes writes.
    pub primary: bool,
    /// Replicas that have what it has, but for what is on its way.
    pub replicas: usize,
    /// Replicas that are still being copied to.
    pub joining: usize,
    /// What becomes of a full server, such as `noeviction`.
    pub eviction: Option<String>,
    /// The most memory, in bytes; 0: as much as there is.
    pub max_memory: Option<u64>,
    /// The memory in use, in bytes.
    pub used_memory: Option<u64>,
    /// Whether changes are appended to a file.
    pub append_only: Option<bool>,
    /// When snapshots are written, as `save` says it; empty: never.
    pub snapshots: Option<String>,
    /// What a subscriber that does not read may have waiting.
    pub subscriber_buffer: Option<BufferLimit>,
    /// Whether a Cluster stops as a whole for one slot that nobody serves.
    pub full_coverage: Option<bool>,
    /// After how long without a word a Cluster has a node for lost, ms.
    pub node_timeout_ms: Option<u64>,
    /// After how many seconds without a command it closes a connection; 0: never.
    pub idle_timeout_s: Option<u64>,
    /// Its clock.
    pub clock: Clock,
}

/// The most that may wait for a client, in bytes; 0: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferLimit {
    /// More than this, and its connection is closed.
    pub hard: u64,
    /// More than this for [`Self::seconds`], and it is closed too.
    pub soft: u64,
    /// See [`Self::soft`].
    pub seconds: u64,
}

impl ServerFacts {
    /// Whether it has all that the store needs: Redis from 7.0 on, or any Valkey. `None` when it does not say.
    pub fn is_new_enough(&self) -> Option<bool> {
        let major: u32 = self.version.as_deref()?.split('.').next()?.parse().ok()?;
        Some(self.product == Product::Valkey || major >= 7)
    }
}

pub(super) async fn facts(visit: Visit, limit: Duration) -> Result<ServerFacts, Trouble> {
    visit
        .ask(limit, async |guest| {
            let info = reply::text(guest.ask("INFO", &[]).await?)?;
            let clock = clock::look_at(guest).await?;
            let number = async |name| configured(guest, name).await.and_then(|text| text.parse().ok());
            let buffers = configured(guest, "client-output-buffer-limit").await;
            Ok(ServerFacts {
                snapshots: configured(guest, "save").await,
                subscriber_buffer: buffers.as_deref().and_then(subscribers_of),
                full_coverage: configured(guest, "cluster-require-full-coverage").await.map(|is| is == "yes"),
                node_timeout_ms: number("cluster-node-timeout").await,
                idle_timeout_s: number("timeout").await,
                ..read_info(&info, clock)
            })
        })
        .await
}

/// A value of the configuration, if it may be read.
async fn configured(guest: &Guest, name: &str) -> Option<String> {
    let answer: Value = guest.ask("CONFIG", &["GET", name]).await.ok()?;
    let (_, value) = reply::fields(answer).ok()?.into_iter().next()?;
    reply::text(value).ok()
}

/// `normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60`
fn subscribers_of(limits: &str) -> Option<BufferLimit> {
    let mut words = limits.split_whitespace().skip_while(|word| *word != "pubsub").skip(1);
    let mut next = || words.next()?.parse().ok();
    Some(BufferLimit { hard: next()?, soft: next()?, seconds: next()? })
}

fn read_info(info: &str, clock: Clock) -> ServerFacts {
    let fields: HashMap<&str, &str> =
        info.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    let text = |name: &str| fields.get(name).map(|value| (*value).to_owned());
    let number = |name: &str| fields.get(name).and_then(|value| value.parse::<u64>().ok());
    let states: Vec<&str> = fields
        .iter()
        .filter(|(name, _)| name.strip_prefix("slave").is_some_and(|rest| rest.parse::<u32>().is_ok()))
        .map(|(_, value)| *value)
        .collect();
    let online = states.iter().filter(|state| state.contains("state=online")).count();
    let valkey = text("valkey_version");
    ServerFacts {
        product: if valkey.is_some() { Product::Valkey } else { Product::Redis },
        version: valkey.or_else(|| text("redis_version")),
        clustered: fields.get("redis_mode") == Some(&"cluster") || number("cluster_enabled") == Some(1),
        primary: fields.get("role").is_none_or(|role| *role == "master"),
        replicas: online,
        joining: states.len() - online,
        eviction: text("maxmemory_policy"),
        max_memory: number("maxmemory"),
        used_memory: number("used_memory"),
        append_only: number("aof_enabled").map(|enabled| enabled == 1),
        snapshots: None,
        subscriber_buffer: None,
        full_coverage: None,
        node_timeout_ms: None,
        idle_timeout_s: None,
        clock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock { round_trip: Duration::ZERO, ahead_ms: 0 };

    #[test]
    fn what_a_server_says_of_itself_is_read() {
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Memory\r\nused_memory:1024\r\n\
                    maxmemory:0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\nconnected_slaves:2\r\n\
                    slave0:ip=127.0.0.1,port=1,state=online,offset=1,lag=0\r\n\
                    slave1:ip=127.0.0.1,port=2,state=wait_bgsave,offset=0,lag=0\r\nslave_expires_tracked_keys:0\r\n";
        let facts = read_info(info, CLOCK);
        assert_eq!((facts.replicas, facts.joining), (1, 1));
        assert_eq!(
            (facts.used_memory, facts.max_memory, facts.append_only),
            (Some(1_024), Some(0), Some(true))
        );
        assert!(facts.primary && !facts.clustered);
        assert_eq!(facts.is_new_enough(), Some(true));
    }

    #[test]
    fn versions_are_those_that_have_sharded_messages() {
        let enough = |info| read_info(info, CLOCK).is_new_enough();
        assert_eq!(enough("redis_version:6.2.14"), Some(false));
        assert_eq!(enough("redis_version:10.0.0"), Some(true));
        assert_eq!(enough("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1"), Some(true));
        assert_eq!(enough("role:master"), None);
    }

    #[test]
    fn the_limit_of_subscribers_is_found_among_the_others() {
        let limits = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
        let expected = BufferLimit { hard: 33_554_432, soft: 8_388_608, seconds: 60 };
        assert_eq!(subscribers_of(limits), Some(expected));
        assert_eq!(subscribers_of("normal 0 0 0"), None);
    }
}

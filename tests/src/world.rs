//! Running parts that many stories share: one gateway in memory, or two on one Redis.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Result;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::gateway::{self, Gateway};
use crate::redis::Redis;
use crate::sentinel::Sentinel;

/// Where the gateways keep their calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Inside the one gateway.
    Memory,
    /// One Redis server.
    Standalone,
    /// A Redis Cluster of three primaries.
    Cluster,
    /// A primary and its replica, watched over by Sentinels.
    Sentinel,
}

impl Backend {
    /// Those that differ in how a gateway uses them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Standalone, Self::Cluster];
    /// And the one that only differs in how the server is found.
    pub const EVERY: [Self; 4] = [Self::Memory, Self::Standalone, Self::Cluster, Self::Sentinel];
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Standalone => "standalone",
            Self::Cluster => "cluster",
            Self::Sentinel => "sentinel",
        })
    }
}

/// The gateways' deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As they come.
    Default,
    /// Short enough to sit through.
    Short,
}

impl Pace {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Default, Self::Short];

    /// The settings that make it so. Ringing lasts well beyond the time a lost device has to come back, so that
    /// "the caller is gone" and "nobody answered" can't be mistaken for each other.
    pub fn settings(self) -> Vec<(&'static str, String)> {
        let short = [
            ("TIMEOUTS__RINGING_MS", "2000"),
            ("TIMEOUTS__CONNECTING_MS", "2000"),
            ("TIMEOUTS__RECONNECT_MS", "700"),
            ("TIMEOUTS__HELLO_MS", "500"),
        ];
        match self {
            Self::Default => Vec::new(),
            Self::Short => short.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        }
    }
}

/// What a backend runs on.
#[derive(Debug)]
pub enum Store {
    /// Nothing.
    Memory,
    /// One server.
    Standalone(Redis),
    /// A cluster.
    Cluster(Cluster),
    /// A primary with a replica, and its Sentinels.
    Sentinel(Sentinel),
}

impl Store {
    /// Starts what `backend` needs.
    pub async fn start(backend: Backend, dir: &TempDir) -> Result<Self> {
        Ok(match backend {
            Backend::Memory => Self::Memory,
            Backend::Standalone => Self::Standalone(Redis::start(dir.path()).await?),
            Backend::Cluster => Self::Cluster(Cluster::start(dir.path()).await?),
            Backend::Sentinel => Self::Sentinel(Sentinel::start(dir.path(), 1, 2000).await?),
        })
    }

    /// The gateways' `store.url`.
    pub fn url(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::Standalone(redis) => redis.url(),
            Self::Cluster(cluster) => cluster.url(),
            Self::Sentinel(sentinel) => sentinel.url(),
        }
    }

    fn kill9(&self) {
        match self {
            Self::Memory => {}
            Self::Standalone(redis) => redis.kill9(),
            Self::Cluster(cluster) => cluster.kill9(),
            Self::Sentinel(sentinel) => sentinel.kill9(),
        }
    }
}

/// A store and its gateways.
#[derive(Debug)]
pub struct World {
    /// One in memory, else two, unless more are asked for.
    pub gateways: Vec<Gateway>,
    store: Store,
    dir: Mutex<Option<TempDir>>,
}

impl World {
    /// Starts everything.
    pub async fn start(backend: Backend, settings: &[(&str, String)]) -> Result<Self> {
        Self::start_with(backend, settings, if backend == Backend::Memory { 1 } else { 2 }).await
    }

    /// Starts everything, with so many gateways.
    pub async fn start_with(backend: Backend, settings: &[(&str, String)], nodes: usize) -> Result<Self> {
        let dir = TempDir::with_prefix(format!("ringback-{backend}-"))?;
        let store = Store::start(backend, &dir).await?;
        let mut gateways = Vec::new();
        for n in 1..=nodes {
            let program = if n == 2 { gateway::second_program() } else { gateway::program() };
            let (node, url) = (format!("gw-{n}"), store.url());
            gateways.push(Gateway::start_as(&program, dir.path(), &node, &url, settings).await?);
        }
        Ok(Self { gateways, store, dir: Mutex::new(Some(dir)) })
    }

    /// The `n`th gateway; where there are fewer, the last.
    pub fn gateway(&self, n: usize) -> &Gateway {
        &self.gateways[n.min(self.gateways.len() - 1)]
    }

    /// The one Redis server; `None` where there is none, or more.
    pub fn redis(&self) -> Option<&Redis> {
        match &self.store {
            Store::Standalone(redis) => Some(redis),
            _ => None,
        }
    }

    /// Asks the one Redis server something; `None` where there is none, or more.
    pub async fn ask_redis(&self, command: &str) -> Option<String> {
        match &self.store {
            Store::Standalone(redis) => crate::resp::ask(redis.port(), command).await.ok(),
            _ => None,
        }
    }

    /// Stops everything and removes its files, unless `RINGBACK_KEEP_LOGS` is set.
    pub fn stop(&self) {
        self.gateways.iter().for_each(Gateway::kill9);
        self.store.kill9();
        let dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner).take();
        if std::env::var_os("RINGBACK_KEEP_LOGS").is_some() {
            drop(dir.map(TempDir::keep));
        }
    }
}

/// A world, or why it did not start.
type Started = Result<Arc<World>, String>;

/// One slot for each world; a world is started by the first story that needs it, and its failure to start is told
/// to every story rather than tried again.
#[derive(Debug, Default)]
pub struct Worlds {
    slots: [[OnceCell<Started>; 2]; Backend::EVERY.len()],
    adopted: Mutex<Vec<Weak<World>>>,
}

impl Worlds {
    /// The world of this backend and pace, started if it is not.
    pub async fn get(&self, backend: Backend, pace: Pace) -> Started {
        let start = async || match World::start(backend, &pace.settings()).await {
            Ok(world) => Ok(Arc::new(world)),
            Err(error) => Err(format!("{error:#}")),
        };
        self.slots[backend as usize][pace as usize].get_or_init(start).await.clone()
    }

    /// Takes note of a world that one story has for itself, so that a run that is broken off stops it, too.
    pub fn adopt(&self, world: &Arc<World>) {
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(world));
    }

    /// The worlds that have been started and are still in use.
    pub fn running(&self) -> Vec<Arc<World>> {
        let shared = self.slots.iter().flatten().filter_map(|slot| slot.get()?.as_ref().ok().cloned());
        let adopted = self.adopted.lock().unwrap_or_else(PoisonError::into_inner);
        shared.chain(adopted.iter().filter_map(Weak::upgrade)).collect()
    }
}

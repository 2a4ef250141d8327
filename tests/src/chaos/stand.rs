//! The parts that are broken on purpose: three gateways, and what they keep their calls in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::oracle::Timeouts;
use crate::cluster::Cluster;
use crate::gateway::{self, Gateway};
use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::sentinel::Sentinel;
use crate::users;

/// How many gateways there are.
pub const GATEWAYS: usize = 3;

/// Where the calls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// One Redis, each gateway with a proxy of its own before it.
    Standalone,
    /// A primary with two replicas under Sentinel.
    Sentinel,
    /// A Cluster of three primaries with a replica each.
    Cluster,
}

/// What the gateways keep their calls in.
#[derive(Debug)]
pub enum Store {
    /// One Redis.
    Standalone(Redis),
    /// Under Sentinel.
    Sentinel(Sentinel),
    /// A Cluster.
    Cluster(Cluster),
}

/// The running parts.
#[derive(Debug)]
pub struct Stand {
    /// The gateways.
    pub gateways: Vec<Gateway>,
    /// The proxy of each gateway, on a standalone Redis.
    pub proxies: Vec<Proxy>,
    /// The store.
    pub store: Store,
    dir: Option<TempDir>,
}

/// A setting of the gateways: its name without `RINGBACK_`, and its value.
pub type Setting = (&'static str, String);

/// The timeouts that the oracle reckons with, and the settings that make them so.
pub fn timeouts(ringing: Duration) -> (Timeouts, Vec<Setting>) {
    let timeouts = Timeouts {
        ringing,
        connecting: Duration::from_secs(30),
        idle: Duration::from_secs(15),
        reconnect: Duration::from_secs(20),
    };
    let settings = vec![
        ("TIMEOUTS__RINGING_MS", timeouts.ringing.as_millis().to_string()),
        ("TIMEOUTS__CONNECTING_MS", timeouts.connecting.as_millis().to_string()),
        ("TIMEOUTS__IDLE_MS", timeouts.idle.as_millis().to_string()),
        ("TIMEOUTS__RECONNECT_MS", timeouts.reconnect.as_millis().to_string()),
        ("DRAIN__WINDOW_MS", "3000".to_owned()),
    ];
    (timeouts, settings)
}

impl Stand {
    /// Starts everything and waits until it is ready.
    pub async fn start(ground: Ground, settings: &[Setting]) -> Result<Self> {
        let dir = TempDir::with_prefix("ringback-chaos-")?;
        let path = dir.path();
        let store = match ground {
            Ground::Standalone => Store::Standalone(Redis::start(path).await?),
            Ground::Sentinel => Store::Sentinel(Sentinel::start(path, 2, 1500).await?),
            Ground::Cluster => Store::Cluster(Cluster::start_with_replicas(path, 2000).await?),
        };
        let mut settings = settings.to_vec();
        settings.extend(gateway::tireless(&gateway::program())?);
        if let Ok(filter) = std::env::var("CHAOS_LOG") {
            settings.push(("LOG__FILTER", filter));
        }
        let (mut gateways, mut proxies) = (Vec::new(), Vec::new());
        for n in 1..=GATEWAYS {
            let url = match &store {
                Store::Standalone(redis) => {
                    let proxy = Proxy::start(redis.port()).await?;
                    let url = users::url(proxy.port());
                    proxies.push(proxy);
                    url
                }
                Store::Sentinel(sentinel) => sentinel.url(),
                Store::Cluster(cluster) => cluster.url(),
            };
            gateways.push(Gateway::start(path, &format!("gw-{n}"), &url, &settings).await?);
        }
        Ok(Self { gateways, proxies, store, dir: Some(dir) })
    }

    /// The gateways' client ports.
    pub fn doors(&self) -> Arc<Vec<u16>> {
        Arc::new(self.gateways.iter().map(Gateway::port).collect())
    }

    /// The standalone Redis.
    pub fn redis(&self) -> Result<&Redis> {
        match &self.store {
            Store::Standalone(redis) => Ok(redis),
            _ => anyhow::bail!("this is for a standalone Redis"),
        }
    }

    /// Panics of the gateways since they were looked for last.
    pub fn panics(&self) -> Vec<String> {
        self.gateways.iter().flat_map(Gateway::new_panics).collect()
    }

    /// Stops everything, and leaves the logs behind; returns where.
    pub fn keep_logs(mut self) -> Result<PathBuf> {
        let dir = self.dir.take().context("a folder")?;
        drop(self);
        Ok(dir.keep())
    }
}

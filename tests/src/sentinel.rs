//! A primary with replicas, and three Sentinels that watch over it.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::cluster::is_synced;
use crate::patience::{START, eventually};
use crate::redis::Redis;
use crate::resp::ask;
use crate::users::{self, GATEWAY, PASSWORD, SENTINEL};

/// What the Sentinels call what they watch over.
const SERVICE: &str = "calls";
const SENTINELS: usize = 3;

/// The servers, whichever is primary now, and their Sentinels.
#[derive(Debug)]
pub struct Sentinel {
    servers: Vec<Redis>,
    sentinels: Vec<Redis>,
}

impl Sentinel {
    /// Starts one primary and `replicas` copies of it, and the Sentinels, two of which must agree that it is dead:
    /// after `down_after_ms` of silence.
    pub async fn start(dir: &Path, replicas: usize, down_after_ms: u32) -> Result<Self> {
        let options = |more: &[String]| {
            let mut options = vec!["--repl-diskless-sync-delay".to_owned(), "0".to_owned()];
            options.extend_from_slice(more);
            options
        };
        let primary = Redis::start_with(dir, &options(&[])).await?;
        let port = primary.port();
        let mut servers = vec![primary];
        for _ in 0..replicas {
            let copy = ["--replicaof".to_owned(), "127.0.0.1".to_owned(), port.to_string()];
            servers.push(Redis::start_with(dir, &options(&copy)).await?);
        }
        for replica in &servers[1..] {
            let copied = eventually(START, async || is_synced(replica.port()).await.then_some(())).await;
            ensure!(copied.is_some(), "replica {} copies nobody", replica.port());
        }
        let users = users::of_sentinels(dir)?;
        let mut sentinels = Vec::new();
        for index in 0..SENTINELS {
            let text = format!(
                "sentinel monitor {SERVICE} 127.0.0.1 {port} 2\n\
                 sentinel down-after-milliseconds {SERVICE} {down_after_ms}\n\
                 sentinel failover-timeout {SERVICE} 3000\n\
                 sentinel parallel-syncs {SERVICE} 2\n\
                 sentinel auth-user {SERVICE} {SENTINEL}\n\
                 sentinel auth-pass {SERVICE} {PASSWORD}\n\
                 sentinel sentinel-user {SENTINEL}\n\
                 sentinel sentinel-pass {PASSWORD}\n\
                 aclfile {}\n",
                users.display()
            );
            // It writes into its file, so each has its own.
            let config = dir.join(format!("sentinel-{index}.conf"));
            std::fs::write(&config, text)?;
            sentinels.push(Redis::start_sentinel(dir, &config).await?);
        }
        let sentinel = Self { servers, sentinels };
        sentinel.settles(replicas).await?;
        Ok(sentinel)
    }

    /// Waits until each Sentinel knows the others and every replica.
    async fn settles(&self, replicas: usize) -> Result<()> {
        let want = [format!("slaves={replicas}"), format!("sentinels={SENTINELS}"), "status=ok".to_owned()];
        for sentinel in &self.sentinels {
            let known = eventually(START, async || {
                let info = ask(sentinel.port(), "INFO sentinel").await.unwrap_or_default();
                want.iter().all(|want| info.contains(want)).then_some(())
            });
            ensure!(known.await.is_some(), "Sentinel {} does not know the others", sentinel.port());
        }
        Ok(())
    }

    /// The gateways' `store.url`.
    pub fn url(&self) -> String {
        let hosts: Vec<String> =
            self.sentinels.iter().map(|each| format!("127.0.0.1:{}", each.port())).collect();
        format!(
            "redis-sentinel://{GATEWAY}:{PASSWORD}@{}?node={}&sentinelServiceName={SERVICE}\
             &sentinelUsername={GATEWAY}&sentinelPassword={PASSWORD}",
            hosts[0],
            hosts[1..].join("&node=")
        )
    }

    /// The primary that most Sentinels name.
    pub async fn primary(&self) -> Result<&Redis> {
        let mut named = Vec::new();
        for sentinel in &self.sentinels {
            let question = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}");
            if let Ok(answer) = ask(sentinel.port(), &question).await {
                named.extend(answer.lines().nth(1).and_then(|port| port.parse::<u16>().ok()));
            }
        }
        let votes = |port: u16| named.iter().filter(|other| **other == port).count();
        let port = named.iter().copied().max_by_key(|port| votes(*port)).context("no Sentinel answers")?;
        self.servers.iter().find(|server| server.port() == port).context("a primary we did not start")
    }

    /// The ports of the Sentinels.
    pub fn ports(&self) -> Vec<u16> {
        self.sentinels.iter().map(Redis::port).collect()
    }

    /// All servers.
    pub fn servers(&self) -> &[Redis] {
        &self.servers
    }

    /// Stops all of it at once.
    pub fn kill9(&self) {
        self.servers.iter().chain(&self.sentinels).for_each(Redis::kill9);
    }
}

//! A Redis Cluster of three primaries, formed by hand: the slots are dealt out, the nodes introduced to each other.
//! With replicas, each primary has one.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::patience::{START, eventually};
use crate::ports::free_port;
use crate::redis::Redis;
use crate::resp::ask;
use crate::users::{GATEWAY, PASSWORD};

/// The 16384 hash slots, dealt to three.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// Nodes that form one cluster: the three primaries, then their replicas, if any, in the same order.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts three primaries and waits until each of them sees the whole cluster.
    pub async fn start(dir: &Path) -> Result<Self> {
        Self::form(dir, SLOTS.len(), 3000).await
    }

    /// Three primaries with a replica each, which take a silent one for dead after `timeout_ms`.
    pub async fn start_with_replicas(dir: &Path, timeout_ms: u32) -> Result<Self> {
        let cluster = Self::form(dir, 2 * SLOTS.len(), timeout_ms).await?;
        let (primaries, replicas) = cluster.nodes.split_at(SLOTS.len());
        for (primary, replica) in primaries.iter().zip(replicas) {
            let id = ask(primary.port(), "CLUSTER MYID").await?;
            ask(replica.port(), &format!("CLUSTER REPLICATE {id}")).await?;
        }
        for replica in replicas {
            let copied = eventually(START, async || is_synced(replica.port()).await.then_some(())).await;
            ensure!(copied.is_some(), "node {} copies nobody", replica.port());
        }
        // A primary that dies before the others know its replica is not replaced.
        for node in &cluster.nodes {
            let known = eventually(START, async || {
                let nodes = ask(node.port(), "CLUSTER NODES").await.unwrap_or_default();
                (nodes.matches("slave").count() == replicas.len()).then_some(())
            });
            ensure!(known.await.is_some(), "node {} does not know every replica", node.port());
        }
        Ok(cluster)
    }

    async fn form(dir: &Path, count: usize, timeout_ms: u32) -> Result<Self> {
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for index in 0..count {
            let bus = free_port();
            nodes.push(Redis::start_with(dir, &options(index, bus, timeout_ms)).await?);
            buses.push(bus);
        }
        for (index, (node, (from, to))) in nodes.iter().zip(SLOTS).enumerate() {
            // Distinct epochs from the start: otherwise the nodes first settle a collision among themselves.
            ask(node.port(), &format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1)).await?;
            ask(node.port(), &format!("CLUSTER ADDSLOTSRANGE {from} {to}")).await?;
        }
        for (node, bus) in nodes.iter().zip(&buses).skip(1) {
            ask(nodes[0].port(), &format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port())).await?;
        }
        for node in &nodes {
            let whole = eventually(START, async || whole(node.port(), count).await.then_some(())).await;
            ensure!(whole.is_some(), "node {} does not see the whole cluster", node.port());
        }
        Ok(Self { nodes })
    }

    /// The ports of all nodes.
    pub fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(Redis::port).collect()
    }

    /// The gateways' `store.url`.
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://{GATEWAY}:{PASSWORD}@{}?node={}", nodes[0], nodes[1..].join("&node="))
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The nodes that are primaries with slots by the account of most of them.
    pub async fn primaries(&self) -> Result<Vec<&Redis>> {
        let mut accounts = Vec::new();
        for node in &self.nodes {
            let Ok(text) = ask(node.port(), "CLUSTER NODES").await else { continue };
            let mut ports: Vec<u16> = text.lines().filter_map(primary_port).collect();
            ports.sort_unstable();
            accounts.push(ports);
        }
        let count = |ports: &Vec<u16>| accounts.iter().filter(|other| *other == ports).count();
        let ports = accounts.iter().max_by_key(|ports| count(ports)).context("no node answers")?;
        Ok(self.nodes.iter().filter(|node| ports.contains(&node.port())).collect())
    }

    /// Stops all of it at once.
    pub fn kill9(&self) {
        self.nodes.iter().for_each(Redis::kill9);
    }
}

/// The port of a primary that has slots and is not known to have failed, from its line in `CLUSTER NODES`.
fn primary_port(line: &str) -> Option<u16> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let flags = fields.get(2)?;
    let lives = flags.contains("master") && !flags.split(',').any(|flag| flag == "fail") && fields.len() > 8;
    fields[1].split('@').next()?.rsplit(':').next()?.parse().ok().filter(|_| lives)
}

/// Whether the server copies its primary and is up to date.
pub async fn is_synced(port: u16) -> bool {
    let info = ask(port, "INFO replication").await.unwrap_or_default();
    info.contains("master_link_status:up") && info.contains("master_sync_in_progress:0")
}

fn options(index: usize, bus: u16, timeout_ms: u32) -> Vec<String> {
    let config = format!("nodes-{index}.conf");
    let pairs = [
        ("--cluster-enabled", "yes"),
        ("--cluster-node-timeout", &timeout_ms.to_string()),
        ("--cluster-require-full-coverage", "no"),
        ("--cluster-announce-ip", "127.0.0.1"),
        ("--cluster-port", &bus.to_string()),
        ("--cluster-config-file", &config),
        ("--repl-diskless-sync-delay", "0"),
    ];
    pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
}

/// Whether this node knows all of them and every slot. `cluster_state` alone says `ok` too early where full coverage
/// is not required.
async fn whole(port: u16, count: usize) -> bool {
    let info = ask(port, "CLUSTER INFO").await.unwrap_or_default();
    let known = format!("cluster_known_nodes:{count}");
    ["cluster_state:ok", &known, "cluster_size:3", "cluster_slots_ok:16384"]
        .iter()
        .all(|line| info.lines().any(|have| have.trim() == *line))
}

#[cfg(test)]
mod tests {
    use super::primary_port;

    #[test]
    fn a_primary_is_read_from_its_line() {
        let line = |flags: &str, slots: &str| {
            format!("07c37 127.0.0.1:30004@31004,, {flags} - 0 1426238317239 4 connected{slots}")
        };
        assert_eq!(primary_port(&line("myself,master", " 0-5460")), Some(30004));
        assert_eq!(primary_port(&line("master,fail?", " 0-5460")), Some(30004), "only suspected");
        assert_eq!(primary_port(&line("master,fail", " 0-5460")), None, "dead");
        assert_eq!(primary_port(&line("master", "")), None, "without slots");
        assert_eq!(primary_port(&line("slave", "")), None);
    }
}

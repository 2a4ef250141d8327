//! A Redis Cluster of three primaries, formed by hand: the slots are dealt out, the nodes introduced to each other.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::patience::{START, eventually};
use crate::ports::free_port;
use crate::redis::Redis;
use crate::resp::ask;

/// The 16384 hash slots, dealt to three.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// Three primaries that form one cluster.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts the nodes and waits until each of them sees the whole cluster.
    pub async fn start(dir: &Path) -> Result<Self> {
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for index in 0..SLOTS.len() {
            let bus = free_port();
            nodes.push(Redis::start_with(dir, &options(index, bus)).await?);
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
            let whole = eventually(START, async || whole(node.port()).await.then_some(())).await;
            ensure!(whole.is_some(), "node {} does not see the whole cluster", node.port());
        }
        Ok(Self { nodes })
    }

    /// The ports of the three.
    pub fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(Redis::port).collect()
    }

    /// Stops all of it at once.
    pub fn kill9(&self) {
        self.nodes.iter().for_each(Redis::kill9);
    }
}

fn options(index: usize, bus: u16) -> Vec<String> {
    let config = format!("nodes-{index}.conf");
    let pairs = [
        ("--cluster-enabled", "yes"),
        ("--cluster-node-timeout", "3000"),
        ("--cluster-require-full-coverage", "no"),
        ("--cluster-announce-ip", "127.0.0.1"),
        ("--cluster-port", &bus.to_string()),
        ("--cluster-config-file", &config),
    ];
    pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
}

/// Whether this node knows all three and every slot. `cluster_state` alone says `ok` too early where full coverage
/// is not required.
async fn whole(port: u16) -> bool {
    let info = ask(port, "CLUSTER INFO").await.unwrap_or_default();
    ["cluster_state:ok", "cluster_known_nodes:3", "cluster_size:3", "cluster_slots_ok:16384"]
        .iter()
        .all(|line| info.lines().any(|have| have.trim() == *line))
}

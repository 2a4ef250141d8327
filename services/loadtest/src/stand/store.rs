//! The Redis of one side: a server, or a Redis Cluster.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use fred::{clients::Client, types::ClusterHash};
use tokio::time::sleep;

use super::parts::{Part, free_port};
use crate::redis::{ask, connect};

/// How many hash slots a Redis Cluster has.
const SLOTS: usize = 16_384;
/// How long its members may take to find each other.
const JOINING: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);

/// What kind of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One server.
    Standalone,
    /// A Redis Cluster of so many primaries, without replicas.
    Cluster(usize),
}

/// Redis servers that are up.
#[derive(Debug)]
pub(crate) struct Store {
    /// What runs.
    pub(crate) parts: Vec<Part>,
    /// Each server by itself.
    pub(crate) urls: Vec<String>,
    /// As nodes are given it.
    pub(crate) url: String,
}

impl Store {
    /// Starts it, without persistence.
    pub(crate) async fn start(kind: Kind, name: &str, folder: &Path) -> anyhow::Result<Self> {
        let count = match kind {
            Kind::Standalone => 1,
            Kind::Cluster(primaries) => primaries,
        };
        let (mut parts, mut ports) = (Vec::new(), Vec::new());
        for number in 0..count {
            let port = free_port()?;
            let name = format!("{name}-redis-{number}");
            let mut part = Part::start(&name, server(kind, &name, port)?, folder)?;
            part.listens(port).await?;
            parts.push(part);
            ports.push(port);
        }
        let urls: Vec<String> = ports.iter().map(|port| format!("redis://127.0.0.1:{port}")).collect();
        let [first, others @ ..] = &ports[..] else { bail!("a Redis Cluster has at least one primary") };
        let url = match kind {
            Kind::Standalone => format!("redis://127.0.0.1:{first}"),
            Kind::Cluster(_) => {
                form(&urls, &ports).await?;
                let node = |port: &u16| format!("node=127.0.0.1:{port}");
                let others: Vec<String> = others.iter().map(node).collect();
                format!("redis-cluster://127.0.0.1:{first}?{}", others.join("&"))
            }
        };
        Ok(Self { parts, urls, url })
    }
}

fn server(kind: Kind, name: &str, port: u16) -> anyhow::Result<Command> {
    let mut command =
        Command::new(std::env::var("RINGBACK_REDIS_SERVER").unwrap_or("redis-server".to_owned()));
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--save", "", "--appendonly", "no"]);
    if let Kind::Cluster(_) = kind {
        command.args(["--cluster-enabled", "yes", "--cluster-config-file", &format!("{name}.conf")]);
        // The usual one, ten thousand above, is among those that the kernel gives to outgoing connections.
        command.args(["--cluster-port", &free_port()?.to_string()]);
    }
    Ok(command)
}

/// Deals the slots out, and introduces the servers to each other.
async fn form(urls: &[String], ports: &[u16]) -> anyhow::Result<()> {
    let mut servers = Vec::with_capacity(urls.len());
    for url in urls {
        servers.push(connect(url).await?);
    }
    let count = servers.len();
    for (place, server) in servers.iter().enumerate() {
        // Distinct epochs from the start: otherwise they first settle a collision among themselves.
        cluster(server, &format!("SET-CONFIG-EPOCH {}", place + 1)).await?;
        let (from, to) = (SLOTS * place / count, SLOTS * (place + 1) / count - 1);
        cluster(server, &format!("ADDSLOTSRANGE {from} {to}")).await?;
    }
    let first = servers.first().context("no server")?;
    for (server, port) in servers.iter().zip(ports).skip(1) {
        let bus = bus_port(&cluster(server, "NODES").await?).context("no cluster port in CLUSTER NODES")?;
        cluster(first, &format!("MEET 127.0.0.1 {port} {bus}")).await?;
    }
    let end = Instant::now() + JOINING;
    for server in &servers {
        while !is_whole(&cluster(server, "INFO").await?, count) {
            if Instant::now() >= end {
                bail!("the servers of a Redis Cluster do not find each other");
            }
            sleep(LOOK).await;
        }
    }
    Ok(())
}

async fn cluster(server: &Client, what: &str) -> anyhow::Result<String> {
    let words = what.split(' ').map(str::to_owned).collect();
    ask(server, "CLUSTER", ClusterHash::Random, words).await.with_context(|| what.to_owned())
}

/// From its own line: `<id> 127.0.0.1:<port>@<bus port> myself,master …`
fn bus_port(nodes: &str) -> Option<u16> {
    let own = nodes.lines().find(|line| line.contains("myself"))?;
    own.split_once('@')?.1.split([' ', ',']).next()?.parse().ok()
}

fn is_whole(info: &str, count: usize) -> bool {
    let says = |what: &str| info.lines().any(|line| line.trim_end() == what);
    says("cluster_state:ok")
        && says(&format!("cluster_known_nodes:{count}"))
        && says(&format!("cluster_size:{count}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_tells_its_cluster_port() {
        let nodes = "07c3 127.0.0.1:30004@31004 myself,master - 0 0 1 connected 0-5\n";
        assert_eq!(bus_port(nodes), Some(31_004));
        assert_eq!(bus_port("07c3 :30004@31004,host myself,master - 0 0 1 connected\n"), Some(31_004));
    }

    #[test]
    fn a_cluster_is_whole_when_all_have_slots_and_know_each_other() {
        let info = |size: u8| format!("cluster_state:ok\r\ncluster_known_nodes:3\r\ncluster_size:{size}\r\n");
        assert!(is_whole(&info(3), 3) && !is_whole(&info(2), 3));
    }
}

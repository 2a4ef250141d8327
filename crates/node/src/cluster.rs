//! This gateway among the others: it proves that it lives, and knows who else does.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ringback_call::NodeId;
use ringback_store::{Partition, Pulse, Route};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{Config, Node};

/// A node is dead when it is not among the living so often in a row: when the store's data is gone, all are missing
/// until they have proved again that they live.
const MISSES: u32 = 3;

/// What this gateway knows of the cluster.
#[derive(Debug)]
pub struct Cluster {
    /// The gateway's name with a mark of this run of it: one that is started anew under the same name is another
    /// node, so that nothing of the old one passes for its own.
    node: NodeId,
    name: NodeId,
    /// The nodes that live, sorted. Kept as it was while the store can't be asked: an outage kills nobody.
    live: Mutex<Arc<[NodeId]>>,
    /// The store's time when `live` was read.
    live_at: AtomicU64,
    started: Instant,
    /// Milliseconds from `started` to the last heartbeat that got through, plus one; 0: none yet.
    heard: AtomicU64,
    /// How long a proof of life holds.
    ttl: Duration,
    /// How often in a row a node was not among the living.
    misses: Mutex<HashMap<NodeId, u32>>,
    /// Until when nobody is taken for dead: the store was away, and nobody could prove anything.
    amnesty: Mutex<Option<Instant>>,
}

impl Cluster {
    /// A gateway that has not heard of the store yet.
    pub fn new(config: &Config) -> Self {
        let marked = NodeId::new(format!("{}.{:08x}", config.name.as_str(), fastrand::u32(..)));
        let node = marked.unwrap_or_else(|_| config.name.clone());
        Self {
            live: Mutex::new(Arc::from([node.clone()])),
            node,
            name: config.name.clone(),
            live_at: AtomicU64::new(0),
            started: Instant::now(),
            heard: AtomicU64::new(0),
            ttl: Duration::from_millis(config.ttl_ms),
            misses: Mutex::default(),
            amnesty: Mutex::default(),
        }
    }

    /// This run of this gateway, as the cluster knows it.
    pub const fn node(&self) -> &NodeId {
        &self.node
    }

    /// This gateway, as people know it.
    pub const fn name(&self) -> &NodeId {
        &self.name
    }

    /// The nodes that live.
    pub fn live(&self) -> Arc<[NodeId]> {
        Arc::clone(&self.live.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a route leads to a gateway that lives. A connection proves that its gateway lived when it was opened, and
    /// that may be too short a time ago for the gateway to be known here.
    pub fn reaches(&self, route: &Route) -> bool {
        let opened = route.connection.opened_at();
        let ttl_ms = u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX);
        self.live().binary_search(&route.node).is_ok()
            || opened.after(ttl_ms).0 >= self.live_at.load(Ordering::Relaxed)
    }

    /// Whether this gateway is the one to look after a partition (rendezvous hashing: when a node comes or goes,
    /// only its own partitions change hands). It only saves work that two would do twice.
    pub fn looks_after(&self, partition: Partition) -> bool {
        let weight = |node: &NodeId| xxh3_64_with_seed(node.as_str().as_bytes(), u64::from(partition.0));
        let ours = weight(&self.node);
        self.live().iter().all(|node| *node == self.node || weight(node) < ours)
    }

    /// Leaves those among the living that are not missing for long enough.
    fn spare_the_missing(&self, nodes: &mut Vec<NodeId>, all: bool) {
        let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *misses);
        let missing: Vec<NodeId> =
            self.live().iter().filter(|node| nodes.binary_search(node).is_err()).cloned().collect();
        for node in missing {
            let missed = before.get(&node).map_or(1, |missed| missed + 1);
            if all || missed < MISSES {
                nodes.push(node.clone());
                misses.insert(node, missed);
            }
        }
        nodes.sort_unstable();
    }

    /// How long ago the store was heard of; `None`: never.
    pub fn last_heard(&self) -> Option<Duration> {
        let heard = self.heard.load(Ordering::Relaxed).checked_sub(1)?;
        Some(self.started.elapsed().saturating_sub(Duration::from_millis(heard)))
    }

    /// The store has lost data: for one time to live nobody is taken for dead, not even who was not known before.
    pub(crate) fn forgive(&self) {
        let mut amnesty = self.amnesty.lock().unwrap_or_else(PoisonError::into_inner);
        *amnesty = Some(Instant::now() + self.ttl);
    }

    /// Takes what a heartbeat says; returns the nodes that lived before and do not any more.
    fn hear(&self, Pulse { now, mut nodes }: Pulse) -> Vec<NodeId> {
        // Half of it: the others' proofs may have run out while ours could not be given.
        let silent = self.last_heard().is_some_and(|ago| ago > self.ttl / 2);
        let mut amnesty = self.amnesty.lock().unwrap_or_else(PoisonError::into_inner);
        if silent {
            *amnesty = Some(Instant::now() + self.ttl);
        }
        let spared = amnesty.is_some_and(|until| Instant::now() < until);
        drop(amnesty);
        self.spare_the_missing(&mut nodes, spared);
        if !spared {
            self.live_at.store(now.0, Ordering::Relaxed);
        }
        let at = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.heard.store(at + 1, Ordering::Relaxed);
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if **live == *nodes {
            return Vec::new();
        }
        tracing::info!(nodes = ?nodes.iter().map(NodeId::as_str).collect::<Vec<_>>(), "live gateways");
        let before = std::mem::replace(&mut *live, nodes.into());
        before.iter().filter(|node| live.binary_search(node).is_err()).cloned().collect()
    }
}

/// Sends a heartbeat again and again until the gateway stops, then says goodbye.
pub async fn run(node: Arc<Node>) {
    let Node { cluster, store, calls, clock, config, stop, .. } = &*node;
    let mut ticks = interval(config.heartbeat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let limit = Duration::from_millis(config.ttl_ms);
        match timeout(limit, store.heartbeat(cluster.node(), config.ttl_ms)).await {
            Ok(Ok(pulse)) => {
                clock.follow(pulse.now);
                calls.bereaved_of(cluster.hear(pulse));
                if std::mem::take(&mut failing) {
                    tracing::info!("the store is back");
                }
            }
            Ok(Err(error)) if !failing => {
                failing = true;
                tracing::warn!(error = &error as &dyn std::error::Error, "the store does not answer");
            }
            Err(_) if !failing => {
                failing = true;
                tracing::warn!("the store does not answer in time");
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
    let _ = timeout(Duration::from_secs(1), store.leave(cluster.node())).await;
}

#[cfg(test)]
mod tests {
    use ringback_call::{ConnectionId, Timestamp};

    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    /// Without a mark of its run, so that names can be told apart here.
    fn cluster(name: &str) -> Cluster {
        let config = crate::config::tests::config(name);
        Cluster { node: node(name), live: Mutex::new(Arc::from([node(name)])), ..Cluster::new(&config) }
    }

    #[test]
    fn every_partition_has_exactly_one_keeper() {
        let names = ["gw-1", "gw-2", "gw-3"];
        let clusters: Vec<Cluster> = names.iter().map(|name| cluster(name)).collect();
        for cluster in &clusters {
            let _ = cluster
                .hear(Pulse { now: Timestamp(1), nodes: names.iter().map(|name| node(name)).collect() });
        }
        let mut shares = [0; 3];
        for n in 0..64 {
            let keepers: Vec<usize> = (0..3).filter(|&i| clusters[i].looks_after(Partition(n))).collect();
            assert_eq!(keepers.len(), 1, "partition {n}");
            shares[keepers[0]] += 1;
        }
        assert!(shares.iter().all(|&share| share > 10), "{shares:?}");
    }

    #[test]
    fn a_route_is_dead_only_if_the_last_heartbeat_could_have_known_better() {
        let cluster = cluster("gw-1");
        cluster.hear(Pulse { now: Timestamp(10_000), nodes: vec![node("gw-1"), node("gw-2")] });
        let route = |name, at| Route { node: node(name), connection: ConnectionId::new(Timestamp(at), 0) };
        assert!(cluster.reaches(&route("gw-2", 1)));
        assert!(!cluster.reaches(&route("gw-3", 4_999)), "gone");
        let alone = || Pulse { now: Timestamp(10_000), nodes: vec![node("gw-1")] };
        assert!(cluster.hear(alone()).is_empty() && cluster.hear(alone()).is_empty(), "not at once");
        assert_eq!(cluster.hear(alone()), [node("gw-2")]);
        assert!(cluster.hear(alone()).is_empty(), "told once");
        assert!(cluster.reaches(&route("gw-3", 5_001)), "come since");
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_kills_nobody() {
        let cluster = cluster("gw-1");
        let pulse = |names: &[&str]| Pulse {
            now: Timestamp(1_000),
            nodes: names.iter().map(|name| node(name)).collect(),
        };
        cluster.hear(pulse(&["gw-1", "gw-2"]));
        // Nobody could prove anything for longer than a proof holds.
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!(cluster.hear(pulse(&["gw-1"])).is_empty());
        assert_eq!(cluster.live().len(), 2);
        // Who is not back by then is dead.
        for _ in 0..6 {
            tokio::time::advance(Duration::from_secs(1)).await;
            let dead = cluster.hear(pulse(&["gw-1"]));
            assert!(dead.is_empty() || dead == [node("gw-2")]);
        }
        assert_eq!(cluster.live().len(), 1);
    }

    #[test]
    fn a_gateway_that_is_started_anew_is_another_node() {
        let config = crate::config::tests::config("gw-1");
        assert_ne!(Cluster::new(&config).node(), Cluster::new(&config).node());
        assert_eq!(Cluster::new(&config).name().as_str(), "gw-1");
    }

    #[test]
    fn alone_it_keeps_everything() {
        let cluster = cluster("gw-1");
        assert!((0..64).all(|n| cluster.looks_after(Partition(n))));
        assert_eq!(cluster.last_heard(), None);
    }
}

//! Losing what was stored, as a failover does that is behind, or a server that comes back empty. For simulations.

use std::collections::HashMap;

use ringback_call::{NodeId, Timestamp};

use super::{MemoryStore, lock, shelf::Shelf};
use crate::Partition;

/// The proofs of life are in this partition, as in the Redis store.
const NODES: Partition = Partition(0);

/// What some partitions held at some moment.
#[derive(Clone)]
pub struct Snapshot {
    shelves: Vec<(Partition, Shelf)>,
    nodes: Option<HashMap<NodeId, Timestamp>>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.shelves.iter().map(|(partition, _)| partition)).finish()
    }
}

impl Snapshot {
    /// Of partitions that hold nothing.
    pub fn empty(partitions: &[Partition]) -> Self {
        let shelves = partitions.iter().map(|&partition| (partition, Shelf::default())).collect();
        Self { shelves, nodes: partitions.contains(&NODES).then(HashMap::new) }
    }
}

impl MemoryStore {
    /// What these partitions hold now.
    pub fn snapshot(&self, partitions: &[Partition]) -> Snapshot {
        let shelves =
            partitions.iter().map(|&partition| (partition, self.shelf(partition).clone())).collect();
        let nodes = partitions.contains(&NODES).then(|| lock(&self.shared.nodes).clone());
        Snapshot { shelves, nodes }
    }

    /// Lets the partitions of a snapshot hold what they held then. Nobody is told.
    pub fn restore(&self, snapshot: &Snapshot) {
        for (partition, shelf) in &snapshot.shelves {
            *self.shelf(*partition) = shelf.clone();
        }
        if let Some(nodes) = &snapshot.nodes {
            lock(&self.shared.nodes).clone_from(nodes);
        }
    }
}

//! Node liveness in memory.

use async_trait::async_trait;
use ringback_call::{Millis, NodeId};

use super::{MemoryStore, lock};
use crate::{Nodes, Pulse, StoreError};

#[async_trait]
impl Nodes for MemoryStore {
    async fn heartbeat(&self, node: &NodeId, ttl_ms: Millis) -> Result<Pulse, StoreError> {
        let now = self.now();
        let mut nodes = lock(&self.shared.nodes);
        nodes.insert(node.clone(), now.after(ttl_ms));
        nodes.retain(|_, until| *until > now);
        let mut live: Vec<NodeId> = nodes.keys().cloned().collect();
        live.sort_unstable();
        Ok(Pulse { now, nodes: live })
    }

    async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        lock(&self.shared.nodes).remove(node);
        Ok(())
    }
}

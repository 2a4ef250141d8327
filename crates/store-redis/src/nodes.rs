//! Which gateways live, and messages to them.

use async_trait::async_trait;
use bytes::Bytes;
use fred::types::Value;
use ringback_call::{Millis, NodeId, Timestamp};
use ringback_store::{Bus, Nodes, Partition, Pulse, StoreError, Subscription};

use crate::{
    RedisStore,
    keys::{LONGEST_TTL_MS, NODES, NODES_TTL_MS},
    reply::{self, Unexpected},
    request::{HEARTBEAT, Request, SEND},
};

#[async_trait]
impl Nodes for RedisStore {
    async fn heartbeat(&self, node: &NodeId, ttl_ms: Millis) -> Result<Pulse, StoreError> {
        let ttl = ttl_ms.min(LONGEST_TTL_MS);
        let args =
            vec![node.as_str().into(), ttl.to_string().into(), NODES_TTL_MS.max(ttl).to_string().into()];
        let request = Request::script("nodes", &HEARTBEAT, vec![self.keys().nodes()], args);
        read_pulse(self.run(NODES, &request).await?).map_err(|error| error.in_the("nodes"))
    }

    async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        let request = Request::command("nodes", "ZREM", self.keys().nodes(), vec![node.as_str().into()]);
        self.run(NODES, &request).await.map(drop)
    }
}

#[async_trait]
impl Bus for RedisStore {
    async fn subscribe(&self, node: &NodeId) -> Result<Subscription, StoreError> {
        self.subscribe_node(node).await
    }

    async fn publish(&self, partition: Partition, node: &NodeId, body: Bytes) -> Result<bool, StoreError> {
        let keys = vec![
            self.keys().channel(partition, node.as_str()).into(),
            self.keys().count(partition, node.as_str()),
        ];
        // At most once: not sent again when it may have been.
        let args = vec![body.into()];
        let request = Request::script("a message", &SEND, keys, args).once();
        let receivers = self.run(partition, &request).await?;
        reply::integer(receivers).map(|count| count > 0).map_err(|error| error.in_the("a message"))
    }
}

fn read_pulse(reply: Value) -> Result<Pulse, Unexpected> {
    let mut values = reply::list(reply)?.into_iter();
    let now = Timestamp(reply::number(reply::next(&mut values)?)?);
    let node = |value| NodeId::new(reply::text(value)?).map_err(|_| Unexpected("not a node id"));
    let mut nodes = values.map(node).collect::<Result<Vec<_>, _>>()?;
    nodes.sort_unstable();
    Ok(Pulse { now, nodes })
}

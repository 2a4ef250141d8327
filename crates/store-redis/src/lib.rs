//! The store in Redis: standalone, behind Sentinels, or a Cluster.
//!
//! The only crate that knows Redis. What is stored is in `keys`; each operation that has to be one step is one
//! script in `scripts/`, whose head says what goes in and out; the scripts know nothing of calls. From the top:
//!
//! - `commits`, `users`, `call_log`, `sessions`, `nodes`, `outbox`: the traits of `ringback-store`, made of requests;
//! - `request`: one command or script;
//! - `topology`, `discovery`, `slots`: which primary has which partition. `topology/sending` sends a request there, again
//!   after an error that may pass, within [`COMMAND_TIMEOUT_MS`](ringback_store::COMMAND_TIMEOUT_MS). A commit is sent
//!   again as it is: its expected version makes a repeat harmless;
//! - `shard`, `subscriber`, `bus`: the connections to one primary, and what comes in by them;
//! - `counts`, `proof`, `doubts`: whether all of it has come in;
//! - [`diagnosis`]: what a Redis is like, for an operator, and whether its user may do what is done here.
//!
//! Redis may be away at any time, from the start on: connections are made in the background for as long as it
//! takes, and operations meanwhile fail with [`StoreError::Unavailable`] when their time is over.
//!
//! Sharded pub/sub needs Redis 7 or Valkey. In a cluster, operations on a slot that is just being moved wait until
//! it has been. `cluster-require-full-coverage no` is advised: with `yes` one lost primary stops all.

mod bus;
mod call_log;
mod commits;
mod counts;
mod deadlines;
pub mod diagnosis;
mod discovery;
mod doubts;
mod errors;
mod keys;
mod nodes;
mod outbox;
mod proof;
mod reply;
mod request;
mod sessions;
mod settings;
mod shard;
mod slots;
mod subscriber;
mod topology;
mod users;

use std::sync::Arc;

use fred::types::Value;
use ringback_call::{CallId, NodeId};
use ringback_store::{Partition, Partitions, Store, StoreError, Subscription, Version};
use tokio_util::sync::{CancellationToken, DropGuard};

pub use errors::ConnectError;
pub use settings::{Credentials, Durability, RedisSettings};

use keys::Keys;
use request::Request;
use topology::Topology;

/// The store in Redis. Clones share their connections; the last one to be dropped ends them, or
/// [`close`](Self::close) does.
#[derive(Clone, Debug)]
pub struct RedisStore {
    topology: Arc<Topology>,
    _stop: Arc<DropGuard>,
}

impl RedisStore {
    /// Starts connecting, in the background: Redis need not be up yet.
    ///
    /// # Errors
    /// Only for settings that can't be meant.
    pub async fn connect(settings: RedisSettings) -> Result<Self, ConnectError> {
        let dialer = settings.check()?;
        let stop = CancellationToken::new();
        let topology = Topology::start(&settings, dialer, stop.clone());
        Ok(Self { topology, _stop: Arc::new(stop.drop_guard()) })
    }

    /// Ends every connection and subscription. Operations fail from now on.
    pub async fn close(&self) {
        self.topology.close().await;
    }

    fn keys(&self) -> &Keys {
        &self.topology.keys
    }

    fn partition_of(&self, call: &CallId) -> Option<Partition> {
        self.topology.partitions.of_call(call)
    }

    async fn run(&self, partition: Partition, request: &Request) -> Result<Value, StoreError> {
        self.topology.run(partition, &|| request.clone()).await
    }

    fn waits_for_replicas(&self) -> bool {
        self.topology.durability == Durability::Replicated
    }

    /// Returns once a replica has this version, written by its partition's connection, if that is asked for.
    async fn replicate(
        &self,
        partition: Partition,
        call: &CallId,
        version: Version,
    ) -> Result<(), StoreError> {
        if !self.waits_for_replicas() {
            return Ok(());
        }
        // Boxed, or else every commit would be as large as this makes it.
        Box::pin(self.topology.replicate(partition, self.keys().call(partition, call), version)).await
    }

    async fn subscribe_node(&self, node: &NodeId) -> Result<Subscription, StoreError> {
        self.topology.subscribe(node.as_str()).await
    }
}

impl Store for RedisStore {
    fn partitions(&self) -> Partitions {
        self.topology.partitions
    }
}

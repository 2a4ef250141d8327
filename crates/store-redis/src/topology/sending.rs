//! Sending to the primary of a partition, whichever that is by now, and waiting for its replicas.

use std::time::Duration;

use fred::{
    interfaces::ClientLike as _,
    types::{ClusterHash, CustomCommand, Key, Value},
};
use ringback_store::{COMMAND_TIMEOUT_MS, Partition, StoreError, Version};
use tokio::time::{Instant, timeout_at};

use super::Topology;
use crate::{
    errors::{Fault, GivenUp},
    keys, reply,
    request::{self, Request},
};

/// The first pause before a command is sent again, and the longest.
const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(100);
/// How long a replica may take to have a commit, in milliseconds. Shorter than a command may take.
const REPLICA_MS: i64 = 500;

impl Topology {
    /// Sends a request to the primary of its partition, and again after an error that may pass, until it is
    /// answered or [`COMMAND_TIMEOUT_MS`] are over.
    pub(crate) async fn run(
        &self,
        partition: Partition,
        make: &(impl Fn() -> Request + Sync),
    ) -> Result<Value, StoreError> {
        let deadline = Instant::now() + Duration::from_millis(COMMAND_TIMEOUT_MS);
        let mut given_up = GivenUp::NoPrimary;
        let mut pause = SHORT;
        loop {
            if self.is_closed() {
                return Err(StoreError::unavailable(GivenUp::Closed));
            }
            let map = self.map();
            let client = map.owner(partition).map(|shard| shard.commands(partition));
            if let Some(client) = client.filter(|client| client.is_connected()) {
                let sent = timeout_at(deadline, request::send(make, client)).await;
                let Ok(answer) = sent else { return Err(StoreError::unavailable(given_up)) };
                let error = match answer {
                    Ok(value) => return Ok(value),
                    Err(error) => error,
                };
                let fault = Fault::of(&error);
                let request = make();
                let (what, repeatable) = (request.what(), request.is_repeatable());
                tracing::debug!(%partition, what, ?fault, "a request failed");
                match fault {
                    Fault::Final => return Err(StoreError::corrupt(what, error)),
                    Fault::Unknown if !repeatable => {
                        self.doubt(&fault);
                        return Err(StoreError::unavailable(error));
                    }
                    _ => self.doubt(&fault),
                }
                given_up = GivenUp::TooLate(error);
            } else {
                self.doubt(&Fault::Refused);
            }
            if Instant::now() + pause >= deadline {
                return Err(StoreError::unavailable(given_up));
            }
            self.changed(pause).await;
            pause = LONG.min(pause * 2);
        }
    }

    /// Waits until a replica has everything that was written by this partition's connection, this version of a
    /// document among it.
    pub(crate) async fn replicate(
        &self,
        partition: Partition,
        document: Key,
        version: Version,
    ) -> Result<(), StoreError> {
        let map = self.map();
        let Some(shard) = map.owner(partition) else {
            return Err(StoreError::unavailable(GivenUp::NoPrimary));
        };
        let client = shard.commands(partition);
        let wait = CustomCommand::new_static("WAIT", ClusterHash::FirstKey, false);
        let read = CustomCommand::new_static("HGET", ClusterHash::FirstKey, false);
        // A connection made anew has written nothing, so WAIT answers at once: but if the document is there, it came
        // to this server by replication.
        let both = futures::future::try_join(
            client.custom::<Value, Value>(wait, vec![Value::Integer(1), Value::Integer(REPLICA_MS)]),
            client.custom::<Value, Value>(read, vec![document.into(), keys::VERSION.into()]),
        );
        let (replicas, stored) = both.await.map_err(|error| {
            self.doubt(&Fault::of(&error));
            StoreError::unavailable(error)
        })?;
        let has_it = reply::text(stored).ok().and_then(|text| text.parse::<Version>().ok());
        let has_it = has_it.is_some_and(|stored| stored == version || stored.count > version.count);
        match replicas.as_i64() {
            Some(replicas) if replicas >= 1 && has_it => Ok(()),
            _ => Err(StoreError::unavailable(GivenUp::NoReplica)),
        }
    }
}

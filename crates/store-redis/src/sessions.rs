//! Sessions that can be resumed: one small key each, whose time to live is the session's.

use async_trait::async_trait;
use fred::types::{Key, Value};
use ringback_call::{Endpoint, Millis, SessionId};
use ringback_store::{Partition, Sessions, Store as _, StoreError};

use crate::{RedisStore, keys::LONGEST_TTL_MS, reply, request::Request};

const WHAT: &str = "a session";

#[async_trait]
impl Sessions for RedisStore {
    async fn keep(&self, owner: &Endpoint, session: &SessionId, ttl_ms: Millis) -> Result<(), StoreError> {
        let (partition, key) = self.place_of_session(owner, session);
        let ttl = ttl_ms.clamp(1, LONGEST_TTL_MS).to_string();
        let args = vec![owner.device.as_str().into(), "PX".into(), ttl.into()];
        self.run(partition, &Request::command(WHAT, "SET", key, args)).await.map(drop)
    }

    async fn is_kept(&self, owner: &Endpoint, session: &SessionId) -> Result<bool, StoreError> {
        let (partition, key) = self.place_of_session(owner, session);
        match self.run(partition, &Request::command(WHAT, "GET", key, Vec::new())).await? {
            Value::Null => Ok(false),
            device => {
                let device = reply::text(device).map_err(|error| error.in_the(WHAT))?;
                Ok(device == owner.device.as_str())
            }
        }
    }
}

impl RedisStore {
    fn place_of_session(&self, owner: &Endpoint, session: &SessionId) -> (Partition, Key) {
        let partition = self.partitions().of_user(&owner.user);
        (partition, self.keys().session(partition, &owner.user, session))
    }
}

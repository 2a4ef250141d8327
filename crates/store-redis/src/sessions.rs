//! Sessions that can be resumed: one small key each, whose time to live is the session's.

use async_trait::async_trait;
use bytes::Bytes;
use fred::types::{Key, Value};
use ringback_call::{Endpoint, Millis, SessionId};
use ringback_store::{Greeted, Partition, Sessions, Store as _, StoreError};

use crate::{
    RedisStore,
    keys::LONGEST_TTL_MS,
    reply::{self, Unexpected},
    request::{GREET, Request},
};

const WHAT: &str = "a session";

#[async_trait]
impl Sessions for RedisStore {
    async fn keep(
        &self,
        owner: &Endpoint,
        session: &SessionId,
        notes: Bytes,
        ttl_ms: Millis,
    ) -> Result<(), StoreError> {
        let (partition, key) = self.place_of_session(owner, session);
        let ttl = ttl_ms.clamp(1, LONGEST_TTL_MS).to_string();
        let value = [owner.device.as_str().as_bytes(), b" ", &notes].concat();
        let args = vec![Bytes::from(value).into(), "PX".into(), ttl.into()];
        self.run(partition, &Request::command(WHAT, "SET", key, args)).await.map(drop)
    }

    async fn greet(&self, owner: &Endpoint, session: Option<&SessionId>) -> Result<Greeted, StoreError> {
        let (partition, key) = match session {
            Some(session) => self.place_of_session(owner, session),
            // Only for its place: there is no session without a name.
            None => {
                let partition = self.partitions().of_user(&owner.user);
                (partition, self.keys().no_session(partition))
            }
        };
        let reply = self.run(partition, &Request::script(WHAT, &GREET, vec![key], Vec::new())).await?;
        read_greeted(reply, owner).map_err(|error| error.in_the(WHAT))
    }
}

fn read_greeted(reply: Value, owner: &Endpoint) -> Result<Greeted, Unexpected> {
    let mut values = reply::list(reply)?.into_iter();
    let value = reply::bytes(reply::next(&mut values)?)?;
    // A device's name has no blank.
    let mut halves = value.splitn(2, |&byte| byte == b' ');
    let ours = halves.next() == Some(owner.device.as_str().as_bytes());
    let notes = halves.next().filter(|_| ours).map(|notes| value.slice_ref(notes));
    let seconds = reply::number(reply::next(&mut values)?)?;
    let micros = reply::number(reply::next(&mut values)?)?;
    Ok(Greeted { notes, now_us: seconds * 1_000_000 + micros })
}

impl RedisStore {
    fn place_of_session(&self, owner: &Endpoint, session: &SessionId) -> (Partition, Key) {
        let partition = self.partitions().of_user(&owner.user);
        (partition, self.keys().session(partition, &owner.user, session))
    }
}

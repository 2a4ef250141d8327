//! Users' logs of calls.

use async_trait::async_trait;
use bytes::Bytes;
use fred::types::{Key, Value};
use ringback_call::{DeviceId, Millis, Timestamp, UserId};
use ringback_store::{CallLog, DEVICES_HEARD, LogPage, LogPlace, Missed, Partition, Store as _, StoreError};

use crate::{
    RedisStore,
    keys::{LONGEST_TTL_MS, score},
    reply::{self, Unexpected},
    request::{CONFIRM, LOG, MISSED, Request},
};

const WHAT: &str = "a log of calls";

#[async_trait]
impl CallLog for RedisStore {
    async fn log(&self, user: &UserId, page: LogPage) -> Result<Vec<(LogPlace, Bytes)>, StoreError> {
        let (partition, keys) = self.places_of_log(user);
        let (after, call) = match &page.before {
            Some(place) => (score(place.ended_at), place.call.as_str()),
            None => (String::new(), ""),
        };
        let args = vec![page.limit.to_string().into(), score(page.since).into(), after.into(), call.into()];
        let [log, _, records, _] = keys;
        let reply = self.run(partition, &Request::script(WHAT, &LOG, vec![log, records], args)).await?;
        read_page(reply).map_err(|error| error.in_the(WHAT))
    }

    async fn missed(
        &self,
        user: &UserId,
        device: &DeviceId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Missed, StoreError> {
        let (partition, [_, missed, records, told]) = self.places_of_log(user);
        let args = vec![device.as_str().into(), score(since).into(), limit.to_string().into()];
        let request = Request::script(WHAT, &MISSED, vec![missed, records, told], args);
        read_missed(self.run(partition, &request).await?).map_err(|error| error.in_the(WHAT))
    }

    async fn confirm(
        &self,
        user: &UserId,
        device: &DeviceId,
        until: Timestamp,
        ttl_ms: Millis,
    ) -> Result<(), StoreError> {
        let (partition, [_, _, _, told]) = self.places_of_log(user);
        let args = vec![
            device.as_str().into(),
            score(until).into(),
            DEVICES_HEARD.to_string().into(),
            ttl_ms.min(LONGEST_TTL_MS).to_string().into(),
        ];
        self.run(partition, &Request::script(WHAT, &CONFIRM, vec![told], args)).await.map(drop)
    }
}

impl RedisStore {
    /// Where a user's log is: its order, the missed ones, the records, and who knows of them.
    pub(crate) fn places_of_log(&self, user: &UserId) -> (Partition, [Key; 4]) {
        let partition = self.partitions().of_user(user);
        let keys = self.keys();
        let places = [
            keys.log(partition, user),
            keys.missed(partition, user),
            keys.records(partition, user),
            keys.told(partition, user),
        ];
        (partition, places)
    }
}

fn read_page(reply: Value) -> Result<Vec<(LogPlace, Bytes)>, Unexpected> {
    let mut values = reply::list(reply)?.into_iter();
    let mut page = Vec::with_capacity(values.len() / 3);
    while let Some(call) = values.next() {
        let call = reply::call_id(call)?;
        let ended_at = Timestamp(reply::number(reply::next(&mut values)?)?);
        page.push((LogPlace { ended_at, call }, reply::bytes(reply::next(&mut values)?)?));
    }
    Ok(page)
}

fn read_missed(reply: Value) -> Result<Missed, Unexpected> {
    let mut values = reply::list(reply)?.into_iter();
    let until = Timestamp(reply::number(reply::next(&mut values)?)?);
    Ok(Missed { until, records: values.map(reply::bytes).collect::<Result<_, _>>()? })
}

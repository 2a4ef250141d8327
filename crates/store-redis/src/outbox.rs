//! Outboxes: a stream in each partition, read by one consumer group, and one of dead letters.

use async_trait::async_trait;
use bytes::Bytes;
use fred::types::{Key, Value};
use ringback_call::NodeId;
use ringback_store::{
    Collected, DeadLetter, Lease, Letter, Outbox, Partition, Position, Retention, StoreError,
};

use crate::{
    RedisStore,
    keys::{LONGEST_TTL_MS, OUTBOX_GROUP},
    reply::{self, Unexpected},
    request::{BURY, COLLECT, RELEASE, REVIVE, Request, WAITING},
};

const WHAT: &str = "an outbox";

#[async_trait]
impl Outbox for RedisStore {
    async fn collect(
        &self,
        partition: Partition,
        lease: &Lease,
        pending_after: Option<Position>,
        limit: usize,
    ) -> Result<Collected, StoreError> {
        let keys = vec![self.keys().outbox(partition), self.keys().outbox_lease(partition)];
        let args = vec![
            lease.holder.as_str().into(),
            lease.ttl_ms.clamp(1, LONGEST_TTL_MS).to_string().into(),
            limit.to_string().into(),
            pending_after.map(|position| position.to_string()).unwrap_or_default().into(),
            OUTBOX_GROUP.into(),
        ];
        let reply = self.run(partition, &Request::script(WHAT, &COLLECT, keys, args)).await?;
        read_collected(reply).map_err(|error| error.in_the(WHAT))
    }

    async fn acknowledge(&self, partition: Partition, letter: Position) -> Result<(), StoreError> {
        let args = vec![OUTBOX_GROUP.into(), letter.to_string().into()];
        let request = Request::command(WHAT, "XACK", self.keys().outbox(partition), args);
        self.run(partition, &request).await.map(drop)
    }

    async fn bury(
        &self,
        partition: Partition,
        letter: &Letter,
        why: &str,
        retention: Retention,
    ) -> Result<(), StoreError> {
        let keys = vec![self.keys().outbox(partition), self.keys().dead_letters(partition)];
        let (keep, most) = bounds(retention);
        let args = vec![
            letter.position.to_string().into(),
            letter.body.clone().into(),
            why.into(),
            keep.into(),
            most.into(),
            OUTBOX_GROUP.into(),
        ];
        self.run(partition, &Request::script(WHAT, &BURY, keys, args)).await.map(drop)
    }

    async fn release(&self, partition: Partition, holder: &NodeId) -> Result<(), StoreError> {
        let keys = vec![self.keys().outbox_lease(partition)];
        let request = Request::script(WHAT, &RELEASE, keys, vec![holder.as_str().into()]);
        self.run(partition, &request).await.map(drop)
    }

    async fn waiting(&self, partition: Partition) -> Result<u64, StoreError> {
        let keys = vec![self.keys().outbox(partition)];
        let request = Request::script(WHAT, &WAITING, keys, vec![OUTBOX_GROUP.into()]);
        reply::number(self.run(partition, &request).await?).map_err(|error| error.in_the(WHAT))
    }

    async fn browse(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Letter>, StoreError> {
        let entries = self.range(partition, self.keys().outbox(partition), after, limit).await?;
        let letters = entries.into_iter().map(|(position, mut fields)| {
            Ok(Letter { position, body: reply::bytes(field(&mut fields, "event")?)? })
        });
        letters.collect::<Result<_, Unexpected>>().map_err(|error| error.in_the(WHAT))
    }

    async fn browse_dead(
        &self,
        partition: Partition,
        after: Position,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let entries = self.range(partition, self.keys().dead_letters(partition), after, limit).await?;
        let letters = entries.into_iter().map(|(position, mut fields)| {
            let body = reply::bytes(field(&mut fields, "event")?)?;
            let why = reply::text(field(&mut fields, "why")?)?;
            Ok(DeadLetter { letter: Letter { position, body }, why })
        });
        letters.collect::<Result<_, Unexpected>>().map_err(|error| error.in_the(WHAT))
    }

    async fn revive(
        &self,
        partition: Partition,
        dead: Position,
        retention: Retention,
    ) -> Result<bool, StoreError> {
        let keys = vec![self.keys().outbox(partition), self.keys().dead_letters(partition)];
        let (keep, most) = bounds(retention);
        let args = vec![dead.to_string().into(), keep.into(), most.into()];
        let reply = self.run(partition, &Request::script(WHAT, &REVIVE, keys, args)).await?;
        reply::integer(reply).map(|revived| revived == 1).map_err(|error| error.in_the(WHAT))
    }
}

/// As the scripts take them.
pub(crate) fn bounds(retention: Retention) -> (String, String) {
    (retention.keep_ms.clamp(1, LONGEST_TTL_MS).to_string(), retention.most.to_string())
}

impl RedisStore {
    /// The entries of a stream after a position.
    async fn range(
        &self,
        partition: Partition,
        stream: Key,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Vec<(String, Value)>)>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let args = vec![format!("({after}").into(), "+".into(), "COUNT".into(), limit.into()];
        let reply = self.run(partition, &Request::command(WHAT, "XRANGE", stream, args)).await?;
        let entries = reply::list(reply).map_err(|error| error.in_the(WHAT))?;
        entries.into_iter().map(read_entry).collect::<Result<_, _>>().map_err(|error| error.in_the(WHAT))
    }
}

fn read_entry(entry: Value) -> Result<(Position, Vec<(String, Value)>), Unexpected> {
    let mut parts = reply::list(entry)?.into_iter();
    let position = position(reply::next(&mut parts)?)?;
    Ok((position, reply::fields(reply::next(&mut parts)?)?))
}

fn field(fields: &mut Vec<(String, Value)>, name: &str) -> Result<Value, Unexpected> {
    let place = fields.iter().position(|(field, _)| field == name).ok_or(Unexpected("an entry's field"))?;
    Ok(fields.swap_remove(place).1)
}

fn position(value: Value) -> Result<Position, Unexpected> {
    reply::text(value)?.parse().map_err(|_| Unexpected("not an entry's id"))
}

fn read_collected(reply: Value) -> Result<Collected, Unexpected> {
    let mut values = reply::list(reply)?.into_iter();
    match reply::integer(reply::next(&mut values)?)? {
        0 => Ok(Collected::Nothing),
        1 => Ok(Collected::Theirs),
        2 => {
            let anew = reply::integer(reply::next(&mut values)?)? == 1;
            let lost = reply::number(reply::next(&mut values)?)?;
            let after = reply::text(reply::next(&mut values)?)?;
            let pending_after = match after.as_str() {
                "" => None,
                "0" => Some(Position::START),
                id => Some(id.parse().map_err(|_| Unexpected("not an entry's id"))?),
            };
            let mut letters = Vec::with_capacity(values.len() / 2);
            while let Some(id) = values.next() {
                let body: Bytes = reply::bytes(reply::next(&mut values)?)?;
                letters.push(Letter { position: position(id)?, body });
            }
            Ok(Collected::Ours { anew, letters, pending_after, lost })
        }
        _ => Err(Unexpected("an unknown outcome")),
    }
}

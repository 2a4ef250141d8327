//! Users' records.

use async_trait::async_trait;
use fred::types::Value;
use ringback_call::{CallId, ConnectionId, DeviceId, NodeId, Timestamp, UserId};
use ringback_store::{
    Attempt, Ended, Enlisted, LAST_ENDED, Listed, LogEntry, Pace, Partition, Registered, Route, Store as _,
    StoreError, UserRecord, Users,
};

use crate::{
    RedisStore,
    errors::GivenUp,
    keys::{LONGEST_TTL_MS, USER_TTL_MS, padded},
    reply::{self, Unexpected},
    request::{DELIST, ENLIST, REGISTER, Request, UNREGISTER},
};

const WHAT: &str = "a user";

#[async_trait]
impl Users for RedisStore {
    async fn register(
        &self,
        user: &UserId,
        device: &DeviceId,
        route: Route,
        max: usize,
    ) -> Result<Registered, StoreError> {
        let args = vec![
            device.as_str().into(),
            padded(route.connection).into(),
            route.node.as_str().into(),
            max.to_string().into(),
            USER_TTL_MS.to_string().into(),
        ];
        let reply = self.run_script(user, &REGISTER, args).await?;
        read_registered(reply, &route).map_err(|error| error.in_the(WHAT))
    }

    async fn unregister(
        &self,
        user: &UserId,
        device: &DeviceId,
        connection: ConnectionId,
    ) -> Result<bool, StoreError> {
        let args = vec![device.as_str().into(), padded(connection).into()];
        let reply = self.run_script(user, &UNREGISTER, args).await?;
        reply::integer(reply).map(|removed| removed == 1).map_err(|error| error.in_the(WHAT))
    }

    async fn lookup(&self, user: &UserId) -> Result<UserRecord, StoreError> {
        let (partition, key) = self.place_of(user);
        let reply = self.run(partition, &Request::command(WHAT, "HGETALL", key, Vec::new())).await?;
        let record = record(reply).map_err(|error| error.in_the(WHAT))?;
        self.believe(partition, &record).await?;
        Ok(record)
    }

    async fn enlist(
        &self,
        user: &UserId,
        call: &CallId,
        at: Timestamp,
        max: usize,
        counts: Option<(Attempt, Pace)>,
    ) -> Result<Enlisted, StoreError> {
        let mut args: Vec<Value> = vec![
            call.as_str().into(),
            at.0.to_string().into(),
            max.to_string().into(),
            USER_TTL_MS.to_string().into(),
        ];
        let (partition, key) = self.place_of(user);
        let mut attempt = Attempt::Made;
        if let Some((counted_as, pace)) = counts {
            attempt = counted_as;
            args.push(pace.every_ms.min(LONGEST_TTL_MS).to_string().into());
            args.push(pace.ahead_ms().min(LONGEST_TTL_MS).to_string().into());
        }
        let keys = vec![key, self.keys().attempts(partition, user, attempt)];
        let reply = self.run(partition, &Request::script(WHAT, &ENLIST, keys, args)).await?;
        let enlisted = read_enlisted(reply).map_err(|error| error.in_the(WHAT))?;
        if let Enlisted::Done(record) | Enlisted::Full(record) = &enlisted {
            self.believe(partition, record).await?;
        }
        Ok(enlisted)
    }

    async fn delist(&self, user: &UserId, call: &CallId, ended: Option<Ended>) -> Result<(), StoreError> {
        let mut args: Vec<Value> = vec![call.as_str().into()];
        let mut log = None;
        match ended {
            Some(ended) => {
                args.push(ended.at.0.to_string().into());
                args.push(ended.at.after(ended.keep_ms).0.to_string().into());
                args.push(LAST_ENDED.to_string().into());
                args.push(ended.keep_ms.min(LONGEST_TTL_MS).to_string().into());
                log = ended.log;
            }
            None => args.push("".into()),
        }
        if let Some(LogEntry { record, missed, bounds }) = log {
            args.push(record.into());
            args.push(if missed { "1" } else { "0" }.into());
            args.push(bounds.entries.to_string().into());
            args.push(bounds.age_ms.min(LONGEST_TTL_MS).to_string().into());
        }
        let (partition, key) = self.place_of(user);
        let (_, [log, missed, records, _]) = self.places_of_log(user);
        let keys = vec![key, log, missed, records, self.keys().ended(partition, user)];
        self.run(partition, &Request::script(WHAT, &DELIST, keys, args)).await.map(drop)
    }

    async fn last_ended(&self, user: &UserId) -> Result<Vec<CallId>, StoreError> {
        let partition = self.partitions().of_user(user);
        let args = vec!["0".into(), "-1".into()];
        let request = Request::command(WHAT, "ZRANGE", self.keys().ended(partition, user), args);
        let reply = self.run(partition, &request).await?;
        last_ended(reply).map_err(|error| error.in_the(WHAT))
    }
}

const DEVICE: &str = "d:";
const CALL: &str = "c:";

impl RedisStore {
    fn place_of(&self, user: &UserId) -> (Partition, fred::types::Key) {
        let partition = self.partitions().of_user(user);
        (partition, self.keys().user(partition, user))
    }

    /// That a user has no device is believed only of a partition that has lost nothing of late.
    async fn believe(&self, partition: Partition, record: &UserRecord) -> Result<(), StoreError> {
        if !record.routes.is_empty() {
            return Ok(());
        }
        // Before it is asked for: the first probe may be giving it a history at this moment.
        let known = self.topology.listeners.history(partition);
        let request = Request::command("a history", "GET", self.keys().history(partition), Vec::new());
        let history = reply::text(self.run(partition, &request).await?).ok();
        if self.topology.listeners.is_settling(partition, known.as_deref(), history.as_deref()) {
            self.topology.prove_again(partition);
            return Err(StoreError::unavailable(GivenUp::Settling));
        }
        Ok(())
    }

    async fn run_script(
        &self,
        user: &UserId,
        script: &'static fred::types::scripts::Script,
        args: Vec<Value>,
    ) -> Result<Value, StoreError> {
        let (partition, key) = self.place_of(user);
        self.run(partition, &Request::script(WHAT, script, vec![key], args)).await
    }
}

fn read_registered(reply: Value, route: &Route) -> Result<Registered, Unexpected> {
    let mut values = reply::list(reply)?.into_iter();
    match reply::integer(reply::next(&mut values)?)? {
        0 => Ok(Registered::Superseded(read_route(&reply::text(reply::next(&mut values)?)?)?)),
        1 => {
            let before = reply::text(reply::next(&mut values)?)?;
            let before = if before.is_empty() { None } else { Some(read_route(&before)?) };
            let record = record(reply::next(&mut values)?)?;
            Ok(Registered::Done { replaced: before.filter(|before| before != route), record })
        }
        2 => Ok(Registered::TooMany(record(reply::next(&mut values)?)?)),
        _ => Err(Unexpected("an unknown outcome")),
    }
}

fn read_enlisted(reply: Value) -> Result<Enlisted, Unexpected> {
    let mut values = reply::list(reply)?.into_iter();
    let outcome = reply::integer(reply::next(&mut values)?)?;
    let what = reply::next(&mut values)?;
    match outcome {
        0 => Ok(Enlisted::Full(record(what)?)),
        1 => Ok(Enlisted::Done(record(what)?)),
        2 => Ok(Enlisted::TooSoon(reply::number(what)?)),
        _ => Err(Unexpected("an unknown outcome")),
    }
}

fn record(reply: Value) -> Result<UserRecord, Unexpected> {
    let mut record = UserRecord::default();
    for (field, value) in reply::fields(reply)? {
        if let Some(device) = field.strip_prefix(DEVICE) {
            let device = DeviceId::new(device).map_err(|_| Unexpected("not a device id"))?;
            record.routes.push((device, read_route(&reply::text(value)?)?));
        } else if let Some(call) = field.strip_prefix(CALL) {
            let at = Timestamp(reply::number(value)?);
            record.calls.push(Listed { call: reply::read_call_id(call)?, at });
        }
    }
    record.routes.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    record.calls.sort_unstable();
    Ok(record)
}

fn last_ended(reply: Value) -> Result<Vec<CallId>, Unexpected> {
    let mut calls = reply::list(reply)?.into_iter().map(reply::call_id).collect::<Result<Vec<_>, _>>()?;
    calls.sort_unstable();
    Ok(calls)
}

fn read_route(text: &str) -> Result<Route, Unexpected> {
    let (connection, node) = text.split_once(':').ok_or(Unexpected("not a route"))?;
    let connection = connection.parse().map(ConnectionId).map_err(|_| Unexpected("not a connection"))?;
    let node = NodeId::new(node).map_err(|_| Unexpected("not a node id"))?;
    Ok(Route { node, connection })
}

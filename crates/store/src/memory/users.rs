//! Users' records in memory.

use async_trait::async_trait;
use ringback_call::{CallId, ConnectionId, DeviceId, Timestamp, UserId};

use super::{
    MemoryStore,
    shelf::{USER_TTL_MS, UserRow},
};
use crate::{
    Attempt, Ended, Enlisted, LAST_ENDED, Listed, Pace, Registered, Route, Store as _, StoreError,
    UserRecord, Users,
};

impl UserRow {
    fn record(&self) -> UserRecord {
        UserRecord {
            routes: self.routes.iter().map(|(device, route)| (device.clone(), route.clone())).collect(),
            calls: self.calls.iter().map(|(call, at)| Listed { call: call.clone(), at: *at }).collect(),
        }
    }
}

impl MemoryStore {
    fn with_user<T>(&self, user: &UserId, change: impl FnOnce(&mut UserRow) -> T) -> T {
        let expires_at = self.now().after(USER_TTL_MS);
        change(self.shelf(self.partitions().of_user(user)).user_mut(user, expires_at))
    }
}

#[async_trait]
impl Users for MemoryStore {
    async fn register(
        &self,
        user: &UserId,
        device: &DeviceId,
        route: Route,
        max: usize,
    ) -> Result<Registered, StoreError> {
        Ok(self.with_user(user, |row| {
            let known = row.routes.get(device);
            if let Some(known) = known.filter(|known| known.connection > route.connection) {
                return Registered::Superseded(known.clone());
            }
            if known.is_none() && row.routes.len() >= max {
                return Registered::TooMany(row.record());
            }
            let replaced = row.routes.insert(device.clone(), route.clone()).filter(|old| *old != route);
            Registered::Done { replaced, record: row.record() }
        }))
    }

    async fn unregister(
        &self,
        user: &UserId,
        device: &DeviceId,
        connection: ConnectionId,
    ) -> Result<bool, StoreError> {
        Ok(self.with_user(user, |row| {
            let ours = row.routes.get(device).is_some_and(|route| route.connection == connection);
            if ours {
                row.routes.remove(device);
            }
            ours
        }))
    }

    async fn lookup(&self, user: &UserId) -> Result<UserRecord, StoreError> {
        let shelf = self.shelf(self.partitions().of_user(user));
        Ok(shelf.users.get(user).map(UserRow::record).unwrap_or_default())
    }

    async fn enlist(
        &self,
        user: &UserId,
        call: &CallId,
        at: Timestamp,
        max: usize,
        counts: Option<(Attempt, Pace)>,
    ) -> Result<Enlisted, StoreError> {
        let now = self.now();
        Ok(self.with_user(user, |row| {
            if let Some((attempt, pace)) = counts.filter(|_| !row.calls.contains_key(call)) {
                let even = row.attempts.entry(attempt).or_default();
                let next = now.max(*even).after(pace.every_ms);
                let wait = next.since(now.after(pace.ahead_ms()));
                if wait > 0 {
                    return Enlisted::TooSoon(wait);
                }
                *even = next;
            }
            if !row.calls.contains_key(call) && row.calls.len() >= max {
                return Enlisted::Full(row.record());
            }
            row.calls.entry(call.clone()).or_insert(at);
            Enlisted::Done(row.record())
        }))
    }

    async fn delist(&self, user: &UserId, call: &CallId, ended: Option<Ended>) -> Result<(), StoreError> {
        let now = self.now();
        let mut shelf = self.shelf(self.partitions().of_user(user));
        let row = shelf.user_mut(user, now.after(USER_TTL_MS));
        row.calls.remove(call);
        let Some(Ended { at, keep_ms, log }) = ended else { return Ok(()) };
        row.ended.retain(|_, until| *until > at);
        row.ended.insert(call.clone(), at.after(keep_ms));
        while row.ended.len() > LAST_ENDED
            && let Some(oldest) = row.ended.iter().min_by_key(|(_, until)| **until)
        {
            let oldest = oldest.0.clone();
            row.ended.remove(&oldest);
        }
        if let Some(entry) = log {
            let expires_at = now.after(entry.bounds.age_ms);
            shelf.log_mut(user, expires_at).write(call, at, entry, now);
        }
        Ok(())
    }

    async fn last_ended(&self, user: &UserId) -> Result<Vec<CallId>, StoreError> {
        let shelf = self.shelf(self.partitions().of_user(user));
        Ok(shelf.users.get(user).map(|row| row.ended.keys().cloned().collect()).unwrap_or_default())
    }
}

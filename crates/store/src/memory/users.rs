//! Users' records in memory.

use async_trait::async_trait;
use ringback_call::{CallId, ConnectionId, DeviceId, UserId};

use super::{
    MemoryStore,
    shelf::{USER_TTL_MS, UserRow},
};
use crate::{Enlisted, Registered, Route, Store as _, StoreError, UserRecord, Users};

impl UserRow {
    fn record(&self) -> UserRecord {
        UserRecord {
            routes: self.routes.iter().map(|(device, route)| (device.clone(), route.clone())).collect(),
            calls: self.calls.iter().cloned().collect(),
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
            if known.is_some_and(|known| known.connection > route.connection) {
                return Registered::Superseded;
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

    async fn enlist(&self, user: &UserId, call: &CallId, max: usize) -> Result<Enlisted, StoreError> {
        Ok(self.with_user(user, |row| {
            if !row.calls.contains(call) && row.calls.len() >= max {
                return Enlisted::Full(row.record());
            }
            row.calls.insert(call.clone());
            Enlisted::Done(row.record())
        }))
    }

    async fn delist(&self, user: &UserId, call: &CallId) -> Result<(), StoreError> {
        self.with_user(user, |row| row.calls.remove(call));
        Ok(())
    }
}

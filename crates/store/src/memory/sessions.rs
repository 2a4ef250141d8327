//! Sessions in memory.

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{Endpoint, Millis, SessionId};

use super::MemoryStore;
use crate::{Greeted, Sessions, Store as _, StoreError};

#[async_trait]
impl Sessions for MemoryStore {
    async fn keep(
        &self,
        owner: &Endpoint,
        session: &SessionId,
        notes: Bytes,
        ttl_ms: Millis,
    ) -> Result<(), StoreError> {
        let expires_at = self.now().after(ttl_ms);
        let mut shelf = self.shelf(self.partitions().of_user(&owner.user));
        shelf.put_session(owner.clone(), session.clone(), notes, expires_at);
        Ok(())
    }

    async fn greet(&self, owner: &Endpoint, session: Option<&SessionId>) -> Result<Greeted, StoreError> {
        let mut shelf = self.shelf(self.partitions().of_user(&owner.user));
        let notes = session.and_then(|session| shelf.sessions.get(&(owner.clone(), session.clone())));
        let notes = notes.map(|(notes, _)| notes.clone());
        // Milliseconds are all the clock gives: the rest only counts up.
        shelf.last_us = (self.now().0 * 1_000).max(shelf.last_us + 1);
        Ok(Greeted { notes, now_us: shelf.last_us })
    }
}

//! Sessions in memory.

use async_trait::async_trait;
use ringback_call::{Endpoint, Millis, SessionId};

use super::MemoryStore;
use crate::{Sessions, Store as _, StoreError};

#[async_trait]
impl Sessions for MemoryStore {
    async fn keep(&self, owner: &Endpoint, session: &SessionId, ttl_ms: Millis) -> Result<(), StoreError> {
        let expires_at = self.now().after(ttl_ms);
        let mut shelf = self.shelf(self.partitions().of_user(&owner.user));
        shelf.put_session(owner.clone(), session.clone(), expires_at);
        Ok(())
    }

    async fn is_kept(&self, owner: &Endpoint, session: &SessionId) -> Result<bool, StoreError> {
        let shelf = self.shelf(self.partitions().of_user(&owner.user));
        Ok(shelf.sessions.contains_key(&(owner.clone(), session.clone())))
    }
}

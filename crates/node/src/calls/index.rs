//! Each user's list of calls. An index, not the truth: whoever reads it strikes out what has ended.

use std::{collections::BTreeSet, sync::Arc};

use futures::future::try_join_all;
use ringback_call::{CallId, Millis, Timestamp, UserId};
use ringback_store::{
    Enlisted, Listed, Store, StoreError,
    record::{self, Direct},
};

use super::{Calls, Failure, Known};

/// A call is put on a list before its document is made, so one without a document is struck out only after this time.
const MAKING_MS: Millis = 30_000;

impl Calls {
    /// Puts a call on a user's list that has got lost from it.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn list_again(&self, user: &UserId, call: &CallId) -> Result<(), StoreError> {
        list(&*self.store, user, call, self.clock.now()).await
    }

    /// Puts a call on its caller's list, if there is room.
    pub(super) async fn enlist(self: &Arc<Self>, user: &UserId, call: &CallId) -> Result<(), Failure> {
        // Once more after striking out what has ended.
        for _ in 0..2 {
            match self.store.enlist(user, call, self.clock.now(), self.rules.max_calls).await? {
                Enlisted::Done(_) => return Ok(()),
                Enlisted::Full(record) => {
                    if self.live_calls(user, &record.calls).await?.len() >= self.rules.max_calls {
                        break;
                    }
                }
            }
        }
        Err(Failure::TooManyCalls)
    }

    /// Those of these calls that live. The others are struck off the user's list, and those that ended are in the log then.
    pub(super) async fn live_calls(
        self: &Arc<Self>,
        user: &UserId,
        calls: impl IntoIterator<Item = &Listed>,
    ) -> Result<Vec<Known>, StoreError> {
        let load = |listed: &Listed| {
            let listed = listed.clone();
            async move { Ok((self.load(&listed.call).await?, listed)) }
        };
        let now = self.clock.now();
        let mut live = Vec::new();
        for (known, listed) in try_join_all(calls.into_iter().map(load)).await? {
            match known {
                Some(known) if !known.call().has_ended() => live.push(known),
                None if now.since(listed.at) < MAKING_MS => {}
                Some(known) => self.write_down(user, known.call()).await?,
                None => self.store.delist(user, &listed.call, None).await?,
            }
        }
        Ok(live)
    }

    /// Takes a call that was never made off a list in the background; should that fail for good, the next reader does it.
    pub(super) fn delist_later(self: &Arc<Self>, user: &UserId, call: &CallId) {
        let (calls, user, call) = (Arc::clone(self), user.clone(), call.clone());
        let work = async move {
            let delisted = calls.background.insist(|| calls.store.delist(&user, &call, None));
            if let Err(error) = delisted.await {
                tracing::debug!(?call, error = &error as &dyn std::error::Error, "left on a list");
            }
        };
        self.background.spawn(work);
    }
}

/// Puts a call on a user's list again, and has whoever serves the user look at it.
pub(super) async fn list(
    store: &dyn Store,
    user: &UserId,
    call: &CallId,
    at: Timestamp,
) -> Result<(), StoreError> {
    store.enlist(user, call, at, usize::MAX).await?;
    tracing::debug!(?call, ?user, "listed again");
    announce(store, user, call).await
}

/// Has every gateway where a user is look at a call again.
async fn announce(store: &dyn Store, user: &UserId, call: &CallId) -> Result<(), StoreError> {
    let record = store.lookup(user).await?;
    let nodes: BTreeSet<_> = record.routes.into_iter().map(|(_, route)| route.node).collect();
    let body = record::encode("a message", &Direct::Returned { user: user.clone(), call: call.clone() })?;
    let partition = store.partitions().of_user(user);
    for node in nodes {
        store.publish(partition, &node, body.clone()).await?;
    }
    Ok(())
}

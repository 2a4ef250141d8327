//! Each user's list of calls. An index, not the truth: whoever reads it strikes out what has ended.

use std::sync::Arc;

use futures::future::try_join_all;
use ringback_call::{CallId, UserId};
use ringback_store::{Enlisted, StoreError};

use super::{Calls, Failure, cache::Known};

impl Calls {
    /// Puts a call on its caller's list, if there is room.
    pub(super) async fn enlist(self: &Arc<Self>, user: &UserId, call: &CallId) -> Result<(), Failure> {
        // Once more after striking out what has ended.
        for _ in 0..2 {
            match self.store.enlist(user, call, self.rules.max_calls).await? {
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

    /// Those of these calls that live. The others are struck off the user's list.
    pub(super) async fn live_calls(
        self: &Arc<Self>,
        user: &UserId,
        calls: impl IntoIterator<Item = &CallId>,
    ) -> Result<Vec<Known>, StoreError> {
        let load = |call: &CallId| {
            let call = call.clone();
            async move { Ok((self.load(&call).await?, call)) }
        };
        let mut live = Vec::new();
        for (known, call) in try_join_all(calls.into_iter().map(load)).await? {
            match known {
                Some(known) if !known.call.has_ended() => live.push(known),
                Some(_) | None => {
                    self.store.delist(user, &call).await?;
                }
            }
        }
        Ok(live)
    }

    /// Takes a call off a list in the background; should that fail, the next reader does it.
    pub(super) fn delist_later(self: &Arc<Self>, user: &UserId, call: &CallId) {
        let (calls, user, call) = (Arc::clone(self), user.clone(), call.clone());
        self.tasks.spawn(async move {
            if let Err(error) = calls.store.delist(&user, &call).await {
                tracing::debug!(?call, error = &error as &dyn std::error::Error, "left on a list");
            }
        });
    }
}

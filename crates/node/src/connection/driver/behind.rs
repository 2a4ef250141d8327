//! What a client has not been told yet, and why: something before it is missing, it does not know the call, or the
//! store can't be read. It is looked at again until it is told, or the client is asked to start anew.

use std::time::Duration;

use ringback_call::CallId;
use ringback_session::Departure;
use ringback_store::Partition;
use ringback_wire::CloseCode;
use tokio::time::Instant;

use super::{Driver, Transport};
use crate::resume::{self, CaughtUp};

/// Before a mailbox that could not be read is tried again.
const AGAIN: Duration = Duration::from_millis(300);
/// By then a client that has come back has sent again what it has had no reply to.
const ASKS_AGAIN: Duration = Duration::from_secs(5);
/// For how long a call that the store has lost may still be put back by another gateway.
const FORGOTTEN: Duration = Duration::from_secs(10);

/// A call that the client has not been told everything of.
pub(super) struct Behind {
    /// When it was last looked at.
    looked: Instant,
    /// Since when the store has been found not to know it.
    gone: Option<Instant>,
}

impl<T: Transport> Driver<'_, T> {
    /// Reads what the client has not been told of a call; whether the store could be asked. Where it could not, the call is
    /// looked at again. Large and rare: callers box it.
    pub(super) async fn catch_up(&mut self, call: CallId) -> Result<bool, Departure> {
        // The store may be slow.
        self.socket.flush().await?;
        let (store, calls) = (&*self.node.store, &self.node.calls);
        let reached = self.session.reached(&call);
        match resume::catch_up(store, calls, self.session.identity(), &call, reached).await {
            Ok(CaughtUp::With(entries, last)) => {
                self.behind.remove(&call);
                for entry in entries {
                    self.replay(&entry).await?;
                }
                self.session.reach(&call, last);
                Ok(true)
            }
            Ok(CaughtUp::Nothing) => {
                self.behind.remove(&call);
                Ok(true)
            }
            // What it has asked for and is over it need not know before the reply comes.
            Ok(CaughtUp::NotYet { over: true }) => {
                self.behind.remove(&call);
                self.session.withhold(&call);
                Ok(true)
            }
            Ok(CaughtUp::NotYet { over: false }) => {
                self.behind.remove(&call);
                self.withhold(&call).await
            }
            // The client comes back, and is told honestly that it starts from snapshots.
            Ok(CaughtUp::Broken) => {
                tracing::warn!(?call, "a mailbox has a hole: the client has to start anew");
                Err(CloseCode::GoingAway.into())
            }
            Ok(CaughtUp::Gone) if self.gone_for(&call) >= FORGOTTEN => {
                tracing::warn!(?call, "a call is lost: the client has to start anew");
                Err(CloseCode::GoingAway.into())
            }
            Ok(CaughtUp::Gone) => {
                let now = Instant::now();
                self.fall_behind(call).gone.get_or_insert(now);
                Ok(true)
            }
            Err(error) => {
                tracing::debug!(?call, error = &error as &dyn std::error::Error, "not caught up yet");
                self.fall_behind(call).gone = None;
                Ok(false)
            }
        }
    }

    /// Something is said in a call whose name the client does not know: it has asked for it, and will be told the name
    /// by the reply. One that has not was let in while the call was lost, or was not on its user's list, and gets its
    /// snapshot when it comes again. Returns as [`Self::catch_up`] does.
    pub(super) async fn withhold(&mut self, call: &CallId) -> Result<bool, Departure> {
        self.session.withhold(call);
        if self.jobs.owe_names() || (!self.fresh && self.since.elapsed() < ASKS_AGAIN) {
            // To be looked at again, until the reply has come or will not come any more.
            self.fall_behind(call.clone());
            return Ok(true);
        }
        self.socket.flush().await?;
        match self.node.calls.list_again(&self.session.identity().user, call).await {
            Ok(()) => {
                tracing::warn!(?call, "a client does not know a call it is in: it has to start anew");
                Err(CloseCode::GoingAway.into())
            }
            Err(error) => {
                tracing::debug!(?call, error = &error as &dyn std::error::Error, "not listed again yet");
                self.fall_behind(call.clone());
                Ok(false)
            }
        }
    }

    fn gone_for(&self, call: &CallId) -> Duration {
        let gone = self.behind.get(call).and_then(|behind| behind.gone);
        gone.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// It has been looked at, and is to be looked at again.
    fn fall_behind(&mut self, call: CallId) -> &mut Behind {
        let now = Instant::now();
        self.times.catch_up = Some(now + AGAIN);
        let behind = self.behind.entry(call).or_insert(Behind { looked: now, gone: None });
        behind.looked = now;
        behind
    }

    /// Reads what the client has not been told of the calls it knows in these partitions.
    pub(super) async fn catch_up_in(&mut self, partitions: &[Partition]) -> Result<(), Departure> {
        let parts = self.node.store.partitions();
        let doubtful = |call: &&CallId| parts.of_call(call).is_some_and(|part| partitions.contains(&part));
        let mut calls: Vec<CallId> = self.session.live_calls().filter(doubtful).cloned().collect();
        calls.sort_unstable();
        self.catch_up_with(calls).await
    }

    /// Looks again at the calls it is behind with, those first that have waited longest: another may wait for a part of the
    /// store that is away.
    pub(super) async fn catch_up_again(&mut self) -> Result<(), Departure> {
        let mut behind: Vec<_> =
            self.behind.iter().map(|(call, behind)| (behind.looked, call.clone())).collect();
        behind.sort_unstable();
        self.catch_up_with(behind.into_iter().map(|(_, call)| call)).await
    }

    /// While the store is away one attempt takes long enough, for nothing is read meanwhile, and no ping answered: what is
    /// left then is looked at again.
    async fn catch_up_with(&mut self, calls: impl IntoIterator<Item = CallId>) -> Result<(), Departure> {
        let mut calls = calls.into_iter();
        for call in calls.by_ref() {
            if !self.catch_up(call).await? {
                break;
            }
        }
        for call in calls {
            self.behind.entry(call).or_insert(Behind { looked: Instant::now(), gone: None });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

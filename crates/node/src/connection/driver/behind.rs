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

impl<T: Transport> Driver<'_, T> {
    /// Reads what the client has not been told of a call. Large and rare: callers box it.
    pub(super) async fn catch_up(&mut self, call: CallId) -> Result<(), Departure> {
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
                Ok(())
            }
            Ok(CaughtUp::Nothing) => {
                self.behind.remove(&call);
                Ok(())
            }
            // What it has asked for and is over it need not know before the reply comes.
            Ok(CaughtUp::NotYet { over: true }) => {
                self.behind.remove(&call);
                self.session.withhold(&call);
                Ok(())
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
            Ok(CaughtUp::Gone) if self.behind_for(&call) >= FORGOTTEN => {
                tracing::warn!(?call, "a call is lost: the client has to start anew");
                Err(CloseCode::GoingAway.into())
            }
            Ok(CaughtUp::Gone) => {
                self.fall_behind(call);
                Ok(())
            }
            Err(error) => {
                tracing::debug!(?call, error = &error as &dyn std::error::Error, "not caught up yet");
                self.behind.remove(&call);
                self.fall_behind(call);
                Ok(())
            }
        }
    }

    /// Something is said in a call whose name the client does not know: it has asked for it, and will be told the name
    /// by the reply. One that has not was let in while the call was lost, or was not on its user's list, and gets its
    /// snapshot when it comes again.
    pub(super) async fn withhold(&mut self, call: &CallId) -> Result<(), Departure> {
        self.session.withhold(call);
        if self.jobs.owe_names() || (!self.fresh && self.since.elapsed() < ASKS_AGAIN) {
            // To be looked at again, until the reply has come or will not come any more.
            self.fall_behind(call.clone());
            return Ok(());
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
                Ok(())
            }
        }
    }

    fn behind_for(&self, call: &CallId) -> Duration {
        self.behind.get(call).map(Instant::elapsed).unwrap_or_default()
    }

    fn fall_behind(&mut self, call: CallId) {
        self.behind.entry(call).or_insert_with(Instant::now);
        self.times.catch_up = Some(Instant::now() + AGAIN);
    }

    /// Reads what the client has not been told of the calls it knows in these partitions.
    pub(super) async fn catch_up_in(&mut self, partitions: &[Partition]) -> Result<(), Departure> {
        let parts = self.node.store.partitions();
        let doubtful = |call: &&CallId| parts.of_call(call).is_some_and(|part| partitions.contains(&part));
        let mut calls: Vec<CallId> = self.session.live_calls().filter(doubtful).cloned().collect();
        calls.sort_unstable();
        for call in calls {
            self.catch_up(call).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! Users' logs of calls. A call is in one partition, and each of its users in another, so its end and the entries in
//! their logs are not one step: an ended call keeps a deadline for as long as they may not be written, and whoever finds
//! it writes them. See `docs/adr/0008-call-log.md`.

mod reading;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::{join, try_join};
use ringback_call::{Call, CallId, CallRecord, Millis, Side, Timestamp, UserId};
use ringback_store::{Ended, LogEntry, Partition, StoreError, record};
use tokio::time::Instant;

pub use reading::Page;

use super::Calls;

const WHAT: &str = "the record of a call";

/// How long after its end the logs of a call should be written; then others than its gateway do it.
const OVERDUE_MS: Millis = 30_000;
/// When the deadline is taken away of a call whose logs are written: by then its devices have said that they have seen
/// the end, and each change of the call sets the deadline anew.
const SETTLED: Duration = Duration::from_secs(20);
/// Calls that wait for that at most. Of more, the oldest are left to the sweeper, which writes their logs once more.
const MAX_SETTLING: usize = 10_000;

/// The calls whose logs are written, and whose deadlines are there still.
#[derive(Default)]
pub(super) struct Logged(Mutex<VecDeque<Settling>>);

struct Settling {
    since: Instant,
    call: CallId,
    deadline: Timestamp,
    /// Where the logs are.
    logs: [Partition; 2],
}

impl Logged {
    fn push(&self, settling: Settling) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_SETTLING {
            all.pop_front();
        }
        all.push_back(settling);
    }

    fn take_settled(&self) -> Vec<Settling> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let young = all.iter().position(|one| one.since.elapsed() < SETTLED);
        let settled = young.unwrap_or(all.len());
        all.drain(..settled).collect()
    }

    fn drop_those_in(&self, lost: &[Partition]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| !one.logs.iter().any(|log| lost.contains(log)));
    }
}

impl Calls {
    /// When a call has to be looked at next. One that is over has to be in its users' logs some time later.
    pub(super) fn deadline(&self, call: &Call, decided: Option<Timestamp>) -> Option<Timestamp> {
        let overdue = || Some(call.outcome()?.at.after(OVERDUE_MS));
        decided.or_else(|| overdue().filter(|_| self.keeps_logs()))
    }

    const fn keeps_logs(&self) -> bool {
        self.keep.log.entries > 0
    }

    /// What is remembered of an ended call with a user.
    fn ended(&self, user: &UserId, call: &Call) -> Result<Option<Ended>, StoreError> {
        let Some(logged) = CallRecord::of(call) else { return Ok(None) };
        let missed = logged.side_of(user).is_some_and(|side| logged.missed_by(side));
        let log = match self.keeps_logs() {
            true => Some(LogEntry { record: record::encode(WHAT, &logged)?, missed, bounds: self.keep.log }),
            false => None,
        };
        Ok(Some(Ended { at: logged.ended_at, keep_ms: self.keep.ended_ms, log }))
    }

    /// Takes an ended call off a user's list and writes it into the user's log, in one step. To do so again is harmless.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn write_down(&self, user: &UserId, call: &Call) -> Result<(), StoreError> {
        self.store.delist(user, &call.id, self.ended(user, call)?).await
    }

    /// Does so for both users of a call that has just ended, in the background.
    pub(super) fn log_later(self: &Arc<Self>, call: &Call) {
        let (calls, call) = (Arc::clone(self), call.clone());
        #[cfg(feature = "mutants")]
        if crate::mutants::present().leaves_logs {
            return self.background.spawn(async move {
                for side in Side::BOTH {
                    let _ = calls.write_down(call.user(side), &call).await;
                }
            });
        }
        self.background.spawn(async move {
            // What fails for one of them holds up the other as little as may be.
            let [caller, callee] = Side::BOTH.map(|side| {
                let (calls, call) = (&calls, &call);
                calls.background.insist(move || calls.write_down(call.user(side), call))
            });
            match join(caller, callee).await {
                (Ok(()), Ok(())) => calls.settle_later(&call),
                (Err(error), _) | (_, Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(call = ?call.id, error, "a log was not written");
                }
            }
        });
    }

    fn settle_later(&self, call: &Call) {
        let Some(deadline) = self.deadline(call, None) else { return };
        let logs = Side::BOTH.map(|side| self.store.partitions().of_user(call.user(side)));
        self.logged.push(Settling { since: Instant::now(), call: call.id.clone(), deadline, logs });
    }

    /// The logs in these partitions may have lost what was written last: the deadlines of those calls stay, and the sweeper
    /// writes it once more.
    pub(crate) fn logs_may_be_lost(&self, lost: &[Partition]) {
        self.logged.drop_those_in(lost);
    }

    /// Takes the deadlines away of calls that are in their users' logs.
    pub(crate) fn settle_logged(self: &Arc<Self>) {
        for Settling { call, deadline, .. } in self.logged.take_settled() {
            let calls = Arc::clone(self);
            self.background.spawn(async move {
                let settled = calls.background.once(calls.store.reschedule(&call, deadline, None));
                if let Err(error) = settled.await {
                    tracing::debug!(?call, error = &error as &dyn std::error::Error, "left to the sweeper");
                }
            });
        }
    }

    /// Writes the logs of a call whose gateway may not have done so. In the background, since a user's partition may be
    /// away; meanwhile the call is out of the way of those that are due.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn log_overdue(self: &Arc<Self>, call: &Call) -> Result<(), StoreError> {
        #[cfg(feature = "mutants")]
        if crate::mutants::present().leaves_logs {
            return Ok(());
        }
        let now = self.clock.now();
        let again = now.after(OVERDUE_MS);
        self.store.reschedule(&call.id, now, Some(again)).await?;
        let (calls, call) = (Arc::clone(self), call.clone());
        self.background.spawn(async move {
            let attempt = async {
                let both = Side::BOTH.map(|side| calls.write_down(call.user(side), &call));
                let [caller, callee] = both;
                try_join(caller, callee).await?;
                calls.store.reschedule(&call.id, again, None).await
            };
            match calls.background.once(attempt).await {
                Ok(()) => tracing::debug!(call = ?call.id, "logged late"),
                Err(error) => {
                    tracing::debug!(call = ?call.id, error = &error as &dyn std::error::Error, "not logged yet");
                }
            }
        });
        Ok(())
    }
}

//! Users' logs of calls. A call is in one partition, and each of its users in another, so its end and the entries in
//! their logs are not one step: an ended call keeps a deadline for as long as they may not be written, and whoever finds
//! it writes them. See `docs/adr/0008-call-log.md`.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::try_join;
use ringback_call::{Call, CallId, CallRecord, DeviceId, Millis, Side, Timestamp, UserId};
use ringback_store::{
    Ended, LogEntry, LogPage, LogPlace, StoreError,
    record::{decode, encode},
};
use ringback_wire::{MissedCall, MissedFrame, PeerRef};
use tokio::time::Instant;

use super::Calls;

const WHAT: &str = "the record of a call";

/// How long after its end the logs of a call should be written; then others than its gateway do it.
const OVERDUE_MS: Millis = 30_000;
/// When the deadline is taken away of a call whose logs are written: by then its devices have said that they have seen
/// the end, and each change of the call sets the deadline anew.
const SETTLED: Duration = Duration::from_secs(20);
/// Calls that wait for that at most. Of more, the oldest are left to the sweeper, which writes their logs once more.
const MAX_SETTLING: usize = 10_000;
/// Missed calls that a device is told of at once.
const MAX_MISSED: usize = 50;

/// The calls whose logs are written, and whose deadlines are there still.
#[derive(Default)]
pub(super) struct Logged(Mutex<VecDeque<(Instant, CallId, Timestamp)>>);

impl Logged {
    fn push(&self, call: CallId, deadline: Timestamp) {
        let mut settling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if settling.len() >= MAX_SETTLING {
            settling.pop_front();
        }
        settling.push_back((Instant::now(), call, deadline));
    }

    fn take_settled(&self) -> Vec<(CallId, Timestamp)> {
        let mut settling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let young = settling.iter().position(|(since, ..)| since.elapsed() < SETTLED);
        let settled = young.unwrap_or(settling.len());
        settling.drain(..settled).map(|(_, call, deadline)| (call, deadline)).collect()
    }
}

/// A part of a user's log.
#[derive(Clone, Debug)]
pub struct Page {
    /// The newest first.
    pub records: Vec<CallRecord>,
    /// Where the next part begins, if there is more.
    pub next: Option<LogPlace>,
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
        let Some(record) = CallRecord::of(call) else { return Ok(None) };
        let missed = record.missed && record.side_of(user) == Some(Side::Callee);
        let log = match self.keeps_logs() {
            true => Some(LogEntry { record: encode(WHAT, &record)?, missed, bounds: self.keep.log }),
            false => None,
        };
        Ok(Some(Ended { at: record.ended_at, keep_ms: self.keep.ended_ms, log }))
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
        self.background.spawn(async move {
            // What fails for one of them holds up the other as little as may be.
            let [caller, callee] = Side::BOTH.map(|side| {
                let (calls, call) = (&calls, &call);
                calls.background.insist(move || calls.write_down(call.user(side), call))
            });
            match futures::future::join(caller, callee).await {
                (Ok(()), Ok(())) => {
                    if let Some(deadline) = calls.deadline(&call, None) {
                        calls.logged.push(call.id.clone(), deadline);
                    }
                }
                (Err(error), _) | (_, Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(call = ?call.id, error, "a log was not written");
                }
            }
        });
    }

    /// Takes the deadlines away of calls that are in their users' logs.
    pub(crate) fn settle_logged(self: &Arc<Self>) {
        for (call, deadline) in self.logged.take_settled() {
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

    /// A part of a user's log: `limit` calls at most that ended before one of them, or the newest.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn log(
        &self,
        user: &UserId,
        before: Option<LogPlace>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let page = LogPage { before, since: self.oldest_logged(), limit: limit.saturating_add(1) };
        let mut found = self.store.log(user, page).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(place, _)| place.clone());
        // A newer gateway may write what this one does not know.
        let records = found.iter().filter_map(|(_, record)| decode(WHAT, record).ok()).collect();
        Ok(Page { records, next })
    }

    fn oldest_logged(&self) -> Timestamp {
        Timestamp(self.clock.now().0.saturating_sub(self.keep.log.age_ms))
    }

    /// What a device is told of missed calls, if there are any that it does not know of.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn missed(
        &self,
        user: &UserId,
        device: &DeviceId,
        since: Timestamp,
    ) -> Result<Option<MissedFrame>, StoreError> {
        let since = since.max(self.oldest_logged());
        let missed = self.store.missed(user, device, since, MAX_MISSED + 1).await?;
        let more = missed.records.len() > MAX_MISSED;
        let records = missed.records.iter().take(MAX_MISSED);
        let calls: Vec<MissedCall> =
            records.filter_map(|record| decode(WHAT, record).ok()).map(told).collect();
        Ok((!calls.is_empty()).then_some(MissedFrame { calls, until: missed.until, more }))
    }

    /// A device knows of the missed calls that it was told of until then.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn confirm_missed(
        &self,
        user: &UserId,
        device: &DeviceId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.store.confirm(user, device, until, self.keep.log.age_ms).await
    }
}

fn told(record: CallRecord) -> MissedCall {
    MissedCall {
        call: record.call,
        from: PeerRef { user: record.caller, device: Some(record.caller_device) },
        media: record.media,
        at: record.created_at,
        ended_at: record.ended_at,
        reason: record.reason,
    }
}

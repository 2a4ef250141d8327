//! What is read of users' logs.

use ringback_call::{CallRecord, DeviceId, Timestamp, UserId};
use ringback_store::{LogPage, LogPlace, StoreError, record::decode};
use ringback_telemetry::Unreadable;
use ringback_wire::{MissedCall, MissedFrame};

use super::{Calls, WHAT};
use crate::unreadable::readable;

/// Missed calls that a device is told of at once.
const MAX_MISSED: usize = 50;

/// A part of a user's log.
#[derive(Clone, Debug)]
pub struct Page {
    /// The newest first.
    pub records: Vec<CallRecord>,
    /// Where the next part begins, if there is more.
    pub next: Option<LogPlace>,
}

impl Calls {
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
        let records = found.iter().filter_map(|(_, record)| self.read_record(record)).collect();
        Ok(Page { records, next })
    }

    fn read_record(&self, record: &[u8]) -> Option<CallRecord> {
        readable(&self.metrics, Unreadable::Log, decode(WHAT, record))
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
        let records = records.filter_map(|record| self.read_record(record));
        let calls: Vec<MissedCall> = records.map(|record| MissedCall::of(&record)).collect();
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ringback_call::CallId;
    use ringback_store::{Ended, LogEntry, Users as _};

    use super::*;
    use crate::stage::Stage;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_can_not_be_read_is_left_out_and_counted() {
        let stage = Stage::new();
        let (bob, device) = (UserId::new("bob").unwrap(), DeviceId::new("phone").unwrap());
        let calls = &stage.node.calls;
        let at = calls.clock.now();
        let log = LogEntry { record: Bytes::from_static(b"?"), missed: true, bounds: calls.keep.log };
        let ended = Ended { at, keep_ms: 60_000, log: Some(log) };
        stage.store.delist(&bob, &CallId::new("p0-1").unwrap(), Some(ended)).await.unwrap();
        assert_eq!(calls.log(&bob, None, 10).await.unwrap().records, []);
        assert_eq!(calls.missed(&bob, &device, Timestamp(0)).await.unwrap(), None);
        assert_eq!(stage.node.metrics.unreadable.get((Unreadable::Log,)), 2, "each time");
    }
}

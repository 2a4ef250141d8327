//! Users' logs of calls in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use ringback_call::{CallId, DeviceId, Millis, Timestamp, UserId};

use super::MemoryStore;
use crate::{CallLog, DEVICES_HEARD, LogEntry, LogPage, LogPlace, Missed, Store as _, StoreError};

#[derive(Clone, Default)]
pub(super) struct LogRow {
    entries: BTreeMap<LogPlace, Bytes>,
    /// The missed ones, by the moment at which each was written down: no two at the same.
    missed: BTreeMap<Timestamp, CallId>,
    /// Until which moment each device knows of them.
    confirmed: BTreeMap<DeviceId, Timestamp>,
    pub(super) expires_at: Timestamp,
}

impl LogRow {
    pub(super) fn write(&mut self, call: &CallId, ended_at: Timestamp, entry: LogEntry, now: Timestamp) {
        self.entries.retain(|place, _| place.call != *call);
        self.entries.insert(LogPlace { ended_at, call: call.clone() }, entry.record);
        let known = self.missed.values().any(|missed| missed == call);
        if !entry.missed {
            self.missed.retain(|_, missed| missed != call);
        } else if !known {
            let last = self.missed.last_key_value().map(|(at, _)| at.after(1));
            self.missed.insert(last.unwrap_or_default().max(now), call.clone());
        }
        let too_old = Timestamp(ended_at.0.saturating_sub(entry.bounds.age_ms));
        while let Some(oldest) = self.entries.first_entry()
            && (oldest.key().ended_at < too_old || self.entries.len() > entry.bounds.entries)
            && let Some((oldest, _)) = self.entries.pop_first()
        {
            self.missed.retain(|_, missed| *missed != oldest.call);
        }
    }

    fn record(&self, call: &CallId) -> Option<Bytes> {
        self.entries.iter().find(|(place, _)| place.call == *call).map(|(_, record)| record.clone())
    }
}

#[async_trait]
impl CallLog for MemoryStore {
    async fn log(&self, user: &UserId, page: LogPage) -> Result<Vec<(LogPlace, Bytes)>, StoreError> {
        let shelf = self.shelf(self.partitions().of_user(user));
        let Some(row) = shelf.logs.get(user) else { return Ok(Vec::new()) };
        let newest_first = row.entries.iter().rev();
        let wanted = newest_first
            .skip_while(|(place, _)| page.before.as_ref().is_some_and(|before| *place >= before))
            .take_while(|(place, _)| place.ended_at >= page.since)
            .take(page.limit);
        Ok(wanted.map(|(place, record)| (place.clone(), record.clone())).collect())
    }

    async fn missed(
        &self,
        user: &UserId,
        device: &DeviceId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Missed, StoreError> {
        let shelf = self.shelf(self.partitions().of_user(user));
        let Some(row) = shelf.logs.get(user) else { return Ok(Missed::default()) };
        let confirmed = row.confirmed.get(device).copied().unwrap_or_default().max(since);
        let unknown = row.missed.range(confirmed.after(1)..).rev().take(limit);
        Ok(Missed {
            until: unknown.clone().next().map(|(at, _)| *at).unwrap_or_default(),
            records: unknown.filter_map(|(_, call)| row.record(call)).collect(),
        })
    }

    async fn confirm(
        &self,
        user: &UserId,
        device: &DeviceId,
        until: Timestamp,
        ttl_ms: Millis,
    ) -> Result<(), StoreError> {
        let expires_at = self.now().after(ttl_ms);
        let mut shelf = self.shelf(self.partitions().of_user(user));
        let row = shelf.log_mut(user, expires_at);
        let confirmed = row.confirmed.entry(device.clone()).or_default();
        *confirmed = until.max(*confirmed);
        while row.confirmed.len() > DEVICES_HEARD
            && let Some(oldest) = row.confirmed.iter().min_by_key(|(_, until)| **until)
        {
            let oldest = oldest.0.clone();
            row.confirmed.remove(&oldest);
        }
        Ok(())
    }
}

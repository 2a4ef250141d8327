//! Each call that is over is in the logs of both its users, and among the missed calls of who missed it alone.

use std::collections::BTreeMap;

use ringback_call::{CallId, CallRecord, DeviceId, Timestamp, UserId};
use ringback_store::{CallLog as _, LogPage, record};

use crate::world::World;

/// By then others than its gateway have seen to it.
const OVERDUE_MS: u64 = 45_000;

impl World {
    pub(super) async fn check_logs(&self) {
        // What is lost with a primary may be a log.
        if self.depot.history.has_losses() {
            return;
        }
        let ended = self.depot.history.ended();
        let young = self.depot.clock.now().0.saturating_sub(OVERDUE_MS);
        for user in &self.users {
            let Ok(id) = UserId::new(user.as_str()) else { continue };
            let (log, missed) = (self.log_of(&id).await, self.missed_by(&id).await);
            for call in ended.iter().filter(|call| call.ended_at.0 < young) {
                let Some(side) = call.side_of(&id) else { continue };
                let wanted = call.missed_by(side);
                if log.get(&call.call) != Some(call) {
                    let logged = log.get(&call.call);
                    self.violated("log", format_args!("{call:?} is {logged:?} in the log of {user}"));
                }
                if missed.contains_key(&call.call) != wanted {
                    self.violated("log", format_args!("{call:?} is missed by {user}: {}", !wanted));
                }
            }
        }
    }

    async fn log_of(&self, user: &UserId) -> BTreeMap<CallId, CallRecord> {
        let page = LogPage { before: None, since: Timestamp(0), limit: usize::MAX };
        let found = self.depot.memory.log(user, page).await.unwrap_or_default();
        by_call(found.iter().map(|(_, record)| record))
    }

    async fn missed_by(&self, user: &UserId) -> BTreeMap<CallId, CallRecord> {
        let Ok(nobody) = DeviceId::new("oracle") else { return BTreeMap::new() };
        let missed = self.depot.memory.missed(user, &nobody, Timestamp(0), usize::MAX).await;
        by_call(missed.unwrap_or_default().records.iter())
    }
}

fn by_call<'a>(records: impl Iterator<Item = &'a bytes::Bytes>) -> BTreeMap<CallId, CallRecord> {
    let records = records.filter_map(|bytes| record::decode::<CallRecord>("a record", bytes).ok());
    records.map(|record| (record.call.clone(), record)).collect()
}

//! When calls want to be looked at again.

use async_trait::async_trait;
use fred::types::Value;
use ringback_call::{CallId, Timestamp};
use ringback_store::{Deadlines, Due, Partition, StoreError};

use crate::{
    RedisStore,
    keys::score,
    reply::{self, Unexpected},
    request::{FORGET, RESCHEDULE, Request},
};

#[async_trait]
impl Deadlines for RedisStore {
    async fn due(
        &self,
        partition: Partition,
        after: Option<&Due>,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Due>, StoreError> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let from = after.map_or_else(|| "-inf".to_owned(), |after| score(after.at));
        let (mut skipped, mut found, mut foreign) = (0_i64, Vec::new(), 0_usize);
        loop {
            let args: Vec<Value> = vec![
                from.as_str().into(),
                score(now).into(),
                "WITHSCORES".into(),
                "LIMIT".into(),
                skipped.into(),
                limit.into(),
            ];
            let request =
                Request::command("deadlines", "ZRANGEBYSCORE", self.keys().deadlines(partition), args);
            let page = reply::list(self.run(partition, &request).await?)
                .map_err(|error| error.in_the("deadlines"))?;
            let read = page.len();
            let page: Vec<Due> = page.into_iter().filter_map(|member| due(member).ok()).collect();
            let left_out = read - page.len();
            foreign += left_out;
            found.extend(page.into_iter().filter(|due| after.is_none_or(|after| after < due)));
            // Of those with the same deadline as the one that is named, all of a page may come before it. And who gets
            // fewer than asked for, because others were left out, would think that there are no more.
            let goes_on = found.is_empty() || (left_out > 0 && found.len() < most);
            if !goes_on || read < most || most == 0 {
                break;
            }
            skipped = skipped.saturating_add(limit);
        }
        if foreign > 0 {
            // Whoever wrote them: the calls beside them have their deadlines.
            tracing::debug!(%partition, foreign, "deadlines of what is no call were left out");
        }
        found.truncate(most);
        Ok(found)
    }

    async fn forget(&self, call: &CallId) -> Result<(), StoreError> {
        let Some(partition) = self.partition_of(call) else { return Ok(()) };
        let keys = vec![self.keys().call(partition, call), self.keys().deadlines(partition)];
        let request = Request::script("a deadline", &FORGET, keys, vec![call.as_str().into()]);
        self.run(partition, &request).await.map(drop)
    }

    async fn reschedule(
        &self,
        call: &CallId,
        due: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let Some(partition) = self.partition_of(call) else { return Ok(()) };
        let next = next.map(score).unwrap_or_default();
        let args = vec![call.as_str().into(), score(due).into(), next.into()];
        let keys = vec![self.keys().deadlines(partition), self.keys().call(partition, call)];
        self.run(partition, &Request::script("a deadline", &RESCHEDULE, keys, args)).await.map(drop)
    }
}

/// A member of the deadlines, with its score.
fn due(value: Value) -> Result<Due, Unexpected> {
    let mut pair = reply::list(value)?.into_iter();
    let call = reply::call_id(reply::next(&mut pair)?)?;
    Ok(Due { at: Timestamp(reply::score(reply::next(&mut pair)?)?), call })
}

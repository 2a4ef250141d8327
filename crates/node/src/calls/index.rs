//! Each user's list of calls. An index, not the truth: whoever reads it strikes out what has ended.

use std::{collections::BTreeSet, sync::Arc};

use futures::future::try_join_all;
use ringback_call::{CallId, Millis, Timestamp, UserId};
use ringback_store::{
    Attempt, Enlisted, Listed, Store, StoreError,
    record::{self, Direct},
};

use ringback_telemetry::Unwelcome;

use super::{Calls, Failure, Known};

/// A call is put on a list before its document is made, so one without a document is struck out only after this time.
const MAKING_MS: Millis = 30_000;
/// One that has none after this time takes no room from others: the attempt to make it has failed, and while its part of the
/// store is away each further one is another.
const ATTEMPT_MS: Millis = 10_000;

/// What becomes of the calls on a list.
struct Survey {
    live: Vec<Known>,
    /// Those that are still listed, but take no room.
    unmade: usize,
}

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
        let mut most = self.rules.max_calls;
        let mut counts = self.attempts.made.map(|pace| (Attempt::Made, pace));
        // Once more after striking out what has ended.
        for _ in 0..2 {
            match self.store.enlist(user, call, self.clock.now(), most, counts.take()).await? {
                Enlisted::Done(_) => return Ok(()),
                Enlisted::TooSoon(wait) => {
                    self.metrics.unwelcome.inc((Unwelcome::CallAttempts,));
                    return Err(Failure::TooSoon(wait));
                }
                Enlisted::Full(record) => {
                    let Survey { live, unmade } = self.survey(user, &record.calls).await?;
                    if live.len() >= self.rules.max_calls {
                        break;
                    }
                    most = self.rules.max_calls + unmade;
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
        Ok(self.survey(user, calls).await?.live)
    }

    async fn survey(
        self: &Arc<Self>,
        user: &UserId,
        calls: impl IntoIterator<Item = &Listed>,
    ) -> Result<Survey, StoreError> {
        let load = |listed: &Listed| {
            let listed = listed.clone();
            async move { Ok((self.load(&listed.call).await?, listed)) }
        };
        let now = self.clock.now();
        let mut survey = Survey { live: Vec::new(), unmade: 0 };
        for (known, listed) in try_join_all(calls.into_iter().map(load)).await? {
            match known {
                Some(known) if !known.call().has_ended() => survey.live.push(known),
                None if now.since(listed.at) < ATTEMPT_MS => {}
                None if now.since(listed.at) < MAKING_MS => survey.unmade += 1,
                Some(known) => self.write_down(user, known.call()).await?,
                None => self.store.delist(user, &listed.call, None).await?,
            }
        }
        Ok(survey)
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
    store.enlist(user, call, at, usize::MAX, None).await?;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;
    use ringback_call::{Media, Origin, RequestId};
    use ringback_telemetry::StoreOperation as Operation;
    use ringback_wire::Init;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::{
        calls::Opened,
        stage::{
            Stage,
            weather::{Weather, forecast},
        },
    };

    async fn dial(stage: &Stage, from: &Origin, id: u64) -> Result<Opened, Failure> {
        let media = Media { audio: true, video: false };
        let to = UserId::new(format!("callee-{id}")).unwrap();
        let init = Init { to, media, metadata: None, traceparent: None };
        stage.node.calls.open(from.clone(), (RequestId(id), Instant::now()), init, true).await
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_could_not_be_made_are_not_too_many_calls() {
        let stage = Stage::new();
        let (alice, _inbox) = stage.device("alice", 1);
        let most = stage.node.config.rules.max_calls as u64;
        forecast(|operation| if operation == Operation::Commit { Weather::Away } else { Weather::Fair });
        let failed = join_all((0..most).map(|id| dial(&stage, &alice, id))).await;
        assert!(failed.iter().all(Result::is_err));
        forecast(|_| Weather::Fair);
        let full = dial(&stage, &alice, most).await;
        assert!(matches!(full, Err(Failure::TooManyCalls)), "they may be made yet: {full:?}");
        sleep(Duration::from_millis(ATTEMPT_MS)).await;
        let made = join_all((0..most).map(|id| dial(&stage, &alice, 100 + id))).await;
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        let full = dial(&stage, &alice, 200).await;
        assert!(matches!(full, Err(Failure::TooManyCalls)), "there are as many as may be: {full:?}");
    }
}

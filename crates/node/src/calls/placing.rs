//! From a reserved call to a ringing one: ask the policy, look the callee up, tell the core.

use std::{future::Future, pin::Pin, sync::Arc};

use ringback_call::{Admission, CallId, Detail, DeviceId, Input, Leg, StateName, Terms, UserId};
use ringback_store::{Attempt, Enlisted, Route, StoreError, UserRecord};
use ringback_telemetry::Unwelcome;

use super::Calls;
use crate::{policy::Verdict, routes};

impl Calls {
    /// Begins in the background. Should it fail, or this gateway die, the call's deadline begins it anew.
    pub(super) fn place_later(self: &Arc<Self>, call: CallId, callee: UserId) {
        let calls = Arc::clone(self);
        // Boxed: placing applies a command, and applying one may begin placing.
        let work: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            if let Err(error) = calls.place(&call, &callee).await {
                tracing::warn!(
                    ?call,
                    error = &error as &dyn std::error::Error,
                    "placing failed, to be begun anew"
                );
            }
        });
        self.background.spawn(work);
    }

    pub(crate) async fn place(
        self: &Arc<Self>,
        call: &CallId,
        callee: &UserId,
    ) -> Result<(), super::Failure> {
        let terms = match self.judge(call).await? {
            None => return Ok(()),
            Some(Verdict::Denied(detail)) => {
                self.apply(call, Input::Admission(Admission::Denied { detail })).await?;
                return Ok(());
            }
            Some(Verdict::Allowed(terms)) => terms,
        };
        // The list's bound is a rule, and the core's: here the call is only put on it.
        let counts = self.attempts.received.map(|pace| (Attempt::Received, pace));
        let enlisted = self.store.enlist(callee, call, self.clock.now(), usize::MAX, counts).await?;
        let (Enlisted::Done(record) | Enlisted::Full(record)) = enlisted else {
            // Who is called so often is left in peace: nothing rings, and nothing was missed.
            self.metrics.unwelcome.inc((Unwelcome::CallsToUser,));
            self.apply(call, Input::Admission(Admission::Denied { detail: Some(Detail::rate_limited()) }))
                .await?;
            return Ok(());
        };
        let others = self.states_of_others(callee, &record, call).await?;
        let legs = self.legs(callee, &record);
        tracing::debug!(
            ?call,
            routes = record.routes.len(),
            live = legs.len(),
            others = others.len(),
            "placing"
        );
        self.apply(call, Input::Admission(Admission::Allowed { legs, others, terms })).await?;
        Ok(())
    }

    /// What the policy says, where there is one; `None` of a call that is not to be placed any more.
    async fn judge(self: &Arc<Self>, call: &CallId) -> Result<Option<Verdict>, StoreError> {
        let Some(gate) = self.gate.get() else { return Ok(Some(Verdict::Allowed(Terms::default()))) };
        match self.load(call).await? {
            Some(known) if known.call().state_name() == StateName::Idle => {
                Ok(Some(gate.judge(known.call()).await))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// The devices with a route on a gateway that lives.
    fn legs(&self, user: &UserId, record: &UserRecord) -> Vec<Leg> {
        let live = |(device, route): &&(DeviceId, Route)| {
            routes::is_live(&self.cluster, &self.registry, user, device, route)
        };
        let routes = record.routes.iter().filter(live).cloned();
        routes.map(|(device, route)| Leg::present(device, route.into())).collect()
    }

    async fn states_of_others(
        self: &Arc<Self>,
        user: &UserId,
        record: &UserRecord,
        but: &CallId,
    ) -> Result<Vec<StateName>, StoreError> {
        let live = self.live_calls(user, record.calls.iter().filter(|listed| listed.call != *but)).await?;
        Ok(live.into_iter().map(|known| known.call().state_name()).collect())
    }
}

//! From a reserved call to a ringing one: ask the policy, look the callee up, tell the core.

use std::{future::Future, pin::Pin, sync::Arc};

use ringback_call::{Admission, CallId, DeviceId, Input, Leg, StateName, UserId};
use ringback_store::{Enlisted, Route, StoreError, UserRecord};

use super::Calls;
use crate::routes;

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

    async fn place(self: &Arc<Self>, call: &CallId, callee: &UserId) -> Result<(), super::Failure> {
        // The list's bound is a rule, and the core's: here the call is only put on it.
        let (Enlisted::Done(record) | Enlisted::Full(record)) =
            self.store.enlist(callee, call, self.clock.now(), usize::MAX).await?;
        let others = self.states_of_others(callee, &record, call).await?;
        let legs = self.legs(callee, &record);
        tracing::debug!(
            ?call,
            routes = record.routes.len(),
            live = legs.len(),
            others = others.len(),
            "placing"
        );
        self.apply(call, Input::Admission(Admission::Allowed { legs, others })).await?;
        Ok(())
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

//! Calls that ring and are not answered.

use std::{sync::Arc, time::Duration};

use super::{
    answered::{end, ring},
    failure::Failure,
    script::Script,
};
use crate::{
    protocol::{Kind, request::Request},
    user::User,
};

/// The callee says no.
pub(crate) async fn rejected(
    script: &mut Script,
    caller: &mut User,
    callee: &mut User,
) -> Result<Option<Duration>, Failure> {
    let call = ring(script, caller, callee).await?;
    script.pause(script.plan.ring).await;
    end(script, callee, caller, Request::about(Kind::Reject, &call), "rejected").await?;
    Ok(None)
}

/// The caller thinks better of it.
pub(crate) async fn cancelled(
    script: &mut Script,
    caller: &mut User,
    callee: &mut User,
) -> Result<Option<Duration>, Failure> {
    let call = ring(script, caller, callee).await?;
    script.pause(script.plan.cancel_after).await;
    end(script, caller, callee, Request::about(Kind::End, &call), "cancelled").await?;
    Ok(None)
}

/// Nobody answers: the caller loses patience, or the gateway ends the call.
pub(crate) async fn missed(
    script: &mut Script,
    caller: &mut User,
    callee: &mut User,
) -> Result<Option<Duration>, Failure> {
    let call = ring(script, caller, callee).await?;
    let patience = script.plan.patience.map_or(Duration::MAX, |patience| patience.0);
    let limit = script.plan.ringing_limit.0;
    match script.expect_within(caller, &call, Kind::Ended, limit.min(patience)).await {
        Err(Failure::Missing(_)) if patience < limit => {
            end(script, caller, callee, Request::about(Kind::End, &call), "cancelled").await?;
        }
        told => {
            let reason = told?.frame.reason.unwrap_or_default();
            if reason != "no_answer" {
                return Err(Failure::Reason(reason));
            }
            script.ended(callee, &Arc::clone(&call), "no_answer", None).await?;
            script.settle(&mut [caller, callee]).await?;
        }
    }
    Ok(None)
}

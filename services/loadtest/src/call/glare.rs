//! Two who call each other at once: one call comes of it.

use std::{sync::Arc, time::Duration};

use super::{
    answered::{hang_up, init, media},
    failure::Failure,
    script::Script,
};
use crate::{protocol::Kind, user::User};

/// Both call; who is told `glare` is the callee, and has accepted by that.
pub(crate) async fn glare(
    script: &mut Script,
    one: &mut User,
    other: &mut User,
) -> Result<Option<Duration>, Failure> {
    script.ask(one, init(&script.plan, &other.name)).await?;
    script.ask(other, init(&script.plan, &one.name)).await?;
    let first = script.ack(one, Kind::Init).await?;
    let second = script.ack(other, Kind::Init).await?;
    let call = first.call.ok_or(Failure::Missing(Kind::Init))?;
    script.placed(&call);
    if let Some(other) = second.call.filter(|other| *other != call) {
        script.placed(&other);
        return Err(Failure::NoGlare);
    }
    let (caller, callee) = match (first.glare.unwrap_or(false), second.glare.unwrap_or(false)) {
        (false, true) => (one, other),
        (true, false) => (other, one),
        _ => return Err(Failure::NoGlare),
    };
    let limit = script.plan.step_limit.0;
    script.expect_within(caller, &call, Kind::Accepted, limit).await?;
    script.expect_within(callee, &call, Kind::Accepted, limit).await?;
    let both = media(script, caller, callee, &call).await?;
    script.pause(script.plan.hold).await;
    hang_up(script, caller, callee, &Arc::clone(&call)).await?;
    Ok(Some(both.duration_since(script.intended)))
}

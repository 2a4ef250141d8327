//! A call to somebody who is in another call. That other call is made for it, and is in no figure but those of messages.

use std::time::Duration;

use super::{
    answered::{hang_up, init, set_up},
    failure::Failure,
    script::Script,
};
use crate::{protocol::Kind, user::User};

/// `caller` hears that `callee` is busy with `third`.
pub(crate) async fn busy(
    script: &mut Script,
    caller: &mut User,
    callee: &mut User,
    third: &mut User,
) -> Result<Option<Duration>, Failure> {
    let (other_call, _) = set_up(script, third, callee).await?;
    script.ask(caller, init(&script.plan, &callee.name)).await?;
    let ack = script.ack(caller, Kind::Init).await?;
    let call = ack.call.ok_or(Failure::Missing(Kind::Init))?;
    script.placed(&call);
    script.ended(caller, &call, "busy", None).await?;
    script.settle(&mut [caller]).await?;
    hang_up(script, third, callee, &other_call).await?;
    Ok(None)
}

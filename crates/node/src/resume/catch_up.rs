//! In the middle of a connection: what one call has had for it and did not reach it.

use std::sync::Arc;

use ringback_call::{CallId, Side, State};
use ringback_session::Identity;
use ringback_store::{Store, StoreError, record::Envelope};

use super::{attach, is_bound, load_with, missed};
use crate::calls::Calls;

/// What a connection that goes on has missed in one call.
#[derive(Debug)]
pub enum CaughtUp {
    /// These entries, and the mailbox ends here.
    With(Vec<Envelope>, u64),
    /// Nothing: the call is none of this device's business.
    Nothing,
    /// The client knows the call, and the store does not: it may be put back by whoever still has it.
    Gone,
    /// Not yet: the client does not know that the call it asked for exists.
    NotYet {
        /// Whether the call is over.
        over: bool,
    },
    /// Some of it is gone.
    Broken,
}

/// Reads what a connection has not been told of a call.
///
/// # Errors
/// When the store fails.
pub async fn catch_up(
    store: &dyn Store,
    calls: &Arc<Calls>,
    identity: &Identity,
    call: &CallId,
    reached: Option<u64>,
) -> Result<CaughtUp, StoreError> {
    let Some(known) = load_with(calls, identity, call, reached).await? else {
        return Ok(if reached.is_some() { CaughtUp::Gone } else { CaughtUp::Nothing });
    };
    let call = known.call();
    let Some(side) = call.side_of(&identity.user) else { return Ok(CaughtUp::Nothing) };
    let reached = match reached {
        Some(reached) => reached,
        None if is_bound(call, side, identity) => return Ok(CaughtUp::NotYet { over: call.has_ended() }),
        None => match call.joined_after(side, &identity.device) {
            // It rings there, and should have been heard to.
            Some(joined_after) => joined_after,
            // Nobody found it when the call began to ring: its gateway could not prove that it lives.
            None if side == Side::Callee && matches!(call.state, State::Ringing { .. }) => {
                attach(calls, identity, known.document.call, false).await?;
                return Ok(CaughtUp::Nothing);
            }
            None => return Ok(CaughtUp::Nothing),
        },
    };
    // Put back as it was before the device came to this connection: what is said in it would go where it was.
    let leg = call.legs(side).iter().find(|leg| leg.device == identity.device);
    if leg.is_some_and(|leg| leg.link.connection < identity.link.connection) && !call.has_ended() {
        attach(calls, identity, call.clone(), false).await?;
    }
    let last = call.mailboxes[side].last;
    Ok(match missed(store, identity, call, side, reached).await? {
        Some(entries) => CaughtUp::With(entries, last),
        None => CaughtUp::Broken,
    })
}

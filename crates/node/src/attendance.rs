//! Calls that lose a device.

use std::sync::Arc;

use ringback_call::{CallId, Input};
use ringback_session::Identity;

use crate::calls::Calls;

/// Tells calls that a connection of one of their devices is closed, however long the store is away.
pub(crate) async fn drop_out(calls: &Arc<Calls>, identity: &Identity, of: Vec<CallId>) {
    for call in of {
        let input = Input::Dropped {
            user: identity.user.clone(),
            device: identity.device.clone(),
            connection: identity.link.connection,
            closed: true,
        };
        match calls.apply(&call, input.clone()).await {
            Err(failure) if failure.is_transient() => calls.insist(call, input),
            Ok(_) | Err(_) => {}
        }
    }
}

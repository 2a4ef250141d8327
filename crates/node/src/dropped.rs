//! Calls that lose a device.

use std::sync::Arc;

use ringback_call::{CallId, Input};
use ringback_session::Identity;

use crate::Node;

/// Tells calls that a connection of one of their devices is closed. What can't be told while the store is away is told
/// later.
pub(crate) async fn tell_calls(node: &Arc<Node>, identity: &Identity, of: Vec<CallId>) {
    for call in of {
        let input = Input::Dropped {
            user: identity.user.clone(),
            device: identity.device.clone(),
            connection: identity.link.connection,
            closed: true,
        };
        match node.background.once(node.calls.apply(&call, input.clone())).await {
            Err(failure) if failure.is_transient() => node.calls.insist(call, input),
            Ok(_) | Err(_) => {}
        }
    }
}

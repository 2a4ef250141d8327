//! A device's route, made public.

use ringback_call::ConnectionId;
use ringback_session::{Departure, Identity};
use ringback_store::{Registered, UserRecord};
use ringback_wire::{CloseCode, ErrorCode, ErrorFrame, Hello, ServerFrame};

use super::{
    Transport,
    refusal::{RETRY_MS, unavailable},
    socket::Socket,
};
use crate::{Node, routes};

/// What became of making a route public.
pub(super) enum Registration {
    Done(UserRecord),
    /// The device has a connection that counts as newer: this one.
    Older(ConnectionId),
}

/// Makes a connection's route public, unless its user has too many devices.
pub(super) async fn register<T: Transport>(
    node: &Node,
    socket: &mut Socket<T>,
    hello: &Hello,
    identity: &Identity,
) -> Result<Registration, Departure> {
    let max = node.config.limits.devices_per_user;
    let Identity { user, device, .. } = identity;
    // Once more after the routes that dead gateways left behind are gone.
    for last in [false, true] {
        match node.store.register(user, device, routes::route_of(identity), max).await {
            Ok(Registered::Done { replaced, record }) => {
                if let Some(old) = replaced.filter(|old| old.node != *node.cluster.node()) {
                    routes::fence(&*node.store, user, device, &old).await;
                }
                return Ok(Registration::Done(record));
            }
            Ok(Registered::Superseded(route)) => return Ok(Registration::Older(route.connection)),
            Ok(Registered::TooMany(record)) => {
                if last || !routes::strike_dead(node, user, &record).await {
                    let reply = ErrorFrame::new(Some(hello.id.0), ErrorCode::RateLimited, "too many devices")
                        .retry_after(RETRY_MS);
                    socket.send(&ServerFrame::Error(reply)).await?;
                    return Err(CloseCode::TooManyRequests.into());
                }
            }
            Err(error) => return Err(unavailable(socket, hello, &error).await),
        }
    }
    Err(CloseCode::TooManyRequests.into())
}

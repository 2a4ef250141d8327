//! Where devices are: their routes, kept true for as long as their connections last.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ringback_call::{
    Call, CallId, ConnectionId, DeviceId, Endpoint, Input, Link, Millis, PerSide, Side, UserId,
};
use ringback_session::Identity;
use ringback_store::{
    Partition, Registered, Route, Store, StoreError, UserRecord,
    record::{self, SessionNotes},
};

use crate::{Node, calls::Failure, cluster::Cluster, registry::Registry};

/// How long a session is kept while it is connected; it is renewed long before.
const SESSION_MS: Millis = 24 * 3_600_000;

/// Whether a route leads to a connection: its gateway lives, and if that is this one, it has the connection.
pub(crate) fn is_live(
    cluster: &Cluster,
    registry: &Registry,
    user: &UserId,
    device: &DeviceId,
    route: &Route,
) -> bool {
    if route.node == *cluster.node() {
        return registry.has(user, device, route.connection);
    }
    cluster.reaches(route)
}

/// Where the devices bound to a call are.
///
/// # Errors
/// When the store fails.
pub(crate) async fn attendance(
    store: &dyn Store,
    cluster: &Cluster,
    registry: &Registry,
    call: &Call,
) -> Result<PerSide<Option<Link>>, StoreError> {
    let mut attendance = PerSide::default();
    for side in Side::BOTH {
        if let Some(leg) = call.bound(side) {
            let user = call.user(side);
            let record = store.lookup(user).await?;
            let route = record.routes.into_iter().find(|(device, route)| {
                *device == leg.device && is_live(cluster, registry, user, device, route)
            });
            attendance[side] = route.map(|(_, route)| route.into());
        }
    }
    Ok(attendance)
}

pub(crate) fn route_of(identity: &Identity) -> Route {
    Route { node: identity.link.node.clone(), connection: identity.link.connection }
}

fn owner(identity: &Identity) -> Endpoint {
    Endpoint { user: identity.user.clone(), device: identity.device.clone() }
}

/// Keeps a connection's session: for as long as it is connected, or for a while after it has left. The calls whose end
/// its client was told are remembered: what a client that comes back does not name, it may know all the same.
///
/// # Errors
/// When the store fails.
pub(crate) async fn keep(
    node: &Node,
    identity: &Identity,
    told: &[(CallId, u64)],
    left: bool,
) -> Result<(), StoreError> {
    let notes = record::encode("a session", &SessionNotes { told: told.to_vec() })?;
    let ttl_ms = if left { node.config.connection.resume_ms } else { SESSION_MS };
    node.store.keep(&owner(identity), &identity.session, notes, ttl_ms).await
}

/// Says again where a device is and that its session goes on: what is stored does not outlive a long connection by
/// itself, nor the loss of the store's data. `false` if the device is elsewhere by now.
///
/// # Errors
/// When the store fails.
pub(crate) async fn renew(
    node: &Arc<Node>,
    identity: &Identity,
    told: &[(CallId, u64)],
) -> Result<bool, StoreError> {
    let max = node.config.limits.devices_per_user;
    let registered = node.store.register(&identity.user, &identity.device, route_of(identity), max).await?;
    keep(node, identity, told, false).await?;
    match registered {
        Registered::Superseded(_) => return Ok(false),
        Registered::TooMany(_) => {}
        // While the route was not there, a call to the user may have begun to ring.
        Registered::Done { record, .. } => {
            for listed in record.calls {
                let input = Input::Attached {
                    user: identity.user.clone(),
                    device: identity.device.clone(),
                    link: identity.link.clone(),
                    fresh: false,
                };
                if let Err(Failure::Store(error)) = node.calls.apply(&listed.call, input).await {
                    return Err(error);
                }
            }
        }
    }
    Ok(true)
}

/// Takes a connection out of the books, however long the store is away: a route that is left behind would make its
/// device look present for ever. Its session stays for a while, unless a newer connection has it.
pub(crate) async fn retire(node: &Arc<Node>, identity: &Identity, told: &[(CallId, u64)]) {
    let Identity { user, device, link, .. } = identity;
    node.registry.remove(user, device, link.connection);
    let unregistered = AtomicBool::new(false);
    let retired = node.background.insist(|| async {
        let is_last = if unregistered.load(Ordering::Relaxed) {
            // The device may have come back since.
            !node.store.lookup(user).await?.routes.iter().any(|(of, _)| of == device)
        } else {
            node.store.unregister(user, device, link.connection).await?
        };
        if is_last {
            unregistered.store(true, Ordering::Relaxed);
            keep(node, identity, told, true).await?;
        }
        Ok(())
    });
    if let Err(error) = retired.await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a route was left behind");
    }
}

/// Takes out routes to gateways that died; whether there were any. While the store is away one attempt takes long enough.
pub(crate) async fn strike_dead(node: &Node, user: &UserId, record: &UserRecord) -> bool {
    let mut any = false;
    for (device, route) in &record.routes {
        if !is_live(&node.cluster, &node.registry, user, device, route) {
            match node.store.unregister(user, device, route.connection).await {
                Ok(was_there) => any |= was_there,
                Err(_) => break,
            }
        }
    }
    any
}

/// Asks another gateway to close a connection whose device has connected here.
pub(crate) async fn fence(store: &dyn Store, user: &UserId, device: &DeviceId, route: &Route) {
    let connection: ConnectionId = route.connection;
    let direct = record::Direct::Replaced { user: user.clone(), device: device.clone(), connection };
    let partition: Partition = store.partitions().of_user(user);
    let sent = match record::encode("a message", &direct) {
        Ok(body) => store.publish(partition, &route.node, body).await,
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        tracing::warn!(?device, error = &error as &dyn std::error::Error, "an older connection was not told");
    }
}

#[cfg(test)]
mod tests {
    use ringback_call::Origin;
    use ringback_store::{Sessions as _, Users as _};
    use ringback_telemetry::StoreOperation as Operation;
    use tokio::time::{Duration, sleep};

    use super::*;
    use crate::stage::{
        Stage,
        weather::{Weather, forecast},
    };

    /// The next session that is to be kept is not.
    fn fails_once() {
        let mut failed = false;
        forecast(move |operation| {
            if operation == Operation::Keep && !std::mem::replace(&mut failed, true) {
                return Weather::Away;
            }
            Weather::Fair
        });
    }

    async fn told(stage: &Stage, identity: &Identity) -> Vec<(CallId, u64)> {
        let greeted = stage.store.greet(&owner(identity), Some(&identity.session)).await.unwrap();
        record::decode::<SessionNotes>("a session", &greeted.notes.unwrap()).unwrap().told
    }

    /// A connection of alice's device, in the books.
    async fn connected(stage: &Stage, n: u64) -> Identity {
        let (Origin { user, device, session, link, .. }, _inbox) = stage.device("alice", n);
        let identity = Identity { user, device, session, link };
        stage.store.register(&identity.user, &identity.device, route_of(&identity), 1).await.unwrap();
        keep(&stage.node, &identity, &[], false).await.unwrap();
        identity
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_was_told_is_kept_though_it_takes_several_attempts() {
        let stage = Stage::new();
        let identity = connected(&stage, 1).await;
        let ends = vec![(CallId::new("p0-1").unwrap(), 7)];
        fails_once();
        retire(&stage.node, &identity, &ends).await;
        assert_eq!(told(&stage, &identity).await, ends);
    }

    #[tokio::test(start_paused = true)]
    async fn but_not_over_what_a_connection_keeps_that_has_come_meanwhile() {
        let stage = Stage::new();
        let identity = connected(&stage, 1).await;
        let ends = vec![(CallId::new("p0-1").unwrap(), 7)];
        fails_once();
        let comes_back = async {
            sleep(Duration::from_secs(1)).await;
            connected(&stage, 2).await
        };
        tokio::join!(retire(&stage.node, &identity, &ends), comes_back);
        assert_eq!(told(&stage, &identity).await, []);
    }
}

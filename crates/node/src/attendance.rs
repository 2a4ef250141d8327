//! Devices that come and go, told to the calls they are in.

use std::{sync::Arc, time::Duration};

use ringback_call::{CallId, DeviceId, Input, Link, PerSide, Side, UserId};
use ringback_session::Identity;
use ringback_store::{Partition, Store, StoreError, UserRecord, record};

use crate::{
    calls::{Calls, Failure},
    cluster::Cluster,
};

/// How often a drop is reported again while the store is away; the sweeper finds it in the end.
const DROP_TRIES: u32 = 6;

/// Tells calls that a connection of one of their devices is gone. The sweeper finds out what this could not tell.
pub async fn drop_out(calls: &Arc<Calls>, identity: &Identity, of: Vec<CallId>) {
    for call in of {
        let input = || Input::Dropped {
            user: identity.user.clone(),
            device: identity.device.clone(),
            connection: identity.link.connection,
        };
        for attempt in 0..DROP_TRIES {
            match calls.apply(&call, input()).await {
                Err(Failure::Store(error)) if error.is_transient() => {
                    tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
                }
                Ok(_) | Err(_) => break,
            }
        }
    }
}

/// Where the devices bound to a call are, by their routes.
///
/// # Errors
/// When the store fails.
pub async fn look_up(
    store: &dyn Store,
    cluster: &Cluster,
    call: &ringback_call::Call,
) -> Result<PerSide<Option<Link>>, StoreError> {
    let mut attendance = PerSide::default();
    for side in Side::BOTH {
        if let Some(leg) = call.bound(side) {
            let record = store.lookup(call.user(side)).await?;
            attendance[side] = link_of(cluster, &record, &leg.device);
        }
    }
    Ok(attendance)
}

fn link_of(cluster: &Cluster, record: &UserRecord, device: &DeviceId) -> Option<Link> {
    let (_, route) = record.routes.iter().find(|(known, route)| known == device && cluster.reaches(route))?;
    Some(route.clone().into())
}

/// Asks another gateway to close a connection whose device has connected here.
pub async fn fence(store: &dyn Store, user: &UserId, device: &DeviceId, route: &ringback_store::Route) {
    let direct =
        record::Direct::Replaced { user: user.clone(), device: device.clone(), connection: route.connection };
    let partition: Partition = store.partitions().of_user(user);
    let sent = match record::encode("a message", &direct) {
        Ok(body) => store.publish(partition, &route.node, body).await,
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        tracing::warn!(?device, error = &error as &dyn std::error::Error, "an older connection was not told");
    }
}

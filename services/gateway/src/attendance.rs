//! Devices that come and go, told to the calls they are in.

use std::{sync::Arc, time::Duration};

use ringback_call::{CallId, DeviceId, Input, Link, PerSide, Side, StateName, UserId};
use ringback_session::Identity;
use ringback_store::{Partition, Store, StoreError, UserRecord, record};
use ringback_wire::{PeerRef, Snapshot};

use crate::{
    calls::{Calls, Failure},
    cluster::Cluster,
};

/// How often a drop is reported again while the store is away; the sweeper finds it in the end.
const DROP_TRIES: u32 = 6;

/// A call that a connection starts with.
#[derive(Debug)]
pub struct Found {
    /// What the client is told of it.
    pub snapshot: Snapshot,
}

/// Tells each call of a user that one of the user's devices has a new connection, and returns what the device has
/// to know of them.
///
/// # Errors
/// When the store fails.
pub async fn attach(
    calls: &Arc<Calls>,
    identity: &Identity,
    record: &UserRecord,
) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    for call in &record.calls {
        let Some(known) = calls.load(call).await?.filter(|known| !known.call.has_ended()) else { continue };
        let Some(side) = known.call.side_of(&identity.user) else { continue };
        // What the attaching itself adds to the mailbox is still to be delivered.
        let seq = known.call.last_seq[side];
        let input = Input::Attached {
            user: identity.user.clone(),
            device: identity.device.clone(),
            link: identity.link.clone(),
        };
        let now = match calls.apply(call, input).await {
            Ok(applied) => applied.call,
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Rejected(_) | Failure::TooManyCalls) => continue,
        };
        if now.has_ended() || !now.legs(side).iter().any(|leg| leg.device == identity.device) {
            continue;
        }
        let peer = side.other();
        found.push(Found {
            snapshot: Snapshot {
                call: call.clone(),
                state: match now.state_name() {
                    StateName::Idle => StateName::Ringing,
                    state => state,
                },
                role: side,
                peer: PeerRef {
                    user: now.user(peer).clone(),
                    device: now.bound(peer).map(|leg| leg.device.clone()),
                },
                media: now.media,
                created_at: now.created_at,
                seq,
            },
        });
    }
    Ok(found)
}

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

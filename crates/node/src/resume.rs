//! What a connection starts with: the calls its device is in and, where its session goes on, what it has missed.

use std::{collections::BTreeSet, sync::Arc};

use ringback_call::{Call, CallId, Input, Side, StateName};
use ringback_session::Identity;
use ringback_store::{
    Log, Store, StoreError, UserRecord,
    record::{self, Envelope},
};
use ringback_wire::{PeerRef, SeenMap, Snapshot};

use crate::calls::{Calls, Failure};

/// What a connection starts with.
#[derive(Debug, Default)]
pub struct Start {
    /// Whether everything after what the client has seen is in `replay`.
    pub resumed: bool,
    /// The live calls the device takes part in.
    pub calls: Vec<Snapshot>,
    /// What the device has missed, in order for each call.
    pub replay: Vec<Envelope>,
    /// For each call, the last entry the client has.
    pub known: SeenMap,
}

/// Tells each call of a user that one of the user's devices has a new connection, and finds out what the device has
/// to know. `seen` is what a client says whose session goes on.
///
/// # Errors
/// When the store fails.
pub async fn start(
    store: &dyn Store,
    calls: &Arc<Calls>,
    identity: &Identity,
    record: &UserRecord,
    seen: Option<&SeenMap>,
) -> Result<Start, StoreError> {
    let mut start = Start { resumed: seen.is_some(), ..Start::default() };
    let known = seen.into_iter().flat_map(SeenMap::keys);
    let all: BTreeSet<&CallId> = record.calls.iter().chain(known).collect();
    for id in all {
        let last_seen = seen.and_then(|seen| seen.get(id)).copied();
        let Some((before, call, side)) = attach(calls, identity, id).await? else {
            // The client knows a call that we do not any more: what it missed of it can't be told.
            start.resumed &= last_seen.is_none();
            continue;
        };
        let takes_part = call.legs(side).iter().any(|leg| leg.device == identity.device);
        if takes_part && !call.has_ended() {
            start.calls.push(snapshot(&call, side, before));
        }
        if start.resumed && (takes_part || last_seen.is_some()) {
            let (missed, whole) = missed(store, identity, &call, side, last_seen.unwrap_or(0)).await?;
            start.resumed &= whole;
            start.replay.extend(missed);
            start.known.insert(id.clone(), last_seen.unwrap_or(0));
        }
    }
    if !start.resumed {
        start.replay.clear();
        start.known = start.calls.iter().map(|snapshot| (snapshot.call.clone(), snapshot.seq)).collect();
    }
    Ok(start)
}

/// Attaches the device to a call; returns the last entry from before, the call, and the user's side of it.
async fn attach(
    calls: &Arc<Calls>,
    identity: &Identity,
    id: &CallId,
) -> Result<Option<(u64, Call, Side)>, StoreError> {
    let Some(before) = calls.load(id).await? else { return Ok(None) };
    let Some(side) = before.call.side_of(&identity.user) else { return Ok(None) };
    let input = Input::Attached {
        user: identity.user.clone(),
        device: identity.device.clone(),
        link: identity.link.clone(),
    };
    match calls.apply(id, input).await {
        Ok(applied) => Ok(Some((before.call.last_seq[side], applied.call, side))),
        Err(Failure::Store(error)) => Err(error),
        Err(Failure::Rejected(_) | Failure::TooManyCalls) => Ok(None),
    }
}

/// The entries for this device after the last it has seen, and whether none is missing.
async fn missed(
    store: &dyn Store,
    identity: &Identity,
    call: &Call,
    side: Side,
    last_seen: u64,
) -> Result<(Vec<Envelope>, bool), StoreError> {
    let last = call.last_seq[side];
    let Some(count) = last.checked_sub(last_seen) else { return Ok((Vec::new(), false)) };
    let entries = store.read(&call.id, Log::Mailbox(side), last_seen + 1, last).await?;
    let whole = entries.len() as u64 == count;
    let envelopes = entries.iter().map(|(_, body)| record::decode::<Envelope>("an envelope", body));
    let envelopes = envelopes.collect::<Result<Vec<_>, _>>()?;
    Ok((envelopes.into_iter().filter(|envelope| envelope.to.includes(&identity.device)).collect(), whole))
}

/// A call as its device is told of it. `seq` is from before the device was attached: what that adds to the mailbox
/// is still to be delivered.
fn snapshot(call: &Call, side: Side, seq: u64) -> Snapshot {
    let peer = side.other();
    Snapshot {
        call: call.id.clone(),
        state: match call.state_name() {
            StateName::Idle => StateName::Ringing,
            state => state,
        },
        role: side,
        peer: PeerRef {
            user: call.user(peer).clone(),
            device: call.bound(peer).map(|leg| leg.device.clone()),
        },
        media: call.media,
        created_at: call.created_at,
        seq,
    }
}

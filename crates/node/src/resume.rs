//! What a device has missed: at the start of a connection, and in the middle of one that something did not reach.

mod catch_up;

use std::{collections::BTreeSet, sync::Arc};

use ringback_call::{Call, CallId, ConnectionId, Input, PerSide, Side, State, StateName};
use ringback_session::Identity;
use ringback_store::{
    Log, Store, StoreError, UserRecord,
    record::{self, Envelope, SessionNotes},
};
use ringback_wire::{PeerRef, SeenMap, Snapshot};
use tokio::time::Instant;

use crate::calls::{Calls, Failure, Known};

pub use catch_up::{CaughtUp, catch_up};

/// Entries of one call that a client can have met in a history that was lost.
const PLAUSIBLE: u64 = 1_000;

/// What a connection starts with.
#[derive(Debug, Default)]
pub struct Start {
    /// Whether everything after what the client has seen is in `replay`.
    pub resumed: bool,
    /// The live calls the device takes part in.
    pub calls: Vec<Snapshot>,
    /// What the device has to be told, in order for each call.
    pub replay: Vec<Envelope>,
    /// For each call, the last entry from before `replay`.
    pub known: SeenMap,
    /// Calls on the user's list that have ended: nobody has written them into the user's log yet.
    pub over: Vec<Call>,
    /// The calls that have been told of the connection.
    pub attached: Vec<CallId>,
    /// The calls whose end the client has seen, as it says, each with the number of the end.
    pub told: Vec<(CallId, u64)>,
    /// A connection of the same device by which a call knows it, and that counts as newer: nothing that is said in that
    /// call would reach this one.
    pub newer: Option<ConnectionId>,
}

/// What is known of a client whose session goes on.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// What it says it has seen: of each call it knows and that has not ended for it.
    pub seen: &'a SeenMap,
    /// What the session's connections left behind.
    pub notes: &'a SessionNotes,
}

/// Tells each call of a user that one of the user's devices has a new connection, and finds out what the device has
/// to know. What has been attached is in `start` even on failure.
///
/// # Errors
/// When the store fails, or is so slow that it is not done by then.
pub async fn begin(
    store: &dyn Store,
    calls: &Arc<Calls>,
    identity: &Identity,
    record: &UserRecord,
    past: Option<Past<'_>>,
    by: Instant,
    start: &mut Start,
) -> Result<(), StoreError> {
    let seen = past.map(|past| past.seen);
    start.resumed = past.is_some();
    let listed = record.calls.iter().map(|listed| &listed.call);
    let ended = if past.is_some() { store.last_ended(&identity.user).await? } else { Vec::new() };
    let of_late = ended.iter().chain(seen.into_iter().flat_map(SeenMap::keys));
    let all: BTreeSet<&CallId> = listed.chain(of_late).collect();
    let mut found = Vec::new();
    for id in all {
        in_time(by)?;
        let last_seen = seen.and_then(|seen| seen.get(id)).copied();
        let part = match load_with(calls, identity, id, last_seen).await? {
            Some(known) => {
                let call = give_up_lost(calls, identity, known, last_seen).await?;
                attach(calls, identity, call, seen.is_none()).await?
            }
            None => None,
        };
        match part {
            Some(part) => {
                // What its earlier connection remembered of that may be lost with its gateway.
                if last_seen.is_some_and(|seen| part.is_the_end(seen)) {
                    start.told.push((id.clone(), part.call.mailboxes[part.side].last));
                }
                start.attached.push(id.clone());
                if part.call.has_ended() && record.calls.iter().any(|listed| listed.call == *id) {
                    start.over.push(part.call.clone());
                }
                start.newer = start.newer.max(part.newer_than(identity));
                found.push((part, last_seen));
            }
            // The client knows a call that we do not any more: what it missed of it can't be told, unless it is nothing.
            None => {
                let all = |seen| past.is_some_and(|past| past.notes.told_to_the_end(id, seen));
                start.resumed &= last_seen.is_none_or(all);
            }
        }
    }
    let replays = replays(store, identity, &found, past, by).await?;
    // Where one call can't be continued, none is: the client starts from the snapshots.
    let replays = match replays {
        Some(replays) => replays,
        None => {
            start.resumed = false;
            self::replays(store, identity, &found, None, by).await?.unwrap_or_default()
        }
    };
    for ((part, last_seen), (from, replay)) in found.into_iter().zip(replays) {
        let call = &part.call;
        let is_live = part.takes_part(identity) && !call.has_ended();
        if is_live {
            start.calls.push(snapshot(call, part.side, from));
        }
        // Of any other the client knows nothing, as far as anybody can tell: it may ask for it still.
        if is_live || last_seen.is_some() || !replay.is_empty() {
            start.known.insert(call.id.clone(), from);
        }
        start.replay.extend(replay);
    }
    Ok(())
}

/// An error once it is too late. Between two steps, for none may be broken off: what became of a commit would not be known.
pub(crate) fn in_time(by: Instant) -> Result<(), StoreError> {
    if Instant::now() < by { Ok(()) } else { Err(StoreError::unavailable("the store is too slow")) }
}

/// A device's part in a call.
struct Part {
    call: Call,
    side: Side,
    /// The entry after which it has to be told everything again, should it have forgotten it all.
    fresh_start: u64,
}

impl Part {
    fn is_bound(&self, identity: &Identity) -> bool {
        is_bound(&self.call, self.side, identity)
    }

    /// The entry after which a client is told that does not name the call. Of one that goes on it has heard nothing. Of
    /// one that has ended it has heard the end, unless it has placed it, done nothing more, and was not sent the end.
    fn unnamed(&self, identity: &Identity, notes: &SessionNotes) -> u64 {
        let all = self.call.mailboxes[self.side].last;
        if !self.call.has_ended() {
            return self.call.joined_after(self.side, &identity.device).unwrap_or(all);
        }
        let only_placed = self.side == Side::Caller
            && self.is_bound(identity)
            && self.call.replay.count(&identity.session) == 1;
        if only_placed && !notes.has_told(&self.call.id) { 0 } else { all }
    }

    /// Whether the call is over, and this its end.
    fn is_the_end(&self, seen: u64) -> bool {
        self.call.has_ended() && !self.ended_untold() && seen == self.call.mailboxes[self.side].last
    }

    /// Whether the call is over, and its side was never told anything: it was not in it, in the history that stands.
    fn ended_untold(&self) -> bool {
        self.call.has_ended() && self.call.mailboxes[self.side].last == 0
    }

    /// A connection of this device by which the call knows it, if that counts as newer than this one.
    fn newer_than(&self, identity: &Identity) -> Option<ConnectionId> {
        let arrivals = match &self.call.state {
            State::Idle { arrivals, .. } if self.side == Side::Callee => arrivals.as_slice(),
            _ => &[],
        };
        let ours = self.call.legs(self.side).iter().chain(arrivals);
        let known = ours.filter(|leg| leg.device == identity.device).map(|leg| leg.link.connection);
        known.max().filter(|known| *known > identity.link.connection)
    }

    /// Whether it is one of those that the call is about now.
    fn takes_part(&self, identity: &Identity) -> bool {
        self.call.legs(self.side).iter().any(|leg| leg.device == identity.device)
    }
}

/// Whether the device is, or was at the end, the one that has the call.
fn is_bound(call: &Call, side: Side, identity: &Identity) -> bool {
    call.final_device(side) == Some(&identity.device)
}

/// The call, as it goes on from here. A device that has met more than is stored proves that a history was lost, which
/// this gateway does not know either. Who else has met what, on either side, nobody can say: numbers that this history
/// may have handed out are not used again, lest somebody be told something new by one of them, or not at all.
async fn give_up_lost(
    calls: &Arc<Calls>,
    identity: &Identity,
    known: Known,
    met: Option<u64>,
) -> Result<Call, StoreError> {
    let call = known.document.call;
    let Some((side, met)) = call.side_of(&identity.user).zip(met) else { return Ok(call) };
    let takes_part = call.legs(side).iter().any(|leg| leg.device == identity.device);
    let last = call.mailboxes[side].last;
    if call.has_ended() || !takes_part || met <= last {
        return Ok(call);
    }
    let lost = |of: Side| {
        let first = call.mailboxes[of].last + 1;
        // As far as that can be true: what a client says must not use up the numbers there are.
        Some(if of == side { first..=met.min(last + PLAUSIBLE) } else { first..=first })
    };
    let lost = PerSide { caller: lost(Side::Caller), callee: lost(Side::Callee) };
    match calls.apply(&call.id, Input::Rewritten { lost, outcome: None }).await {
        Ok(applied) => Ok(applied.call),
        Err(Failure::Store(error)) => Err(error),
        Err(Failure::Rejected(_) | Failure::TooManyCalls | Failure::TooSoon(_)) => Ok(call),
    }
}

/// Attaches the device to a call, unless the call is nothing to it.
async fn attach(
    calls: &Arc<Calls>,
    identity: &Identity,
    before: Call,
    fresh: bool,
) -> Result<Option<Part>, StoreError> {
    let Some(side) = before.side_of(&identity.user) else { return Ok(None) };
    let fresh_start = before.fresh_start(side, &identity.device);
    if before.has_ended() {
        return Ok(Some(Part { call: before, side, fresh_start }));
    }
    let input = Input::Attached {
        user: identity.user.clone(),
        device: identity.device.clone(),
        link: identity.link.clone(),
        fresh,
    };
    match calls.apply(&before.id, input).await {
        Ok(applied) => Ok(Some(Part { call: applied.call, side, fresh_start })),
        Err(Failure::Store(error)) => Err(error),
        Err(Failure::Rejected(_) | Failure::TooManyCalls | Failure::TooSoon(_)) => Ok(None),
    }
}

/// For each call, the entry from which the device is told, and what it is told. `None` where continuity was asked for
/// and can't be had.
async fn replays(
    store: &dyn Store,
    identity: &Identity,
    found: &[(Part, Option<u64>)],
    past: Option<Past<'_>>,
    by: Instant,
) -> Result<Option<Vec<(u64, Vec<Envelope>)>>, StoreError> {
    let mut replays = Vec::with_capacity(found.len());
    for (part, last_seen) in found {
        let from = match (past, last_seen) {
            // The client is in a call of a history that was lost, and nothing will tell it of the end.
            (Some(_), Some(_)) if part.ended_untold() => return Ok(None),
            (Some(_), Some(seen)) => *seen,
            (Some(past), None) => part.unnamed(identity, past.notes),
            // Of ended calls a device that has forgotten them is told nothing.
            (None, _) if part.call.has_ended() => part.call.mailboxes[part.side].last,
            (None, _) => part.fresh_start,
        };
        in_time(by)?;
        match missed(store, identity, &part.call, part.side, from).await? {
            Some(entries) => replays.push((from, entries)),
            None if past.is_some() => return Ok(None),
            None => replays.push((part.call.mailboxes[part.side].last, Vec::new())),
        }
    }
    Ok(Some(replays))
}

/// The entries after the last that a device has; `None` where some of them are gone.
async fn missed(
    store: &dyn Store,
    identity: &Identity,
    call: &Call,
    side: Side,
    after: u64,
) -> Result<Option<Vec<Envelope>>, StoreError> {
    let is_bound = is_bound(call, side, identity);
    let Some(ranges) = call.mailboxes[side].unread(after, is_bound) else { return Ok(None) };
    let mut envelopes = Vec::new();
    for range in ranges {
        let (first, last) = range.into_inner();
        let entries = store.read(&call.id, Log::Mailbox(side), first, last).await?;
        if entries.len() as u64 != last - first + 1 {
            return Ok(None);
        }
        for (seq, body) in &entries {
            match record::decode_envelope(body)? {
                Some(envelope) => envelopes.push(envelope),
                None => {
                    tracing::debug!(call = ?call.id, seq, "an entry that newer gateways know is passed over")
                }
            }
        }
    }
    Ok(Some(envelopes))
}

/// The call, with what this device has been told of it: where a failover has lost that, this gateway may have it still.
async fn load_with(
    calls: &Arc<Calls>,
    identity: &Identity,
    call: &CallId,
    told: Option<u64>,
) -> Result<Option<Known>, StoreError> {
    let known = calls.load(call).await?;
    let last = known.as_ref().and_then(|known| {
        let side = known.call().side_of(&identity.user)?;
        Some(known.call().mailboxes[side].last)
    });
    if told <= last {
        return Ok(known);
    }
    calls.check(call).await?;
    calls.load(call).await
}

/// A call as its device is told of it; what it is told besides begins after `seq`.
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

#[cfg(test)]
mod tests;

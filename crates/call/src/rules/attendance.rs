//! Devices that lose their connection and come back.

use crate::{
    Ack, Audience, Call, ConnectionId, Decision, DeviceId, Endpoint, Event, FollowUp, Leg, Link, PeerStatus,
    Rules, Side, State, Timestamp, UserId,
};

use super::{draft::Draft, negotiation};
use crate::party::Party;

/// A connection that is no more.
#[derive(Clone, Copy)]
pub(super) struct Gone {
    pub(super) connection: ConnectionId,
    pub(super) closed: bool,
}

/// A new connection.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) link: &'a Link,
    /// Its device has forgotten what it knew.
    pub(super) fresh: bool,
}

impl Rules {
    /// A connection is gone. It matters if it was the present one of a device that is bound to the call.
    pub(super) fn dropped(
        &self,
        call: &Call,
        user: &UserId,
        device: &DeviceId,
        gone: Gone,
        at: Timestamp,
    ) -> Decision {
        let mut draft = Draft::new(call, at);
        let hit = |leg: &Leg| {
            let news = leg.absent_since.is_none() || gone.closed && !leg.closed;
            leg.device == *device && leg.link.connection <= gone.connection && news
        };
        match call.side_of(user).filter(|_| !call.has_ended()) {
            Some(side) if call.bound(side).is_some_and(hit) => {
                mark_absent(&mut draft, side);
                if let Some(leg) = draft.call.bound_mut(side) {
                    leg.closed = gone.closed;
                }
                draft.decide(self, Ack::Done)
            }
            Some(Side::Callee) if depart(&mut draft, device, gone.connection) => {
                draft.decide(self, Ack::Done)
            }
            Some(_) | None => Decision::unchanged(Ack::Done),
        }
    }

    /// A device has a new connection: what is said to it goes there from now on. With `fresh` its peer learns that it
    /// starts from nothing.
    pub(super) fn attached(
        &self,
        call: &Call,
        user: &UserId,
        device: &DeviceId,
        arrival: Arrival<'_>,
        at: Timestamp,
    ) -> Decision {
        let mut draft = Draft::new(call, at);
        let changed = match call.side_of(user).filter(|_| !call.has_ended()) {
            None => false,
            Some(side) => {
                if call.bound(side).is_some_and(|leg| leg.device == *device) {
                    move_bound(&mut draft, side, arrival)
                } else if side == Side::Callee {
                    join(&mut draft, device, arrival.link)
                } else {
                    false
                }
            }
        };
        if changed { draft.decide(self, Ack::Done) } else { Decision::unchanged(Ack::Done) }
    }
}

/// The bound device is without a connection: its time to come back runs, and its peer is told.
pub(super) fn mark_absent(draft: &mut Draft, side: Side) {
    let at = draft.at;
    if let Some(leg) = draft.call.bound_mut(side)
        && leg.absent_since.is_none()
    {
        leg.absent_since = Some(at);
        tell_peer(draft, side, PeerStatus::Reconnecting);
    }
}

/// Whether a request comes by a connection that its device has left: one that was slow on its way. What is decided on it
/// now could contradict what is decided on the copy that is sent again.
pub(super) fn is_outdated(call: &Call, sender: &Endpoint, link: &Link) -> bool {
    let left = |leg: &Leg| leg.device == sender.device && leg.link.connection > link.connection;
    !call.has_ended() && call.side_of(&sender.user).is_some_and(|side| call.legs(side).iter().any(left))
}

/// A request proves where its device is: a call that was made or answered by an older connection of a device that has
/// come back since may not have been told.
pub(super) fn heard_from(draft: &mut Draft, sender: &Endpoint, link: &Link) -> bool {
    let Party::Bound(side) = Party::of(&draft.call, sender) else { return false };
    // Not of a connection that is closed: what it asked last may be applied after its end is told.
    let newer = draft.call.bound(side).is_some_and(|leg| link.connection > leg.link.connection);
    newer && move_bound(draft, side, Arrival { link, fresh: false })
}

/// The bound device is (still) there, perhaps elsewhere; an older connection than the known one says nothing.
pub(super) fn move_bound(draft: &mut Draft, side: Side, arrival: Arrival<'_>) -> bool {
    let Some(leg) = draft.call.bound_mut(side) else { return false };
    let newer = leg.gives_way_to(arrival.link);
    // It was only taken for absent: its gateway was thought dead, or its route was not found.
    let still_there =
        arrival.link.connection == leg.link.connection && leg.absent_since.is_some() && !leg.closed;
    if !(newer || still_there) {
        return false;
    }
    let was_absent = leg.absent_since.take().is_some();
    (leg.link, leg.closed) = (arrival.link.clone(), false);
    if arrival.fresh {
        if let Some(dialog) = draft.call.state.dialog_mut() {
            negotiation::withdraw(dialog, side);
        }
        tell_peer(draft, side, PeerStatus::Restarted);
    } else if was_absent {
        tell_peer(draft, side, PeerStatus::Back);
    }
    if was_absent && side == Side::Caller {
        place_anew(draft);
    }
    true
}

/// A call that waited for its caller to come back is placed.
fn place_anew(draft: &mut Draft) {
    let at = draft.at;
    if let State::Idle { since, placed_at, .. } = &mut draft.call.state {
        (*since, *placed_at) = (at, at);
        draft.follow_up = Some(FollowUp::Place);
    }
}

/// A device that answers may learn at once that its peer is away for the moment, and the other way round.
pub(super) fn tell_of_absence(draft: &mut Draft) {
    for side in Side::BOTH {
        if draft.call.bound(side).is_some_and(|leg| leg.absent_since.is_some()) {
            tell_peer(draft, side, PeerStatus::Reconnecting);
        }
    }
}

fn tell_peer(draft: &mut Draft, side: Side, status: PeerStatus) {
    if draft.call.state.dialog().is_some() {
        draft.tell(side.other(), Event::Peer(status));
    }
}

/// A device of the callee that came while the call was being placed has gone again.
fn depart(draft: &mut Draft, device: &DeviceId, connection: ConnectionId) -> bool {
    let State::Idle { arrivals, .. } = &mut draft.call.state else { return false };
    let before = arrivals.len();
    arrivals.retain(|leg| leg.device != *device || leg.link.connection > connection);
    arrivals.len() < before
}

/// A device of the callee that comes while the call is being placed will be rung; one that comes while it rings is
/// rung too; one that comes back is found there.
fn join(draft: &mut Draft, device: &DeviceId, link: &Link) -> bool {
    let from = Endpoint { user: draft.call.caller.clone(), device: draft.call.caller_leg.device.clone() };
    let incoming = Event::Incoming { from, media: draft.call.media, metadata: draft.call.metadata.clone() };
    let (joined_after, at) = (draft.call.mailboxes[Side::Callee].last, draft.at);
    let (legs, ringing) = match &mut draft.call.state {
        State::Idle { arrivals, .. } => (arrivals, false),
        State::Ringing { legs, since, .. } => {
            // The one that was awaited: from now on it rings.
            if legs.is_empty() {
                *since = at;
            }
            (legs, true)
        }
        State::Connecting(_) | State::Connected { .. } | State::Ended(_) => return false,
    };
    match legs.iter_mut().find(|leg| leg.device == *device) {
        Some(leg) if link.connection <= leg.link.connection => return false,
        Some(leg) => leg.link = link.clone(),
        None => {
            legs.push(Leg { joined_after, ..Leg::present(device.clone(), link.clone()) });
            if ringing {
                draft.deliver(Side::Callee, Audience::Only(device.clone()), incoming);
            }
        }
    }
    true
}

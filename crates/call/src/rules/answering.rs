//! The callee's devices: alerting, the race to answer, refusing.

use crate::{
    Ack, Audience, Dialog, EndReason, Endpoint, Event, Leg, Link, Negotiation, PerSide, RejectReason,
    Rejection, Side, State, StateName,
};

use super::{attendance, draft::Draft};
use crate::party::Party;

/// `call:ringing`: the caller hears of the first device that alerts.
pub(super) fn alert(draft: &mut Draft, sender: &Endpoint) -> Result<Ack, Rejection> {
    match (Party::of(&draft.call, sender), &mut draft.call.state) {
        (Party::Rung, State::Ringing { alerted, .. }) => {
            if !std::mem::replace(alerted, true) {
                draft.tell(Side::Caller, Event::Ringing);
            }
            Ok(Ack::Done)
        }
        (party, state) => Err(refuse(party, state.name())),
    }
}

/// `call:accept`: the first to be stored wins.
pub(super) fn accept(draft: &mut Draft, sender: &Endpoint, link: &Link) -> Result<Ack, Rejection> {
    match (Party::of(&draft.call, sender), &draft.call.state) {
        (Party::Rung, State::Ringing { .. }) => {
            bind(draft, Leg::present(sender.device.clone(), link.clone()));
            Ok(Ack::Done)
        }
        (party, state) => Err(refuse(party, state.name())),
    }
}

/// `call:reject`: ends the call on all devices. From a device that lost the race to answer, or after the end, it
/// changes nothing: what its person wants is so already.
pub(super) fn reject(draft: &mut Draft, sender: &Endpoint, reason: RejectReason) -> Result<Ack, Rejection> {
    match (Party::of(&draft.call, sender), &draft.call.state) {
        (Party::Rung, State::Ringing { .. }) => {
            draft.end(reason.into(), Some(sender.clone()));
            Ok(Ack::Done)
        }
        (Party::Loser, _) => Ok(Ack::Already(EndReason::AnsweredElsewhere)),
        (Party::Rung | Party::Bound(Side::Callee), State::Ended(outcome)) => Ok(Ack::Already(outcome.reason)),
        (party, state) => Err(refuse(party, state.name())),
    }
}

/// Binds the callee's device: the one place where a call gets its second party.
pub(super) fn bind(draft: &mut Draft, leg: Leg) {
    let winner = leg.device.clone();
    let joined_after = draft.call.joined_after(Side::Callee, &winner).unwrap_or_default();
    let leg = Leg { joined_after, ..leg };
    let by = Endpoint { user: draft.call.callee.clone(), device: winner.clone() };
    let losers = draft.call.legs(Side::Callee).iter().any(|other| other.device != winner);
    if losers {
        let ended = Event::Ended {
            reason: EndReason::AnsweredElsewhere,
            by: Some(by.clone()),
            duration_ms: None,
            setup_ms: None,
            detail: None,
        };
        draft.deliver(Side::Callee, Audience::Except(winner), ended);
    }
    draft.call.mailboxes[Side::Callee].bind();
    draft.call.state = State::Connecting(Dialog {
        callee: leg,
        accepted_at: draft.at,
        negotiation: Negotiation::Awaited,
        agreed: false,
        offered: 0,
        held: PerSide::default(),
        media: PerSide::default(),
    });
    for side in Side::BOTH {
        draft.tell(side, Event::Accepted { by: by.clone() });
    }
    attendance::tell_of_absence(draft);
}

/// How a request is refused that is not this sender's, or not now.
pub(super) const fn refuse(party: Party, state: StateName) -> Rejection {
    match party {
        Party::Stranger => Rejection::NoSuchCall,
        Party::Loser => Rejection::AnsweredElsewhere,
        Party::Bound(_) | Party::Rung => Rejection::InvalidState(state),
    }
}

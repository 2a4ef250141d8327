//! Offer and answer (RFC 3264), and the candidates that must not overtake them (RFC 8838 section 9).

use crate::{Ack, Call, Candidate, Dialog, Endpoint, Event, Negotiation, Rejection, Rules, Sdp, Side};

use super::{answering::refuse, draft::Draft};
use crate::party::Party;

/// `webrtc:offer`: the first is the caller's, later ones may be either's; two at once are glare.
pub(super) fn offer(draft: &mut Draft, sender: &Endpoint, sdp: &Sdp) -> Result<Ack, Rejection> {
    let (side, dialog) = dialog_of(&mut draft.call, sender)?;
    match (dialog.negotiation, side) {
        (Negotiation::Awaited, Side::Caller) | (Negotiation::Stable, _) => {
            dialog.negotiation = Negotiation::Open(side);
        }
        (Negotiation::Open(offerer), _) if offerer != side => return Err(Rejection::Glare),
        (Negotiation::Awaited | Negotiation::Open(_), _) => {
            return Err(Rejection::InvalidState(draft.call.state_name()));
        }
    }
    describe(draft, side, Event::Offer(sdp.clone()));
    Ok(Ack::Done)
}

/// `webrtc:answer`: from the side that was offered. One to an offer that was withdrawn may come when the peer has made
/// another, and is of no use to that.
pub(super) fn answer(
    draft: &mut Draft,
    sender: &Endpoint,
    sdp: &Sdp,
    offer: Option<u64>,
) -> Result<Ack, Rejection> {
    let (side, dialog) = dialog_of(&mut draft.call, sender)?;
    let to_another = offer.is_some_and(|offer| offer != dialog.offered);
    if dialog.negotiation != Negotiation::Open(side.other()) || to_another {
        return Err(Rejection::InvalidState(draft.call.state_name()));
    }
    (dialog.negotiation, dialog.agreed) = (Negotiation::Stable, true);
    describe(draft, side, Event::Answer(sdp.clone()));
    Ok(Ack::Done)
}

/// Forwards a description, and right behind it the candidates that waited for it.
fn describe(draft: &mut Draft, side: Side, description: Event) {
    let is_offer = matches!(description, Event::Offer(_));
    draft.tell(side.other(), description);
    let number = draft.call.mailboxes[side.other()].last;
    if let Some(dialog) = draft.call.state.dialog_mut() {
        if is_offer {
            dialog.offered = number;
        }
        let held = std::mem::take(&mut dialog.held[side]);
        if !held.is_empty() {
            draft.tell(side.other(), Event::Ice(held));
        }
    }
}

/// A side's device has forgotten its open offer, whose answer is of no use to it: it makes another, and so may its peer
/// (RFC 3264, section 4, lets nobody offer while an offer is open). The peer's candidates that waited for that answer
/// are of the same peer connection.
pub(super) fn withdraw(dialog: &mut Dialog, side: Side) {
    if dialog.negotiation == Negotiation::Open(side) {
        dialog.negotiation = if dialog.agreed { Negotiation::Stable } else { Negotiation::Awaited };
        dialog.held[side.other()].clear();
    }
}

impl Rules {
    /// `webrtc:ice`: forwarded, or held in order until the sender's own description has been forwarded.
    pub(super) fn trickle(
        &self,
        draft: &mut Draft,
        sender: &Endpoint,
        candidates: &[Candidate],
    ) -> Result<Ack, Rejection> {
        let (side, dialog) = dialog_of(&mut draft.call, sender)?;
        if dialog.negotiation.described(side) {
            draft.tell(side.other(), Event::Ice(candidates.to_vec()));
        } else if dialog.held[side].len() + candidates.len() > self.max_held {
            return Err(Rejection::BufferFull("too many candidates before their description"));
        } else {
            dialog.held[side].extend_from_slice(candidates);
        }
        Ok(Ack::Done)
    }
}

/// The dialog, if the sender is one of its two devices.
fn dialog_of<'a>(call: &'a mut Call, sender: &Endpoint) -> Result<(Side, &'a mut Dialog), Rejection> {
    let (party, state) = (Party::of(call, sender), call.state_name());
    match (party, call.state.dialog_mut()) {
        (Party::Bound(side), Some(dialog)) => Ok((side, dialog)),
        (party, _) => Err(refuse(party, state)),
    }
}

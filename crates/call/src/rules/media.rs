//! What the devices say of their media.

use crate::{Ack, Endpoint, Event, Note, Rejection, Rules, Side, State, Stats};

use super::{answering::refuse, draft::Draft};
use crate::party::Party;

/// `call:connected`: the call is connected when both devices have said so. Said again, as after an ICE restart, it
/// changes nothing.
pub(super) fn connected(draft: &mut Draft, sender: &Endpoint) -> Result<Ack, Rejection> {
    let party = Party::of(&draft.call, sender);
    let at = draft.at;
    let setup_ms = at.since(draft.call.created_at);
    match (party, &mut draft.call.state) {
        (Party::Bound(side), State::Connecting(dialog)) => {
            dialog.media[side] = true;
            if dialog.media[side.other()] {
                let dialog = dialog.clone();
                draft.call.state = State::Connected { dialog, since: at, setup_ms, checked_at: at };
                for side in Side::BOTH {
                    draft.tell(side, Event::Connected { setup_ms });
                }
            }
            Ok(Ack::Done)
        }
        (Party::Bound(_), State::Connected { .. }) => Ok(Ack::Done),
        (party, state) => Err(refuse(party, state.name())),
    }
}

impl Rules {
    /// `call:report`: kept with the call, up to a while after its end.
    pub(super) fn report(
        &self,
        draft: &mut Draft,
        sender: &Endpoint,
        stats: &Stats,
    ) -> Result<Ack, Rejection> {
        let call = &draft.call;
        let Party::Bound(side) = Party::of(call, sender) else {
            return Err(refuse(Party::of(call, sender), call.state_name()));
        };
        if let State::Ended(outcome) = &call.state
            && draft.at.since(outcome.at) > self.timeouts.report_ms
        {
            return Err(Rejection::NoSuchCall);
        }
        if call.reports >= self.max_reports {
            return Err(Rejection::BufferFull("too many reports of one call"));
        }
        draft.call.reports += 1;
        draft.note(Note::Report { by: side, device: sender.device.clone(), stats: stats.clone() });
        Ok(Ack::Done)
    }
}

//! Ends that somebody asks for.

use crate::{Ack, Call, Decision, EndReason, EndRequest, Endpoint, Rejection, Rules, Side, State, Timestamp};

use super::{answering::refuse, draft::Draft};
use crate::party::Party;

/// `call:end`, from a bound device.
pub(super) fn hang_up(draft: &mut Draft, sender: &Endpoint, request: EndRequest) -> Result<Ack, Rejection> {
    let reason = match (Party::of(&draft.call, sender), &draft.call.state) {
        (Party::Bound(_) | Party::Rung, State::Ended(outcome)) => return Ok(Ack::Already(outcome.reason)),
        (Party::Loser, _) => return Ok(Ack::Already(EndReason::AnsweredElsewhere)),
        (Party::Bound(Side::Caller | Side::Callee), state) => match request {
            EndRequest::Hangup if state.dialog().is_none() => EndReason::Cancelled,
            EndRequest::Hangup => EndReason::Hangup,
            EndRequest::IceFailed => EndReason::IceFailed,
            EndRequest::MediaDenied => EndReason::MediaDenied,
        },
        (party, state) => return Err(refuse(party, state.name())),
    };
    draft.end(reason, Some(sender.clone()));
    Ok(Ack::Done)
}

impl Rules {
    /// An operator ends the call, whatever its state.
    pub(super) fn terminate(&self, call: &Call, at: Timestamp) -> Decision {
        if let State::Ended(outcome) = &call.state {
            return Decision::unchanged(Ack::Already(outcome.reason));
        }
        let mut draft = Draft::new(call, at);
        draft.end(EndReason::EndedByServer, None);
        draft.decide(self, Ack::Done)
    }
}

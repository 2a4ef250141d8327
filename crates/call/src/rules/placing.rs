//! From `call:init` to ringing: reserving, the policy's answer, the look-up's answer, and call glare.

use crate::{
    Ack, Action, Admission, Audience, BusyPolicy, Call, Decision, Detail, EndReason, Endpoint, Event,
    FollowUp, Leg, Mailbox, Milestones, Opening, Origin, PerSide, Rejection, Replay, Rules, Side, State,
    StateName, Step, Terms, Timestamp,
};

use super::{answering, draft::Draft};

impl Rules {
    /// Makes a call of a `call:init`: reserved, with nobody told yet. One that the caller's token does not allow is over at once.
    ///
    /// # Errors
    /// `bad_request` for a call to oneself.
    pub fn open(&self, opening: &Opening) -> Result<Decision, Rejection> {
        let Opening { id, from, request, to, media, metadata, traceparent, granted, at } = opening;
        if from.user == *to {
            return Err(Rejection::BadRequest("a call needs two users"));
        }
        let mut replay = Replay::default();
        replay.insert(&from.session, *request);
        let call = Call {
            id: id.clone(),
            created_at: *at,
            caller: from.user.clone(),
            caller_leg: Leg::present(from.device.clone(), from.link.clone()),
            callee: to.clone(),
            media: *media,
            metadata: metadata.clone(),
            state: State::Idle { crossing: None, arrivals: Vec::new(), since: *at, placed_at: *at },
            mailboxes: PerSide { caller: Mailbox::bound(), callee: Mailbox::default() },
            notes: 0,
            is_log_cut: false,
            reports: 0,
            replay,
            not_before: Timestamp::default(),
            milestones: Milestones::default(),
            traceparent: traceparent.clone(),
            terms: Terms::default(),
        };
        let mut draft = Draft::new(&call, *at);
        if *granted {
            draft.follow_up = Some(FollowUp::Place);
        } else {
            draft.end_because(EndReason::Denied, None, Some(Detail::not_granted()));
        }
        let mut decision = draft.decide(self, Ack::Placed(id.clone()));
        self.keep(&mut decision, false, |decision| Some(Step::opening(&call, decision)));
        Ok(decision)
    }

    /// The policy and the look-up have been answered. An answer that comes late is ignored.
    pub(super) fn admit(&self, call: &Call, admission: &Admission, at: Timestamp) -> Decision {
        let State::Idle { crossing, arrivals, .. } = &call.state else {
            return Decision::unchanged(Ack::Done);
        };
        let mut draft = Draft::new(call, at);
        match (admission, crossing) {
            (Admission::Denied { detail }, _) => draft.end_because(EndReason::Denied, None, detail.clone()),
            // A caller who has vanished meanwhile rings nobody; one who comes back in time calls on.
            (Admission::Allowed { .. }, _) if call.caller_leg.absent_since.is_some() => {
                return Decision::unchanged(Ack::Done);
            }
            (Admission::Allowed { terms, .. }, Some(leg)) => {
                draft.call.terms = *terms;
                answering::bind(&mut draft, leg.clone());
            }
            (Admission::Allowed { legs, others, terms }, None) => {
                draft.call.terms = *terms;
                let legs = with_arrivals(legs, arrivals);
                if legs.is_empty() && self.timeouts.waking_ms == 0 {
                    draft.end(EndReason::Offline, None);
                } else if self.is_busy(others) {
                    draft.end(EndReason::Busy, None);
                } else {
                    ring(&mut draft, legs);
                }
            }
        }
        draft.decide(self, Ack::Done)
    }

    fn is_busy(&self, others: &[StateName]) -> bool {
        let engaged =
            others.iter().any(|state| matches!(state, StateName::Connecting | StateName::Connected));
        (engaged && self.busy == BusyPolicy::Busy) || others.len() >= self.max_calls
    }

    /// `call:init` where the pair has a call already. From the callee of a call that is not answered yet it is
    /// call glare: both want to talk, so it is taken as the accept.
    pub(super) fn cross(&self, draft: &mut Draft, from: &Origin) -> Result<Ack, Rejection> {
        let merged = Ack::Merged(draft.call.id.clone());
        match (draft.call.side_of(&from.user), &mut draft.call.state) {
            (None, _) => return Err(Rejection::NoSuchCall),
            (Some(Side::Callee), State::Idle { crossing: crossing @ None, .. }) => {
                *crossing = Some(Leg::present(from.device.clone(), from.link.clone()));
            }
            (Some(Side::Callee), State::Idle { crossing: Some(leg), .. }) if leg.device != from.device => {
                return Err(Rejection::AnsweredElsewhere);
            }
            (Some(Side::Callee), State::Ringing { .. }) => {
                answering::bind(draft, Leg::present(from.device.clone(), from.link.clone()));
            }
            (Some(_), state) => return Err(Rejection::InvalidState(state.name())),
        }
        Ok(merged)
    }
}

/// What the look-up found, and who has come since; of two connections of one device the newer counts.
fn with_arrivals(found: &[Leg], arrivals: &[Leg]) -> Vec<Leg> {
    let mut legs = found.to_vec();
    for arrival in arrivals {
        match legs.iter_mut().find(|leg| leg.device == arrival.device) {
            Some(leg) if leg.link.connection >= arrival.link.connection => {}
            Some(leg) => *leg = arrival.clone(),
            None => legs.push(arrival.clone()),
        }
    }
    legs
}

/// Rings these devices and no other: one that nobody found, and hears of it all the same, would not hear of the end. Where
/// there is none, the first that comes will be.
fn ring(draft: &mut Draft, legs: Vec<Leg>) {
    let rung = legs.iter().map(|leg| leg.device.clone()).collect();
    draft.call.state = State::Ringing { legs, alerted: false, since: draft.at };
    if draft.call.state.is_waking() {
        return;
    }
    let call = &draft.call;
    let incoming = Event::Incoming {
        from: Endpoint { user: call.caller.clone(), device: call.caller_leg.device.clone() },
        media: call.media,
        metadata: call.metadata.clone(),
    };
    draft.deliver(Side::Callee, Audience::Among(rung), incoming);
}

/// What a request that was applied before is told: the same as then.
pub(super) fn ack_again(call: &Call, sender: &Endpoint, action: &Action) -> Ack {
    match (action, call.side_of(&sender.user)) {
        (Action::Init, Some(Side::Callee)) => Ack::Merged(call.id.clone()),
        (Action::Init, _) => Ack::Placed(call.id.clone()),
        _ => Ack::Done,
    }
}

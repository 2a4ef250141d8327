//! A decision being made: the call as it will be, and what has followed so far.

use crate::{
    Ack, Audience, Call, Decision, Delivery, Detail, EndReason, Endpoint, Event, FollowUp, Note, Outcome,
    Rules, Side, State, Timestamp, Trim,
};

use super::mailboxes;

/// A copy of the call to be changed, and the effects gathered on the way.
pub(super) struct Draft {
    pub(super) call: Call,
    pub(super) at: Timestamp,
    pub(super) follow_up: Option<FollowUp>,
    pub(super) trims: Vec<Trim>,
    deliveries: Vec<Delivery>,
    notes: Vec<Note>,
}

impl Draft {
    pub(super) fn new(call: &Call, at: Timestamp) -> Self {
        Self {
            call: call.clone(),
            at,
            follow_up: None,
            trims: Vec::new(),
            deliveries: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Appends to a side's mailbox.
    pub(super) fn deliver(&mut self, side: Side, to: Audience, event: Event) {
        let nodes = self.call.nodes(side);
        let seq = self.call.mailboxes[side].next();
        self.deliveries.push(Delivery { side, seq, to, nodes, event });
    }

    /// Tells the device bound on this side, if one is.
    pub(super) fn tell(&mut self, side: Side, event: Event) {
        if let Some(leg) = self.call.bound(side) {
            let to = Audience::Only(leg.device.clone());
            self.deliver(side, to, event);
        }
    }

    /// Appends to the call's log.
    pub(super) fn note(&mut self, note: Note) {
        self.call.notes += 1;
        self.notes.push(note);
    }

    /// Gives the call its outcome and tells everybody who takes part in it.
    pub(super) fn end(&mut self, reason: EndReason, by: Option<Endpoint>) {
        self.end_because(reason, by, None);
    }

    /// The same, with a word on why. The only way into [`State::Ended`].
    pub(super) fn end_because(&mut self, reason: EndReason, by: Option<Endpoint>, detail: Option<Detail>) {
        let (setup_ms, duration_ms) = match &self.call.state {
            State::Connected { since, setup_ms, .. } => (Some(*setup_ms), Some(self.at.since(*since))),
            State::Idle { .. } | State::Ringing { .. } | State::Connecting(_) | State::Ended(_) => {
                (None, None)
            }
        };
        let event = Event::Ended { reason, by: by.clone(), duration_ms, setup_ms, detail: detail.clone() };
        self.tell(Side::Caller, event.clone());
        let callee = match &self.call.state {
            state if state.is_waking() => None,
            State::Idle { crossing: None, .. } | State::Ended(_) => None,
            State::Idle { crossing: Some(leg), .. } => Some(Audience::Only(leg.device.clone())),
            State::Ringing { .. } => Some(Audience::All),
            State::Connecting(dialog) | State::Connected { dialog, .. } => {
                Some(Audience::Only(dialog.callee.device.clone()))
            }
        };
        let rang = callee.is_some();
        if let Some(to) = callee {
            self.deliver(Side::Callee, to, event);
        }
        let answered_by = match &self.call.state {
            State::Idle { crossing, .. } => crossing.as_ref().map(|leg| leg.device.clone()),
            state => state.dialog().map(|dialog| dialog.callee.device.clone()),
        };
        self.call.state = State::Ended(Outcome {
            reason,
            by,
            at: self.at,
            answered_by,
            rang,
            setup_ms,
            duration_ms,
            detail,
        });
    }

    /// The finished decision.
    pub(super) fn decide(mut self, rules: &Rules, ack: Ack) -> Decision {
        mailboxes::bound(&mut self, rules.max_unseen);
        self.call.milestones.pass(&self.call.state, self.at);
        Decision {
            deadline: rules.deadline(&self.call),
            next: Some(self.call),
            ack,
            deliveries: self.deliveries,
            trims: self.trims,
            notes: self.notes,
            follow_up: self.follow_up,
        }
    }
}

//! The two functions that decide: [`Rules::open`] and [`Rules::decide`].

mod answering;
mod attendance;
mod deadlines;
mod draft;
mod ending;
mod mailboxes;
mod media;
mod negotiation;
mod placing;

use crate::{
    Ack, Action, Call, Command, Decision, Endpoint, Input, Millis, Note, Origin, Rejection, RequestId, Step,
    Timestamp,
};
use attendance::{Arrival, Gone};
use draft::Draft;

/// The rules, with the numbers an operator may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long each phase may take.
    pub timeouts: Timeouts,
    /// What happens to a call whose callee is in another.
    pub busy: BusyPolicy,
    /// Candidates held for one side until its description has been forwarded (protocol section 5: 64).
    pub max_held: usize,
    /// Entries kept for a bound device that does not say what it has seen (512); of more the oldest are given up, and
    /// it can't be proved any more that it has missed nothing.
    pub max_unseen: u64,
    /// Reports kept of one call (16).
    pub max_reports: u64,
    /// Steps kept of one call's timeline (400), beside its end; 0: none.
    pub max_steps: u64,
    /// Live calls of one user (protocol section 5: 8).
    pub max_calls: usize,
}

/// How long each phase may take, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From `call:init` until the placing of a call that got nowhere is begun again (3 s).
    pub placing_ms: Millis,
    /// From `call:init` to ringing, however often it was begun (15 s); then `setup_timeout`.
    pub idle_ms: Millis,
    /// From ringing to the accept (45 s); then `no_answer`.
    pub ringing_ms: Millis,
    /// How long a call waits for a first device of a callee who has none, whose application is told to wake one (0: not at
    /// all); then `offline`.
    pub waking_ms: Millis,
    /// From the accept to media on both sides (30 s); then `setup_timeout`.
    pub connecting_ms: Millis,
    /// How long a bound device may be without a connection (20 s); then `connection_lost`.
    pub reconnect_ms: Millis,
    /// How often a connected call's devices are looked up (90 s, the least RFC 4028 allows a session timer).
    pub session_ms: Millis,
    /// How long after its end a call still takes reports (60 s, protocol section 3).
    pub report_ms: Millis,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            placing_ms: 3_000,
            idle_ms: 15_000,
            ringing_ms: 45_000,
            waking_ms: 0,
            connecting_ms: 30_000,
            reconnect_ms: 20_000,
            session_ms: 90_000,
            report_ms: 60_000,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            busy: BusyPolicy::default(),
            max_held: 64,
            max_unseen: 512,
            max_reports: 16,
            max_steps: 400,
            max_calls: 8,
        }
    }
}

/// What happens to a call whose callee is in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BusyPolicy {
    /// It ends as `busy`.
    #[default]
    Busy,
    /// It rings (call waiting).
    Waiting,
}

impl Rules {
    /// Answers one command on a call that exists.
    ///
    /// # Errors
    /// A [`Rejection`] refuses a request; the call is as it was.
    pub fn decide(&self, call: &Call, command: &Command) -> Result<Decision, Rejection> {
        let mut decision = self.judge(call, command)?;
        self.keep(&mut decision, call.has_ended(), |decision| Step::of(call, &command.input, decision));
        Ok(decision)
    }

    /// Puts the step that a change is into the call's log, while there is room.
    fn keep(&self, decision: &mut Decision, over: bool, step: impl FnOnce(&Decision) -> Option<Step>) {
        let Some(next) = &mut decision.next else { return };
        let ends = next.has_ended() && !over && self.max_steps > 0;
        if next.notes >= self.max_steps && !ends {
            next.is_log_cut = true;
            return;
        }
        let step = step(decision);
        if let (Some(next), Some(step)) = (&mut decision.next, step) {
            next.notes += 1;
            decision.notes.push(Note::Step(step));
        }
    }

    fn judge(&self, call: &Call, command: &Command) -> Result<Decision, Rejection> {
        let at = command.at.max(call.latest());
        match &command.input {
            Input::Request { from, id, action } => self.request(call, from, *id, action, at),
            Input::Admission(admission) => Ok(self.admit(call, admission, at)),
            Input::Dropped { user, device, connection, closed } => {
                let gone = Gone { connection: *connection, closed: *closed };
                Ok(self.dropped(call, user, device, gone, at))
            }
            Input::Attached { user, device, link, fresh } => {
                let arrival = Arrival { link, fresh: *fresh };
                Ok(self.attached(call, user, device, arrival, at))
            }
            Input::Seen { user, device, seq } => Ok(self.seen(call, user, device, *seq, at)),
            Input::Deadline { attendance, away_until } => {
                Ok(self.deadline_passed(call, attendance, *away_until, at))
            }
            Input::Rewritten { lost, outcome } => Ok(self.rewritten(call, lost, outcome.as_ref(), at)),
            Input::Terminate => Ok(self.terminate(call, at)),
        }
    }

    fn request(
        &self,
        call: &Call,
        from: &Origin,
        id: Option<RequestId>,
        action: &Action,
        at: Timestamp,
    ) -> Result<Decision, Rejection> {
        let sender = Endpoint { user: from.user.clone(), device: from.device.clone() };
        let mut draft = Draft::new(call, at);
        let moved = attendance::heard_from(&mut draft, &sender, &from.link);
        let unchanged = |draft: Draft, ack| {
            if moved { draft.decide(self, ack) } else { Decision::unchanged(ack) }
        };
        if id.is_some_and(|id| call.replay.contains(&from.session, id)) {
            return Ok(unchanged(draft, placing::ack_again(call, &sender, action)));
        }
        // A hang-up is never too late.
        if !matches!(action, Action::End(_)) && attendance::is_outdated(call, &sender, &from.link) {
            return Err(Rejection::Outdated);
        }
        let ack = match action {
            Action::Init => self.cross(&mut draft, from)?,
            Action::Ringing => answering::alert(&mut draft, &sender)?,
            Action::Accept => answering::accept(&mut draft, &sender, &from.link)?,
            Action::Reject(reason) => answering::reject(&mut draft, &sender, *reason)?,
            Action::End(reason) => ending::hang_up(&mut draft, &sender, *reason)?,
            Action::Offer(sdp) => negotiation::offer(&mut draft, &sender, sdp)?,
            Action::Answer { sdp, offer } => negotiation::answer(&mut draft, &sender, sdp, *offer)?,
            Action::Ice(candidates) => self.trickle(&mut draft, &sender, candidates)?,
            Action::Connected => media::connected(&mut draft, &sender)?,
            Action::Report(stats) => self.report(&mut draft, &sender, stats)?,
        };
        if matches!(ack, Ack::Already(_)) {
            return Ok(unchanged(draft, ack));
        }
        // Requests of a session are served in order, so this one was refused before the later one was applied, and its
        // reply lost: its sender may have rolled it back and answered the other's.
        if matches!(action, Action::Offer(_))
            && id.is_some_and(|id| call.replay.has_passed(&from.session, id))
        {
            return Err(Rejection::InvalidState(call.state_name()));
        }
        if let Some(id) = id {
            draft.call.replay.insert(&from.session, id);
        }
        mailboxes::trim(&mut draft, &sender, from.seen);
        Ok(draft.decide(self, ack))
    }

    /// When something must happen next to a call; `None` once it has ended.
    pub fn deadline(&self, call: &Call) -> Option<Timestamp> {
        deadlines::next(&self.timeouts, call)
    }
}

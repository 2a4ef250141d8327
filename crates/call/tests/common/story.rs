//! A call told step by step on virtual time.

use std::collections::HashMap;

use ringback_call::{
    Action, Attendance, Call, Command, Decision, Input, Note, Opening, Rejection, Rules, Side, Timestamp,
};

use super::{ALICE, ALICE_LAPTOP, BOB, BOB_TABLET, BOB_WATCH, Device, ask, laws, words};

/// When every story begins.
pub(crate) const START: u64 = 1_000_000;

/// A call, its rules, the time, and what each device has heard.
pub(crate) struct Story {
    pub(crate) rules: Rules,
    pub(crate) call: Call,
    pub(crate) now: u64,
    pub(crate) last: Decision,
    /// The call's log.
    pub(crate) notes: Vec<Note>,
    heard: HashMap<&'static str, Vec<String>>,
    next_id: u64,
}

impl Story {
    /// Alice has called bob; the policy has not answered yet.
    pub(crate) fn placed() -> Self {
        Self::placed_under(Rules::default())
    }

    pub(crate) fn placed_under(rules: Rules) -> Self {
        let decision = rules.open(&Self::opening()).unwrap();
        let call = decision.next.clone().unwrap();
        let notes = decision.notes.clone();
        Self { rules, call, now: START, last: decision, notes, heard: HashMap::new(), next_id: 100 }
    }

    pub(crate) fn opening() -> Opening {
        ask::opening(ALICE, BOB, 1, START)
    }

    /// Bob's phone and tablet ring.
    pub(crate) fn ringing() -> Self {
        let mut story = Self::placed();
        story.happens(ask::allowed(&[BOB, BOB_TABLET]));
        story.forget()
    }

    /// Bob's phone has answered.
    pub(crate) fn accepted() -> Self {
        let mut story = Self::ringing();
        assert_eq!(story.ask(BOB, ask::ACCEPT), "done");
        story.forget()
    }

    /// Offer and answer have been exchanged.
    pub(crate) fn negotiated() -> Self {
        let mut story = Self::accepted();
        assert_eq!(story.ask(ALICE, ask::offer("o")), "done");
        assert_eq!(story.ask(BOB, ask::answer("a")), "done");
        story.forget()
    }

    /// They talk.
    pub(crate) fn connected() -> Self {
        let mut story = Self::negotiated();
        story.ask(ALICE, Action::Connected);
        story.ask(BOB, Action::Connected);
        assert_eq!(words::stands(&story.call), "connected");
        story.forget()
    }

    /// What was said up to here is not the point.
    pub(crate) fn forget(mut self) -> Self {
        self.heard.clear();
        self
    }

    /// A request; the answer in words.
    pub(crate) fn ask(&mut self, who: Device, action: Action) -> String {
        self.next_id += 1;
        self.ask_as(who, self.next_id, action)
    }

    /// A request with an id of one's own: for sending it again.
    pub(crate) fn ask_as(&mut self, who: Device, id: u64, action: Action) -> String {
        words::reply(&self.try_input(ask::request(who, id, action)))
    }

    /// Something that nobody is refused.
    pub(crate) fn happens(&mut self, input: Input) -> String {
        words::reply(&self.try_input(input))
    }

    /// Time passes, with nothing happening by itself.
    pub(crate) fn wait(&mut self, ms: u64) -> &mut Self {
        self.now += ms;
        self
    }

    /// What happens next is dated by a gateway whose clock is so far behind.
    pub(crate) fn behind(&mut self, ms: u64) -> &mut Self {
        self.now -= ms;
        self
    }

    /// The sweeper looks at the call now.
    pub(crate) fn sweep(&mut self, attendance: Attendance) -> String {
        self.happens(Input::Deadline { attendance, away_until: None })
    }

    /// The same, after the store was away until now.
    pub(crate) fn sweep_after_outage(&mut self, attendance: Attendance) -> String {
        let away_until = Some(Timestamp(self.now));
        self.happens(Input::Deadline { attendance, away_until })
    }

    /// Milliseconds from now to the call's deadline.
    pub(crate) fn due_in(&self) -> Option<u64> {
        self.rules.deadline(&self.call).map(|at| at.0 - self.now)
    }

    /// What this device has been told since it was last asked for.
    pub(crate) fn heard(&mut self, who: Device) -> Vec<String> {
        self.heard.remove(who.name).unwrap_or_default()
    }

    pub(crate) fn stands(&self) -> String {
        words::stands(&self.call)
    }

    fn try_input(&mut self, input: Input) -> Result<Decision, Rejection> {
        let command = Command { at: Timestamp(self.now), input };
        let result = self.rules.decide(&self.call, &command);
        if let Ok(decision) = &result {
            laws::check(&self.rules, &self.call, &command, decision);
            self.hand_out(decision);
            self.notes.extend(decision.notes.iter().cloned());
            if let Some(next) = &decision.next {
                self.call = next.clone();
            }
            self.last = decision.clone();
        }
        result
    }

    fn hand_out(&mut self, decision: &Decision) {
        for delivery in &decision.deliveries {
            let user = self.call.user(delivery.side);
            for device in [ALICE, ALICE_LAPTOP, BOB, BOB_TABLET, BOB_WATCH] {
                let bound_or_rung = delivery.side == Side::Callee || device == ALICE;
                if device.user() == *user && bound_or_rung && delivery.to.includes(&device.device()) {
                    self.heard.entry(device.name).or_default().push(words::said(&delivery.event));
                }
            }
        }
    }
}

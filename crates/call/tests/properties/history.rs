//! One call's history, with everything that its laws need to be remembered.

use std::collections::HashMap;

use proptest::prelude::*;
use ringback_call::{
    Action, Admission, Attendance, Call, Command, Decision, Dialog, Event, Input, Negotiation, PeerStatus,
    PerSide, Rejection, Rules, Side, State, Terms, Timeouts, Timestamp,
};

use crate::{
    common::{ALICE, BOB, BOB_TABLET, BOB_WATCH, Device, ask, laws},
    steps::Step,
};

/// What a device has been told, as far as the laws ask.
#[derive(Default)]
struct Ears {
    /// It has had its last event.
    ended: bool,
    /// Descriptions of its peer it has been given.
    descriptions: u64,
    /// Candidates it has been given, in all.
    candidates: usize,
    /// It has been given an offer, and has neither answered it nor been told that it is withdrawn.
    offered: bool,
}

pub(crate) struct History {
    pub(crate) call: Call,
    /// Commands that were stored.
    pub(crate) applied: usize,
    rules: Rules,
    terms: Terms,
    now: u64,
    links: HashMap<&'static str, Device>,
    connected: HashMap<&'static str, bool>,
    sent: Vec<(Input, bool, String)>,
    ids: u64,
    ears: HashMap<&'static str, Ears>,
    /// Candidates acknowledged of each side in the present dialog.
    trickled: PerSide<usize>,
    outcomes: usize,
}

/// Which rules a history is under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// Whether devices are woken.
    pub(crate) waking: bool,
    /// Whether the policy says for how long a call may ring and last.
    pub(crate) terms: bool,
}

pub(crate) fn kinds() -> impl Strategy<Value = Kind> {
    any::<(bool, bool)>().prop_map(|(waking, terms)| Kind { waking, terms })
}

impl History {
    pub(crate) fn begin(kind: Kind) -> Self {
        let waking_ms = if kind.waking { 25_000 } else { 0 };
        let timeouts = Timeouts { waking_ms, ..Timeouts::default() };
        let rules = Rules { max_held: 12, timeouts, ..Rules::default() };
        let terms = if kind.terms {
            Terms { ringing_ms: Some(60_000), duration_ms: Some(600_000) }
        } else {
            Terms::default()
        };
        let now = 1_000;
        let opened = rules.open(&ask::opening(ALICE, BOB, 1, now)).unwrap();
        let there = [ALICE, BOB, BOB_TABLET].map(|device| (device.name, true));
        Self {
            call: opened.next.unwrap(),
            applied: 1,
            rules,
            terms,
            now,
            links: HashMap::new(),
            connected: HashMap::from(there),
            sent: vec![(ask::request(ALICE, 1, Action::Init), true, "Placed".to_owned())],
            ids: 10,
            ears: HashMap::new(),
            trickled: PerSide::default(),
            outcomes: 0,
        }
    }

    /// Straight to an answered call.
    pub(crate) fn get_going(&mut self) {
        self.take(&Step::Admit(2, false));
        self.take(&Step::Ask(BOB, Action::Accept));
        assert!(self.call.state.dialog().is_some());
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match step {
            Step::Ask(who, action) => {
                self.ids += 1;
                let input = ask::request(self.here(*who), self.ids, action.clone());
                let result = self.apply(input.clone());
                let ack = result.as_ref().map(|decision| format!("{:?}", decision.ack)).unwrap_or_default();
                let stored = result.is_ok_and(|decision| decision.next.is_some());
                self.sent.push((input, stored, ack));
            }
            Step::Again(back) => self.again(*back),
            Step::Drop(who, told) => {
                self.connected.insert(who.name, false);
                if *told {
                    self.apply(ask::dropped(self.here(*who))).unwrap();
                }
            }
            Step::Seen(who, share) => {
                let side = self.call.side_of(&who.user());
                let last = side.map_or(7, |side| self.call.mailboxes[side].last);
                self.apply(ask::seen(*who, last * share / 4)).unwrap();
            }
            Step::Restart(who) => {
                let moved = self.here(*who).moved("gw-4");
                self.links.insert(who.name, moved);
                self.connected.insert(who.name, true);
                self.apply(ask::restarted(moved)).unwrap();
            }
            Step::Rewrite(further) => {
                let lost = |side: Side| {
                    let last = self.call.mailboxes[side].last;
                    Some(last + 1..=last + further)
                };
                let lost = PerSide { caller: lost(Side::Caller), callee: lost(Side::Callee) };
                self.apply(Input::Rewritten { lost, outcome: None }).unwrap();
            }
            Step::Attach(who, told) => {
                let moved = self.here(*who).moved(["gw-1", "gw-2", "gw-3"][self.now as usize % 3]);
                self.links.insert(who.name, moved);
                self.connected.insert(who.name, true);
                if *told {
                    self.apply(ask::attached(moved)).unwrap();
                }
            }
            Step::LateDrop(who) => {
                let here = self.here(*who);
                let older = Device { connection: here.connection - 1, ..here };
                let before = self.call.clone();
                let arrivals = match &before.state {
                    State::Idle { arrivals, .. } => arrivals.as_slice(),
                    _ => &[],
                };
                let known = before.legs(Side::Callee).iter().chain(before.legs(Side::Caller)).chain(arrivals);
                let fresh = known
                    .clone()
                    .all(|leg| leg.device != who.device() || leg.link.connection.0 == here.connection);
                self.apply(ask::dropped(older)).unwrap();
                assert!(!fresh || self.call == before, "an older connection says nothing");
            }
            Step::Deny => drop(self.apply(Input::Admission(Admission::Denied { detail: None }))),
            Step::Admit(found, engaged) => self.admit(*found, *engaged),
            Step::Pass(ms) => self.pass(*ms, false),
            Step::Outage(ms) => self.pass(*ms, true),
            Step::PassToDeadline => {
                let left = self.rules.deadline(&self.call).map_or(1, |at| at.0.saturating_sub(self.now));
                self.pass(left, false);
            }
            Step::Terminate => drop(self.apply(Input::Terminate)),
        }
    }

    /// Left to time alone, a call whose devices are gone ends.
    pub(crate) fn finish(&mut self) {
        self.connected.clear();
        for _ in 0..12 {
            self.take(&Step::PassToDeadline);
        }
        assert!(self.call.has_ended(), "nobody is there, and it goes on");
        assert_eq!(self.outcomes, 1);
    }

    fn here(&self, who: Device) -> Device {
        self.links.get(who.name).copied().unwrap_or(who)
    }

    fn again(&mut self, back: usize) {
        let Some(at) = self.sent.len().checked_sub(1 + back) else { return };
        let (input, stored, ack) = self.sent[at].clone();
        let before = self.call.clone();
        let result = self.apply(input);
        if stored {
            let decision = result.unwrap();
            assert!(laws::at_most_moved(&before, &decision), "applied twice");
            assert!(format!("{:?}", decision.ack).starts_with(&ack), "{ack} became {:?}", decision.ack);
        } else {
            self.sent[at].1 = result.as_ref().is_ok_and(|decision| decision.next.is_some());
            self.sent[at].2 = result.map(|decision| format!("{:?}", decision.ack)).unwrap_or_default();
        }
    }

    fn admit(&mut self, found: usize, engaged: bool) {
        let legs: Vec<Device> =
            [BOB, BOB_TABLET, BOB_WATCH][..found].iter().map(|&who| self.here(who)).collect();
        let others: &[_] = if engaged { &[ringback_call::StateName::Connected] } else { &[] };
        let admission = match ask::engaged(&legs, others) {
            Input::Admission(Admission::Allowed { legs, others, .. }) => {
                Input::Admission(Admission::Allowed { legs, others, terms: self.terms })
            }
            other => other,
        };
        self.apply(admission).unwrap();
    }

    fn pass(&mut self, ms: u64, outage: bool) {
        self.now += ms;
        let there = |device: Device| {
            self.connected.get(device.name).copied().unwrap_or(false).then(|| self.here(device).link())
        };
        let bound = self.call.endpoint(Side::Callee);
        let callee = [BOB, BOB_TABLET, BOB_WATCH].into_iter().find(|one| Some(one.endpoint()) == bound);
        let attendance: Attendance = PerSide { caller: there(ALICE), callee: callee.and_then(there) };
        let away_until = outage.then_some(Timestamp(self.now));
        self.apply(Input::Deadline { attendance, away_until }).unwrap();
    }

    fn apply(&mut self, input: Input) -> Result<Decision, Rejection> {
        let command = Command { at: Timestamp(self.now), input };
        let before = self.call.clone();
        let result: Result<Decision, Rejection> = self.rules.decide(&self.call, &command);
        assert_eq!(before, self.call);
        match &result {
            Err(refusal) => laws::refusal_is_stable(&self.rules, &before, &command, *refusal),
            Ok(decision) => {
                laws::check(&self.rules, &before, &command, decision);
                assert_eq!(
                    self.rules.decide(&before, &command).as_ref(),
                    Ok(decision),
                    "the same every time"
                );
                if let Some(next) = &decision.next {
                    self.store(&before, next.clone(), &command.input, decision);
                }
            }
        }
        result
    }

    fn store(&mut self, before: &Call, next: Call, input: &Input, decision: &Decision) {
        self.applied += 1;
        self.outcomes += usize::from(next.has_ended() && !before.has_ended());
        negotiation_takes_turns(before, &next, input);
        if let Some((offerer, dialog)) = withdrawn(before, &next) {
            self.trickled[offerer.other()] -= dialog.held[offerer.other()].len();
        }
        if let Input::Request { from, action: Action::Ice(list), .. } = input {
            self.trickled[before.side_of(&from.user).unwrap()] += list.len();
        }
        self.nothing_is_open_for_who_offers(input);
        self.call = next;
        for delivery in &decision.deliveries {
            for device in [ALICE, BOB, BOB_TABLET, BOB_WATCH] {
                let theirs = device.user() == *before.user(delivery.side);
                if theirs && delivery.to.includes(&device.device()) && self.rung(before, device) {
                    self.hear(device, delivery.side, &delivery.event);
                }
            }
        }
        self.candidates_add_up();
    }

    /// Whether a device has a part in the call, before or after.
    fn rung(&self, before: &Call, device: Device) -> bool {
        let legs = |call: &Call| {
            Side::BOTH.iter().any(|&side| call.legs(side).iter().any(|leg| leg.device == device.device()))
        };
        legs(before) || legs(&self.call)
    }

    fn hear(&mut self, device: Device, side: Side, event: &Event) {
        let dialog = self.call.state.dialog();
        let ears = self.ears.entry(device.name).or_default();
        assert!(!ears.ended, "{} hears {event:?} after the end", device.name);
        match event {
            Event::Ended { .. } => ears.ended = true,
            Event::Offer(_) | Event::Answer(_) => {
                ears.descriptions += 1;
                ears.offered |= matches!(event, Event::Offer(_));
            }
            Event::Peer(PeerStatus::Restarted) => ears.offered = false,
            Event::Ice(list) => {
                assert!(ears.descriptions > 0, "a candidate before any description");
                let described = dialog.is_none_or(|dialog| dialog.negotiation.described(side.other()));
                assert!(described, "a candidate before its sender's description of this negotiation");
                ears.candidates += list.len();
            }
            _ => {}
        }
    }

    /// Whoever's offer is taken has been told, before anything that follows, that the peer's is withdrawn, should it have
    /// been given one that it has not answered: so a client knows, however late that comes, that its own counts.
    fn nothing_is_open_for_who_offers(&mut self, input: &Input) {
        let Input::Request { from, action: action @ (Action::Offer(_) | Action::Answer { .. }), .. } = input
        else {
            return;
        };
        let sender = [ALICE, BOB, BOB_TABLET, BOB_WATCH]
            .into_iter()
            .find(|one| one.user() == from.user && one.device() == from.device);
        let ears = self.ears.entry(sender.unwrap().name).or_default();
        if matches!(action, Action::Answer { .. }) {
            ears.offered = false;
        }
        assert!(!ears.offered, "two offers are open for {}", sender.unwrap().name);
    }

    /// No candidate is lost or doubled: what was acknowledged was handed over, or is held.
    fn candidates_add_up(&self) {
        let Some(dialog) = self.call.state.dialog() else { return };
        let winner =
            [BOB, BOB_TABLET, BOB_WATCH].into_iter().find(|one| one.device() == dialog.callee.device);
        for (side, hearer) in [(Side::Caller, winner.unwrap()), (Side::Callee, ALICE)] {
            let heard = self.ears.get(hearer.name).map_or(0, |ears| ears.candidates);
            assert_eq!(heard + dialog.held[side].len(), self.trickled[side]);
        }
    }
}

/// The side whose open offer is not open any more although nobody has answered it, and the dialog as it was.
fn withdrawn<'a>(before: &'a Call, after: &Call) -> Option<(Side, &'a Dialog)> {
    let (was, is) = (before.state.dialog()?, after.state.dialog()?);
    let Negotiation::Open(offerer) = was.negotiation else { return None };
    let answered = after.mailboxes[offerer].last > before.mailboxes[offerer].last;
    (is.negotiation != was.negotiation && !answered).then_some((offerer, was))
}

/// No offer is taken while the peer's is open: an open offer is only ever followed by its answer, or withdrawn because
/// its sender has forgotten it.
fn negotiation_takes_turns(before: &Call, after: &Call, input: &Input) {
    let turn = |call: &Call| match &call.state {
        State::Connecting(dialog) | State::Connected { dialog, .. } => Some(dialog.negotiation),
        _ => None,
    };
    if let (Some(was), Some(is)) = (turn(before), turn(after)) {
        let fine = was == is
            || match was {
                Negotiation::Awaited => is == Negotiation::Open(Side::Caller),
                Negotiation::Open(offerer) if forgotten_by(before, input) == Some(offerer) => {
                    is != Negotiation::Open(offerer.other())
                }
                Negotiation::Open(_) => is == Negotiation::Stable,
                Negotiation::Stable => matches!(is, Negotiation::Open(_)),
            };
        assert!(fine, "{was:?} became {is:?}");
    }
}

/// The side whose device has come back with nothing.
fn forgotten_by(call: &Call, input: &Input) -> Option<Side> {
    match input {
        Input::Attached { user, fresh: true, .. } => call.side_of(user),
        _ => None,
    }
}

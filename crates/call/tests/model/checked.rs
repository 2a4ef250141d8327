//! What can happen next, and what must hold always: the model as the checker sees it.

use ringback_call::{Command, EndReason, Input, RequestId, State};
use stateright::{Model, Property};

use crate::common::laws;

use super::{
    client::{Ask, Phase, Shock},
    world::{DEVICES, Scene, World},
};

/// One step of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A device asks.
    Ask(usize, Ask),
    /// It had no reply to a request that was refused, and sends it again.
    Again(usize, usize),
    /// The next event arrives at a device.
    Arrive(usize),
    /// The policy and the look-up answer; the answer is on its way.
    Answer(bool),
    /// That gateway dies over it.
    LosePlacing,
    /// An answer reaches the store.
    Admit(usize),
    /// A device loses its connection; the call is told or not.
    Drop(usize, bool),
    /// It has a new one.
    Return(usize, bool),
    /// The call's deadline passes.
    Deadline,
}

impl Model for Scene {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![self.start.clone()]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let mut asks = Vec::new();
        for (who, client) in world.clients.iter().enumerate() {
            if client.online {
                asks.clear();
                client.wants(&mut asks);
                steps.extend(asks.iter().map(|&ask| Step::Ask(who, ask)));
                // What had no reply is sent again before anything new.
                if world.left.repeats > 0 && client.sent.last().is_some_and(|sent| sent.ack.is_none()) {
                    steps.push(Step::Again(who, client.sent.len() - 1));
                }
                if !client.inbox.is_empty() {
                    steps.push(Step::Arrive(who));
                }
            }
            if client.online && world.left.drops > 0 && world.call.is_some() && !world.has_ended() {
                steps.push(Step::Drop(who, true));
                if self.silent {
                    steps.push(Step::Drop(who, false));
                }
            }
            // One that was not there at first may come, and one that went may come back.
            if !client.online && client.connection < 13 {
                steps.push(Step::Return(who, true));
                if self.silent {
                    steps.push(Step::Return(who, false));
                }
            }
        }
        if world.placing > 0 {
            steps.push(Step::Answer(true));
            if self.may_deny {
                steps.push(Step::Answer(false));
            }
            if world.left.lost_placings > 0 {
                steps.push(Step::LosePlacing);
            }
        }
        steps.extend((0..world.admissions.len()).map(Step::Admit));
        if self.deadline_may_pass(world) {
            steps.push(Step::Deadline);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Ask(who, ask) => {
                world.clients[who].spend(ask);
                self.ask(&mut world, who, ask, None);
            }
            Step::Again(who, at) => {
                world.left.repeats -= 1;
                let ask = world.clients[who].sent[at].ask;
                self.ask(&mut world, who, ask, Some(at));
            }
            Step::Arrive(who) => {
                if let Err(shock) = world.clients[who].hear() {
                    world.shock.get_or_insert(shock);
                }
            }
            Step::Answer(yes) => {
                world.placing -= 1;
                let found = yes.then(|| self.look_up(&world));
                world.admissions.push(found);
            }
            Step::LosePlacing => {
                world.placing -= 1;
                world.left.lost_placings -= 1;
            }
            Step::Admit(at) => {
                let found = world.admissions.remove(at);
                self.certain(&mut world, self.admission(found));
            }
            Step::Drop(who, told) => {
                world.left.drops -= 1;
                world.clients[who].online = false;
                let connection = self.link(&world, who).connection;
                let (user, device) = (DEVICES[who].user(), DEVICES[who].device());
                if told {
                    self.certain(&mut world, Input::Dropped { user, device, connection, closed: true });
                }
            }
            Step::Return(who, told) => {
                world.clients[who].online = true;
                world.clients[who].connection += 1;
                let link = self.link(&world, who);
                let (user, device) = (DEVICES[who].user(), DEVICES[who].device());
                if told {
                    self.certain(&mut world, Input::Attached { user, device, link, fresh: false });
                }
            }
            Step::Deadline => {
                let call = before.call.as_deref()?;
                if self.idles(before) {
                    world.left.sessions -= 1;
                }
                world.now = world.now.max(self.rules.deadline(call)?);
                let attendance = self.attendance(&world);
                self.certain(&mut world, Input::Deadline { attendance, away_until: None });
            }
        }
        // A step that leads nowhere is none: so that a call nobody can end is seen to end nowhere.
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("every decision keeps the laws", |_, world| world.broken_law.is_none()),
            Property::<Self>::always("at most one device wins", |_, world| world.winners.len() <= 1),
            Property::<Self>::always("a call has at most one outcome", |_, world| world.outcomes <= 1),
            Property::<Self>::always("nothing follows the end", |_, w| w.shock != Some(Shock::AfterEnded)),
            Property::<Self>::always("no candidate precedes its description", |_, w| {
                w.shock != Some(Shock::EarlyCandidate)
            }),
            Property::<Self>::always("candidates come once, in order", |_, w| {
                w.shock != Some(Shock::LostCandidate)
            }),
            Property::<Self>::always("never two open offers", |_, world| {
                world.shock != Some(Shock::TwoOffers)
            }),
            Property::<Self>::always("events come in their turn", |_, world| {
                world.shock != Some(Shock::OutOfTurn)
            }),
            Property::<Self>::always("what is sent twice is applied once", applied_once),
            Property::<Self>::always("an acknowledged crossing is not forgotten", crossing_kept),
            Property::<Self>::always("left alone, a call ends or is connected", time_settles),
            Property::<Self>::always("who has heard everything knows how it stands", all_agree),
            Property::<Self>::eventually("nobody rings for ever", |_, world| {
                let settled = |state: &State| matches!(state, State::Connected { .. } | State::Ended(_));
                world.state().is_some_and(settled)
            }),
        ]
    }
}

impl Scene {
    /// What nobody can refuse.
    fn certain(&self, world: &mut World, input: Input) {
        if self.happen(world, input).is_err() && world.call.is_some() {
            world.broken_law.get_or_insert("only requests are refused");
        }
    }

    /// The session timer would find everybody where they are known to be.
    fn idles(&self, world: &World) -> bool {
        let Some(State::Connected { dialog, .. }) = world.state() else { return false };
        let Some(call) = world.call.as_deref() else { return false };
        let there = self.attendance(world);
        [(&call.caller_leg, there.caller), (&dialog.callee, there.callee)]
            .into_iter()
            .all(|(leg, link)| leg.absent_since.is_none() && link.is_some())
    }

    fn deadline_may_pass(&self, world: &World) -> bool {
        let due = world.call.as_deref().and_then(|call| self.rules.deadline(call)).is_some();
        due && (world.left.sessions > 0 || !self.idles(world))
    }
}

/// Each applied request, sent again now, changes nothing but where its device is, and gets the ack it had.
fn applied_once(scene: &Scene, world: &World) -> bool {
    let Some(call) = world.call.as_deref() else { return true };
    world.clients.iter().enumerate().all(|(who, client)| {
        let applied =
            client.sent.iter().enumerate().filter_map(|(at, sent)| Some((at, sent.ask, sent.ack.as_ref()?)));
        applied.into_iter().all(|(at, ask, ack)| {
            let input = scene.request(world, who, RequestId(at as u64 + 1), ask);
            let command = Command { at: world.now, input };
            let again = (scene.decide)(&scene.rules, call, &command);
            again.is_ok_and(|decision| laws::at_most_moved(call, &decision) && decision.ack == *ack)
        })
    })
}

/// Should nobody do anything from now on, passing time alone settles the call: no fairness is asked of anyone.
fn time_settles(scene: &Scene, world: &World) -> bool {
    let Some(call) = world.call.as_deref() else { return true };
    let attendance = scene.attendance(world);
    let mut call = std::borrow::Cow::Borrowed(call);
    for _ in 0..6 {
        let both_there = attendance.caller.is_some() && attendance.callee.is_some();
        if call.has_ended() || both_there && matches!(call.state, State::Connected { .. }) {
            return true;
        }
        let Some(at) = scene.rules.deadline(&call) else { return false };
        let command =
            Command { at, input: Input::Deadline { attendance: attendance.clone(), away_until: None } };
        match (scene.decide)(&scene.rules, &call, &command).map(|decision| decision.next) {
            Ok(Some(next)) => call = std::borrow::Cow::Owned(next),
            Ok(None) | Err(_) => return false,
        }
    }
    false
}

/// A device whose `call:init` was merged is the one that has the call, until it ends.
fn crossing_kept(_: &Scene, world: &World) -> bool {
    let Some(call) = world.call.as_deref() else { return true };
    world.clients.iter().zip(&DEVICES).all(|(client, device)| {
        let has_it =
            || call.bound(ringback_call::Side::Callee).is_some_and(|leg| leg.device == device.device());
        client.phase != Phase::Merged || call.has_ended() || has_it()
    })
}

/// With nothing on its way to it, a device that was told of the call knows how it stands: it talks if it is bound, it
/// is over for the others, and the reason is the one outcome (for losers, that another one answered).
fn all_agree(_: &Scene, world: &World) -> bool {
    let Some(call) = world.call.as_deref() else { return true };
    let bound = |who: usize| call.endpoint(ringback_call::Side::Callee) == Some(DEVICES[who].endpoint());
    world.clients.iter().enumerate().all(|(who, client)| {
        let calls = call.caller == DEVICES[who].user();
        let loser = || world.winners.first().is_some_and(|&winner| !calls && winner != who);
        if !client.inbox.is_empty() || client.phase == Phase::Quiet {
            return true;
        }
        match (&call.state, client.phase) {
            (State::Idle { .. } | State::Ringing { .. }, Phase::Over(_)) => false,
            (State::Idle { .. } | State::Ringing { .. }, _) => true,
            (State::Connecting(_) | State::Connected { .. }, Phase::Talking) => calls || bound(who),
            (State::Connecting(_) | State::Connected { .. }, phase) => {
                loser() && phase == Phase::Over(EndReason::AnsweredElsewhere)
            }
            (State::Ended(_), Phase::Over(EndReason::AnsweredElsewhere)) => loser(),
            (State::Ended(outcome), Phase::Over(reason)) => reason == outcome.reason && !loser(),
            (State::Ended(_), _) => false,
        }
    })
}

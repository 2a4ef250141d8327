//! Rules with one mistake each. A checker that finds nothing in them would prove nothing about the right ones.

use ringback_call::{
    Ack, Action, Audience, Call, Command, Decision, Delivery, Event, Input, Leg, Negotiation, Rejection,
    Rules, Side, State,
};

type Decided = Result<Decision, Rejection>;

/// A late accept takes the call from the device that has it.
pub(crate) fn a_second_accept_wins(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let (Input::Request { from, action: Action::Accept, .. }, State::Connecting(dialog)) =
        (&command.input, &call.state)
    else {
        return rules.decide(call, command);
    };
    let late = Leg::present(from.device.clone(), from.link.clone());
    let legs = vec![dialog.callee.clone(), late];
    let ringing = State::Ringing { legs, alerted: true, since: dialog.accepted_at };
    rules.decide(&Call { state: ringing, ..call.clone() }, command)
}

/// Candidates are forwarded as they come.
pub(crate) fn nothing_is_held(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    let Some(next) = &mut decision.next else { return Ok(decision) };
    for side in Side::BOTH {
        let (State::Connecting(dialog) | State::Connected { dialog, .. }) = &mut next.state else { break };
        let held = std::mem::take(&mut dialog.held[side]);
        if held.is_empty() {
            continue;
        }
        let to = next.endpoint(side.other()).map_or(Audience::All, |peer| Audience::Only(peer.device));
        next.mailboxes[side.other()].last += 1;
        let (side, seq) = (side.other(), next.mailboxes[side.other()].last);
        decision.deliveries.push(Delivery { side, seq, to, nodes: Vec::new(), event: Event::Ice(held) });
    }
    Ok(decision)
}

/// An offer is taken while the peer's is open.
pub(crate) fn no_glare(rules: &Rules, call: &Call, command: &Command) -> Decided {
    match rules.decide(call, command) {
        Err(Rejection::Glare) => {
            let mut closed = call.clone();
            if let State::Connecting(dialog) | State::Connected { dialog, .. } = &mut closed.state {
                dialog.negotiation = Negotiation::Stable;
            }
            rules.decide(&closed, command)
        }
        decided => decided,
    }
}

/// The devices that lost the race are not told.
pub(crate) fn losers_ring_on(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    for delivery in &mut decision.deliveries {
        if let Audience::Except(winner) = &delivery.to {
            delivery.to = Audience::Only(winner.clone());
            delivery.event = Event::Ringing;
        }
    }
    Ok(decision)
}

/// The sweeper never comes.
pub(crate) fn no_deadlines(rules: &Rules, call: &Call, command: &Command) -> Decided {
    match &command.input {
        Input::Deadline { .. } => Ok(nothing(Ack::Done)),
        _ => rules.decide(call, command),
    }
}

/// An admission that comes late rings all the same.
pub(crate) fn a_late_admission_rings(rules: &Rules, call: &Call, command: &Command) -> Decided {
    match &command.input {
        Input::Admission(_) => {
            let idle = State::Idle {
                crossing: None,
                arrivals: Vec::new(),
                since: call.created_at,
                placed_at: call.created_at,
            };
            rules.decide(&Call { state: idle, ..call.clone() }, command)
        }
        _ => rules.decide(call, command),
    }
}

/// A device that crossed is forgotten when its connection breaks.
pub(crate) fn a_crossing_is_forgotten(rules: &Rules, call: &Call, command: &Command) -> Decided {
    match (&command.input, &call.state) {
        (Input::Dropped { user, .. }, State::Idle { crossing: Some(_), since, placed_at, .. })
            if *user == call.callee =>
        {
            let state =
                State::Idle { crossing: None, arrivals: Vec::new(), since: *since, placed_at: *placed_at };
            let next = Call { state, ..call.clone() };
            Ok(Decision { deadline: rules.deadline(&next), next: Some(next), ..nothing(Ack::Done) })
        }
        _ => rules.decide(call, command),
    }
}

/// Requests are not remembered.
pub(crate) fn no_memory(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut forgetful = command.clone();
    if let Input::Request { id, .. } = &mut forgetful.input {
        *id = None;
    }
    rules.decide(call, &forgetful)
}

/// A hang-up is told to the peer, but not why.
pub(crate) fn reasons_differ(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    for delivery in &mut decision.deliveries {
        if let (Side::Callee, Event::Ended { reason, .. }) = (delivery.side, &mut delivery.event) {
            *reason = ringback_call::EndReason::ConnectionLost;
        }
    }
    Ok(decision)
}

/// A call that has ended is ended anew.
pub(crate) fn who_hangs_up_last_is_right(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    if let (Input::Request { from, action: Action::End(_), .. }, State::Ended(outcome)) =
        (&command.input, &call.state)
        && outcome.by.as_ref().is_some_and(|by| by.user != from.user)
    {
        let mut next = call.clone();
        if let State::Ended(outcome) = &mut next.state {
            outcome.by =
                Some(ringback_call::Endpoint { user: from.user.clone(), device: from.device.clone() });
        }
        decision.next = Some(next);
    }
    Ok(decision)
}

/// What was held is forwarded last first.
pub(crate) fn held_backwards(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    for delivery in &mut decision.deliveries {
        if let Event::Ice(list) = &mut delivery.event {
            list.reverse();
        }
    }
    Ok(decision)
}

/// That it rings is told to those who ring.
pub(crate) fn the_callee_hears_it_ring(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    for delivery in &mut decision.deliveries {
        if delivery.event == Event::Ringing {
            (delivery.side, delivery.to) = (Side::Callee, Audience::All);
        }
    }
    Ok(decision)
}

/// A mailbox has a gap.
pub(crate) fn a_number_is_skipped(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    if let (Some(next), Input::Request { action: Action::Accept, .. }) = (&mut decision.next, &command.input)
    {
        next.mailboxes.caller.last += 1;
    }
    Ok(decision)
}

const fn nothing(ack: Ack) -> Decision {
    Decision {
        next: None,
        ack,
        deliveries: Vec::new(),
        trims: Vec::new(),
        notes: Vec::new(),
        deadline: None,
        follow_up: None,
    }
}

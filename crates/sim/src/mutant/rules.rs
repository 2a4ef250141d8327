//! Rules with one mistake each.

use ringback_call::{
    Ack, Action, Audience, Call, Command, Decision, Delivery, EndReason, Event, Input, Leg, Negotiation,
    Rejection, Rules, Side, State,
};

type Decided = Result<Decision, Rejection>;

pub(super) fn a_second_accept_wins(rules: &Rules, call: &Call, command: &Command) -> Decided {
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

pub(super) fn nothing_is_held(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    let Some(next) = &mut decision.next else { return Ok(decision) };
    for side in Side::BOTH {
        let (State::Connecting(dialog) | State::Connected { dialog, .. }) = &mut next.state else { break };
        let held = std::mem::take(&mut dialog.held[side]);
        if held.is_empty() {
            continue;
        }
        let to = next.endpoint(side.other()).map_or(Audience::All, |peer| Audience::Only(peer.device));
        let nodes = next.legs(side.other()).iter().map(|leg| leg.link.node.clone()).collect();
        next.mailboxes[side.other()].last += 1;
        let (side, seq) = (side.other(), next.mailboxes[side.other()].last);
        decision.deliveries.push(Delivery { side, seq, to, nodes, event: Event::Ice(held) });
    }
    Ok(decision)
}

pub(super) fn held_backwards(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    for delivery in &mut decision.deliveries {
        if let Event::Ice(list) = &mut delivery.event {
            list.reverse();
        }
    }
    Ok(decision)
}

pub(super) fn no_glare(rules: &Rules, call: &Call, command: &Command) -> Decided {
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

pub(super) fn losers_ring_on(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    for delivery in &mut decision.deliveries {
        if let Audience::Except(winner) = &delivery.to {
            delivery.to = Audience::Only(winner.clone());
            delivery.event = Event::Ringing;
        }
    }
    Ok(decision)
}

pub(super) fn no_deadlines(rules: &Rules, call: &Call, command: &Command) -> Decided {
    match &command.input {
        Input::Deadline { .. } => Ok(nothing()),
        _ => rules.decide(call, command),
    }
}

pub(super) fn no_memory(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut forgetful = command.clone();
    if let Input::Request { id, .. } = &mut forgetful.input {
        *id = None;
    }
    rules.decide(call, &forgetful)
}

pub(super) fn reasons_differ(rules: &Rules, call: &Call, command: &Command) -> Decided {
    let mut decision = rules.decide(call, command)?;
    for delivery in &mut decision.deliveries {
        if let (Side::Callee, Event::Ended { reason: reason @ EndReason::Hangup, .. }) =
            (delivery.side, &mut delivery.event)
        {
            *reason = EndReason::ConnectionLost;
        }
    }
    Ok(decision)
}

pub(super) fn numbers_used_again(rules: &Rules, call: &Call, command: &Command) -> Decided {
    match &command.input {
        Input::Rewritten { .. } => Ok(nothing()),
        _ => rules.decide(call, command),
    }
}

const fn nothing() -> Decision {
    Decision {
        next: None,
        ack: Ack::Done,
        deliveries: Vec::new(),
        trims: Vec::new(),
        notes: Vec::new(),
        deadline: None,
        follow_up: None,
    }
}

//! What holds of every decision, whatever the call, the command and the history.

use ringback_call::{
    Ack, Call, Command, Decision, Delivery, Event, Input, Negotiation, Note, OutcomeEvent, Rejection, Rules,
    Side, State, Trim,
};

/// Panics with the law that was broken.
pub(crate) fn check(rules: &Rules, before: &Call, command: &Command, decision: &Decision) {
    if let Some(broken) = broken(rules, before, command, decision) {
        panic!("{broken}\nbefore: {before:#?}\ncommand: {command:#?}\ndecision: {decision:#?}");
    }
}

/// The first law that a decision breaks.
pub(crate) fn broken(
    rules: &Rules,
    before: &Call,
    command: &Command,
    decision: &Decision,
) -> Option<&'static str> {
    let Some(after) = &decision.next else {
        return (!decision.deliveries.is_empty()
            || !decision.notes.is_empty()
            || decision.follow_up.is_some()
            || decision.deadline.is_some())
        .then_some("a decision that stores nothing has no effect");
    };
    let same = (&before.id, &before.caller, &before.callee, before.created_at, &before.caller_leg.device)
        == (&after.id, &after.caller, &after.callee, after.created_at, &after.caller_leg.device);
    let laws = [
        (same, "who calls whom never changes"),
        (gapless(before, after, &decision.deliveries), "seq is gapless on each side"),
        (decision.deadline == rules.deadline(after), "the deadline is the one of the stored call"),
        (
            decision.deadline.is_none() == after.has_ended(),
            "there is a deadline until the end, and none after it",
        ),
        (outcome_once(before, after), "a call has one outcome, for good"),
        (events_stand(before, after), "what was announced of a call stands"),
        (
            ended_with_event(before, after, &decision.deliveries),
            "whoever takes part is told of the end, last",
        ),
        (winner_stays(before, after), "a bound device stays bound"),
        (held_in_bounds(rules, after), "candidates are held up to the bound"),
        (held_undescribed(after), "nothing is held of a side that is described"),
        (after.notes == before.notes + decision.notes.len() as u64, "notes are counted"),
        (
            has_its_step(rules, before, after, &decision.notes),
            "a change has one step in the timeline, or is a report",
        ),
        (
            remembered(after, command) || matches!(decision.ack, Ack::Already(_)),
            "an applied request is remembered",
        ),
        (trims_are_seen(before, after, decision), "only what the bound device has seen is taken out"),
        (
            nodes_known(before, after, &command.input, &decision.deliveries),
            "an entry is announced only where a device of its side is",
        ),
    ];
    laws.into_iter().find_map(|(holds, law)| (!holds).then_some(law))
}

/// A refusal, or a decision that stores nothing, is about the command alone.
pub(crate) fn refusal_is_stable(rules: &Rules, call: &Call, command: &Command, refusal: Rejection) {
    assert_eq!(rules.decide(call, command).unwrap_err(), refusal, "asked again at once, refused alike");
}

/// A request sent again tells where its device is now, and changes nothing else.
pub(crate) fn at_most_moved(before: &Call, decision: &Decision) -> bool {
    let Some(after) = &decision.next else { return true };
    let only_peers = decision.deliveries.iter().all(|delivery| matches!(delivery.event, Event::Peer(_)));
    let same_dialog = match (before.state.dialog(), after.state.dialog()) {
        (Some(before), Some(after)) => {
            (before.negotiation, &before.held, &before.media)
                == (after.negotiation, &after.held, &after.media)
        }
        (None, None) => true,
        _ => false,
    };
    only_peers
        && same_dialog
        && before.state_name() == after.state_name()
        && before.replay == after.replay
        && before.reports == after.reports
}

fn has_its_step(rules: &Rules, before: &Call, after: &Call, notes: &[Note]) -> bool {
    let ends = after.has_ended() && !before.has_ended();
    match notes {
        [Note::Step(step)] => step.state == after.state_name(),
        [Note::Report { .. }] => true,
        [] => rules.max_steps == 0 || before.notes >= rules.max_steps && !ends,
        _ => false,
    }
}

fn gapless(before: &Call, after: &Call, deliveries: &[Delivery]) -> bool {
    Side::BOTH.into_iter().all(|side| {
        let numbers: Vec<u64> = deliveries.iter().filter(|d| d.side == side).map(|d| d.seq).collect();
        let (before, after) = (&before.mailboxes[side], &after.mailboxes[side]);
        let rewritten = after.void.filter(|_| after.void != before.void);
        let first = rewritten.map_or(before.last, |void| void.through) + 1;
        numbers == (first..=after.last).collect::<Vec<_>>()
    })
}

fn outcome_once(before: &Call, after: &Call) -> bool {
    !before.has_ended() || before.state == after.state
}

fn events_stand(before: &Call, after: &Call) -> bool {
    OutcomeEvent::ALL
        .into_iter()
        .all(|event| event.at(before).is_none() || event.at(before) == event.at(after))
}

fn ended_with_event(before: &Call, after: &Call, deliveries: &[Delivery]) -> bool {
    let State::Ended(outcome) = &after.state else { return true };
    if before.has_ended() {
        return deliveries.is_empty();
    }
    Side::BOTH.into_iter().all(|side| {
        let last = deliveries.iter().rfind(|delivery| delivery.side == side);
        let told = last.is_some_and(|delivery| {
            let all = before.legs(side).iter().all(|leg| delivery.to.includes(&leg.device));
            all && matches!(&delivery.event, Event::Ended { reason, .. } if *reason == outcome.reason)
        });
        told || before.legs(side).is_empty() && last.is_none()
    })
}

fn winner_stays(before: &Call, after: &Call) -> bool {
    match (before.state.dialog(), &after.state) {
        (None, _) => true,
        (Some(was), State::Ended(outcome)) => outcome.answered_by.as_ref() == Some(&was.callee.device),
        (Some(was), state) => state.dialog().is_some_and(|is| is.callee.device == was.callee.device),
    }
}

fn held_in_bounds(rules: &Rules, call: &Call) -> bool {
    let Some(dialog) = call.state.dialog() else { return true };
    Side::BOTH.into_iter().all(|side| dialog.held[side].len() <= rules.max_held)
}

fn held_undescribed(call: &Call) -> bool {
    let Some(dialog) = call.state.dialog() else { return true };
    Side::BOTH.into_iter().all(|side| dialog.held[side].is_empty() || !dialog.negotiation.described(side))
}

fn remembered(after: &Call, command: &Command) -> bool {
    match &command.input {
        Input::Request { from, id: Some(id), .. } => after.replay.contains(&from.session, *id),
        _ => true,
    }
}

/// No trim reaches what may still be read: everything the bound device has not seen, an offer without its answer, and
/// what other devices may have missed.
fn trims_are_seen(before: &Call, after: &Call, decision: &Decision) -> bool {
    decision.trims.iter().all(|Trim { side, entries }| {
        let mailbox = &after.mailboxes[*side];
        let open =
            after.state.dialog().filter(|dialog| dialog.negotiation == Negotiation::Open(side.other()));
        mailbox.own.is_some_and(|own| *entries.start() > own)
            && *entries.end() <= mailbox.last
            && *entries.start() > before.mailboxes[*side].trimmed
            && *entries.end() == mailbox.trimmed
            && open.is_none_or(|dialog| *entries.end() < dialog.offered)
            && mailbox.unread(*entries.end(), true).is_some()
    })
}

/// A device may be found on another gateway, by its route or by its own request, and lose its call in one and the same decision.
fn nodes_known(before: &Call, after: &Call, input: &Input, deliveries: &[Delivery]) -> bool {
    let found = |side: Side| match input {
        Input::Deadline { attendance, .. } => attendance[side].as_ref(),
        Input::Request { from, .. } if before.side_of(&from.user) == Some(side) => Some(&from.link),
        _ => None,
    };
    deliveries.iter().all(|Delivery { side, nodes, .. }| {
        let legs = || before.legs(*side).iter().chain(after.legs(*side));
        nodes
            .iter()
            .all(|node| legs().map(|leg| &leg.link).chain(found(*side)).any(|link| link.node == *node))
    })
}

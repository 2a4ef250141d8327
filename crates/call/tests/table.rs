//! Protocol sections 3 and 4 as a table: every state × every command × every sender has a cell that says what the
//! sender is told, where the call stands then, and who else is told what. A missing cell fails the test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod common;

#[path = "table/cells.rs"]
mod cells;
#[path = "table/columns.rs"]
mod columns;
#[path = "table/legend.rs"]
mod legend;

use std::collections::{HashMap, HashSet};

use common::{Device, laws, words};
use ringback_call::{Action, Admission, Call, Command, Input, Rules, Timestamp};

/// The senders, by what they are to the call.
const SENDERS: [(&str, Device); 5] = [
    ("caller", common::ALICE),
    ("caller-2", common::ALICE_LAPTOP),
    ("callee", common::BOB),
    ("callee-2", common::BOB_TABLET),
    ("stranger", common::MALLORY),
];

/// The row an input belongs to. A new kind of input does not compile here before it has rows.
fn row_of(input: &Input) -> &'static str {
    match input {
        Input::Request { action, .. } => match action {
            Action::Init => "call:init",
            Action::Ringing => "call:ringing",
            Action::Accept => "call:accept",
            Action::Reject(_) => "call:reject",
            Action::End(_) => "call:end",
            Action::Offer(_) => "webrtc:offer",
            Action::Answer { .. } => "webrtc:answer",
            Action::Ice(_) => "webrtc:ice",
            Action::Connected => "call:connected",
            Action::Report(_) => "call:report",
        },
        Input::Admission(Admission::Denied { .. }) => "denied",
        Input::Admission(Admission::Allowed { legs, .. }) if legs.is_empty() => "offline",
        Input::Admission(Admission::Allowed { others, .. }) if others.is_empty() => "allowed",
        Input::Admission(Admission::Allowed { .. }) => "engaged",
        Input::Dropped { .. } => "dropped",
        Input::Attached { .. } => "attached",
        Input::Deadline { .. } => "deadline",
        Input::Seen { .. } => "seen",
        Input::Rewritten { .. } => "rewritten",
        Input::Terminate => "terminate",
    }
}

#[test]
fn every_state_answers_every_command_of_every_sender_as_the_protocol_says() {
    let rules = Rules::default();
    let cells = cells::read();
    let legend = legend::read();
    let mut read = HashSet::new();
    let mut meanings = HashSet::new();
    let mut wrong = Vec::new();
    for (state, call, now) in columns::calls() {
        for (sender, input) in inputs() {
            let key = (row_of(&input), sender, state);
            let Some(&cell) = cells.get(&key) else { panic!("no cell for {key:?}") };
            read.insert(key);
            let expected = legend::expected(&legend, cell, device(sender), &call);
            meanings.insert(cell);
            let found = outcome(&rules, &call, &input, now);
            if found != expected {
                wrong.push(format!("{key:?} [{cell}]\n  expected {expected:?}\n  found    {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
    let unread: Vec<_> = cells.keys().filter(|key| !read.contains(*key)).collect();
    assert!(unread.is_empty(), "cells for what does not exist: {unread:?}");
    let unused: Vec<_> = legend.keys().filter(|name| !meanings.contains(*name)).collect();
    assert!(unused.is_empty(), "meanings that no cell has: {unused:?}");
}

#[test]
fn a_refusal_or_an_empty_decision_leaves_the_call_as_it_was() {
    let rules = Rules::default();
    for (_, call, now) in columns::calls() {
        for (_, input) in inputs() {
            let before = call.clone();
            let command = Command { at: Timestamp(now), input };
            match rules.decide(&call, &command) {
                Ok(decision) => laws::check(&rules, &call, &command, &decision),
                Err(refusal) => laws::refusal_is_stable(&rules, &call, &command, refusal),
            }
            assert_eq!(before, call);
        }
    }
}

fn device(sender: &str) -> Device {
    SENDERS.iter().find_map(|&(name, device)| (name == sender).then_some(device)).unwrap_or(common::ALICE)
}

/// Everything that can be said to a call: by each sender, and by nobody.
fn inputs() -> Vec<(&'static str, Input)> {
    use common::ask;
    use ringback_call::{EndRequest, RejectReason, StateName};
    let mut all = Vec::new();
    for (name, device) in SENDERS {
        let actions = [
            Action::Init,
            Action::Ringing,
            Action::Accept,
            Action::Reject(RejectReason::Rejected),
            Action::End(EndRequest::Hangup),
            ask::offer("x"),
            ask::answer("x"),
            ask::ice(&["x"]),
            Action::Connected,
            ask::report("{}"),
        ];
        all.extend(actions.into_iter().map(|action| (name, ask::request(device, 900, action))));
        all.push((name, ask::dropped(device)));
        all.push((name, ask::attached(device.moved("gw-9"))));
    }
    let bob = [common::BOB, common::BOB_TABLET];
    all.extend([
        ("nobody", Input::Admission(Admission::Denied { detail: None })),
        ("nobody", ask::allowed(&[])),
        ("nobody", ask::allowed(&bob)),
        ("nobody", ask::engaged(&bob, &[StateName::Connected])),
        ("nobody", Input::Terminate),
        ("nobody", Input::Deadline { attendance: common::both_there(), away_until: None }),
    ]);
    all
}

/// What came of it: the reply, where the call stands, who was told what.
type Found = (String, String, Vec<String>);

fn outcome(rules: &Rules, call: &Call, input: &Input, now: u64) -> Found {
    let at = match input {
        Input::Deadline { .. } => rules.deadline(call).unwrap_or(Timestamp(now)),
        _ => Timestamp(now),
    };
    let result = rules.decide(call, &Command { at, input: input.clone() });
    let mut reply = words::reply(&result);
    let Ok(decision) = result else { return (reply, words::stands(call), Vec::new()) };
    if decision.next.is_none() && reply == "done" {
        "nothing".clone_into(&mut reply);
    }
    let next = decision.next.as_ref().unwrap_or(call);
    let told = decision.deliveries.iter().map(|delivery| words::told(call, delivery)).collect();
    (reply, words::stands(next), told)
}

/// Cells by row, sender and column.
type Cells = HashMap<(&'static str, &'static str, &'static str), &'static str>;

//! Transition vectors: what each device asks and is told in every state of a call, for clients in other languages to be
//! held against. A client that is played a device's log has to stand where the gateway says that the device stands.
//!
//! `vectors/calls.json` is written anew by `UPDATE_GOLDEN=1 cargo test -p ringback-wire`, to be read in the diff.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../call/tests/common/mod.rs"]
mod common;
#[path = "vectors/recorder.rs"]
mod recorder;
#[path = "vectors/states.rs"]
mod states;

use std::{fmt::Write as _, fs, path::PathBuf};

use common::{ask, both_there};
use recorder::{DEVICES, Recorder};
use ringback_call::{Action, Admission, EndRequest, Input, RejectReason, StateName, Timestamp};
use serde_json::{Value, json};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/calls.json")
}

/// What a device may ask of a call that it knows.
fn actions() -> Vec<Action> {
    vec![
        Action::Ringing,
        Action::Accept,
        Action::Reject(RejectReason::Rejected),
        Action::Reject(RejectReason::Busy),
        Action::End(EndRequest::Hangup),
        Action::End(EndRequest::IceFailed),
        Action::End(EndRequest::MediaDenied),
        ask::offer("x"),
        ask::answer("x"),
        states::ice("x"),
        Action::Connected,
    ]
}

/// What happens to a call without a device asking for it.
fn occurrences() -> Vec<(String, Input)> {
    let bob = [common::BOB, common::BOB_TABLET];
    let mut all = vec![
        ("denied".to_owned(), Input::Admission(Admission::Denied { detail: None })),
        ("offline".to_owned(), ask::allowed(&[])),
        ("busy".to_owned(), ask::engaged(&bob, &[StateName::Connected])),
        ("admitted".to_owned(), ask::allowed(&bob)),
        ("deadline".to_owned(), Input::Deadline { attendance: both_there(), away_until: None }),
        ("ended by an operator".to_owned(), Input::Terminate),
    ];
    for (name, device) in DEVICES {
        all.push((format!("{name} drops"), ask::dropped(device)));
        all.push((format!("{name} is back"), ask::attached(device.moved("gw-9"))));
        all.push((format!("{name} is loaded anew"), ask::restarted(device.moved("gw-9"))));
    }
    all
}

/// Every state, and everything that can happen in it that somebody is told of.
fn vectors() -> Vec<Value> {
    states::all().into_iter().map(|(name, before)| vector(name, &before)).collect()
}

fn vector(name: &str, before: &Recorder) -> Value {
    let mut then = Vec::new();
    for (device_name, device) in DEVICES {
        for action in actions().into_iter().filter(|_| before.knows(device_name)) {
            let mut after = before.later();
            let id = after.ask(device_name, device, &action);
            let what =
                format!("{device_name} asks {}", recorder::request(id, &action)["type"].as_str().unwrap());
            then.push(
                json!({ "what": what, "by": device_name, "logs": after.logs(), "stands": after.stands() }),
            );
        }
    }
    for (what, input) in occurrences() {
        let mut after = before.later();
        if matches!(input, Input::Deadline { .. }) {
            after.now = after.rules.deadline(&after.call).unwrap_or(Timestamp(after.now)).0;
        }
        after.happens(input);
        if after.logs() != json!({}) {
            then.push(json!({ "what": what, "logs": after.logs(), "stands": after.stands() }));
        }
    }
    json!({ "state": name, "logs": before.logs(), "stands": before.stands(), "then": then })
}

/// One line for each thing that happens, so that a diff says what has changed.
fn text(vectors: &[Value]) -> String {
    let mut text = "[\n".to_owned();
    for (number, vector) in vectors.iter().enumerate() {
        let Value::Object(fields) = vector else { panic!("no object") };
        let line = |key: &str| serde_json::to_string(&fields[key]).unwrap();
        let (state, logs, stands) = (line("state"), line("logs"), line("stands"));
        writeln!(text, "{{\"state\":{state},\"logs\":{logs},\n\"stands\":{stands},\n\"then\":[").unwrap();
        let then: Vec<String> = fields["then"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| serde_json::to_string(one).unwrap())
            .collect();
        text += &then.join(",\n");
        text += if number + 1 < vectors.len() { "\n]},\n" } else { "\n]}\n" };
    }
    text + "]\n"
}

#[test]
fn what_clients_are_told_in_every_state_is_what_it_was() {
    let vectors = text(&vectors());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path(), &vectors).unwrap();
    }
    let golden = fs::read_to_string(path()).unwrap();
    for (number, (golden, now)) in golden.lines().zip(vectors.lines()).enumerate() {
        assert_eq!(golden, now, "line {}", number + 1);
    }
    assert_eq!(golden.lines().count(), vectors.lines().count());
}

/// Clients in other languages see only the file: it has to have something of everything.
#[test]
fn every_event_and_every_end_that_the_rules_alone_decide_is_in_it() {
    let text = text(&vectors());
    for event in [
        "call:incoming",
        "call:ringing",
        "call:accepted",
        "call:connected",
        "call:peer",
        "call:ended",
        "webrtc:offer",
        "webrtc:answer",
        "webrtc:ice",
    ] {
        assert!(text.contains(&format!("\"type\":\"{event}\"")), "{event}");
    }
    for reason in [
        "hangup",
        "cancelled",
        "rejected",
        "busy",
        "no_answer",
        "answered_elsewhere",
        "offline",
        "denied",
        "setup_timeout",
        "ice_failed",
        "media_denied",
        "ended_by_server",
    ] {
        assert!(text.contains(&format!("\"reason\":\"{reason}\",\"state\":\"ended\"")), "{reason}");
    }
}

//! Whatever is sent by whomever, in whatever order: the laws hold. Hundreds of commands a case, from every device of
//! both users and from a stranger, with requests sent twice, connections that come and go, and jumps in time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod common;

#[path = "properties/history.rs"]
mod history;
#[path = "properties/steps.rs"]
mod steps;

use history::History;
use proptest::prelude::*;
use ringback_call::Call;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_for_every_history(steps in prop::collection::vec(steps::of_any_kind(), 1..400), kind in history::kinds()) {
        let mut history = History::begin(kind);
        for step in &steps {
            history.take(step);
        }
        history.finish();
    }

    #[test]
    fn a_call_that_gets_far_keeps_the_laws_too(steps in prop::collection::vec(steps::of_a_dialog(), 1..400), kind in history::kinds()) {
        let mut history = History::begin(kind);
        history.get_going();
        for step in &steps {
            history.take(step);
        }
        history.finish();
    }

    #[test]
    fn every_document_survives_the_store(steps in prop::collection::vec(steps::of_any_kind(), 1..80), kind in history::kinds()) {
        let mut history = History::begin(kind);
        for step in &steps {
            history.take(step);
            let call = &history.call;
            let packed = rmp_serde::to_vec_named(call).unwrap();
            prop_assert_eq!(&rmp_serde::from_slice::<Call>(&packed).unwrap(), call);
            let text = serde_json::to_string(call).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Call>(&text).unwrap(), call);
        }
    }
}

/// Random histories prove little if they all end in the first minute: they must get everywhere.
#[test]
fn the_histories_reach_every_state() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    let mut longest = 0;
    for round in 0..400 {
        let strategy =
            if round % 2 == 0 { steps::of_any_kind().boxed() } else { steps::of_a_dialog().boxed() };
        let steps = prop::collection::vec(strategy, 200).new_tree(&mut runner).unwrap().current();
        let mut history = History::begin(history::Kind { waking: round % 3 == 0, terms: round % 5 == 0 });
        if round % 2 == 1 {
            history.get_going();
        }
        for step in &steps {
            history.take(step);
            seen.insert(common::words::stands(&history.call));
        }
        longest = longest.max(history.applied);
    }
    let wanted = [
        "idle",
        "crossing",
        "waking",
        "ringing",
        "awaited",
        "caller-offers",
        "callee-offers",
        "stable",
        "connected",
        "connected, callee away",
        "crossing, callee away",
        "ended hangup",
        "ended cancelled",
        "ended rejected",
        "ended no_answer",
        "ended setup_timeout",
        "ended connection_lost",
        "ended busy",
        "ended denied",
        "ended offline",
        "ended ended_by_server",
    ];
    let missing: Vec<_> = wanted.iter().filter(|name| !seen.contains(**name)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}, seen: {seen:?}");
    assert!(longest > 100, "the longest history applied {longest} commands");
}

//! What is written down of a call, step by step.

use ringback_call::{Action, Audience, Gathered, News, Note, Rules, Side, StateName, Step, Told, What};

use crate::common::{ALICE, BOB, BOB_TABLET, ask, story::Story};

/// The last step.
fn step(story: &Story) -> Step {
    match story.last.notes.as_slice() {
        [Note::Step(step)] => step.clone(),
        other => panic!("one step: {other:?}"),
    }
}

#[test]
fn a_step_says_whose_doing_it_was_and_who_was_told() {
    let mut story = Story::placed();
    assert_eq!((step(&story).what, step(&story).by), (What::Init, Some((Side::Caller, ALICE.device()))));
    story.happens(ask::allowed(&[BOB, BOB_TABLET]));
    assert_eq!((step(&story).what, step(&story).by), (What::Admitted { devices: 2 }, None));
    story.ask(BOB, ask::ACCEPT);
    let accepted = step(&story);
    assert_eq!((accepted.what, accepted.state), (What::Accept, StateName::Connecting));
    assert_eq!(accepted.by, Some((Side::Callee, BOB.device())));
    let told = |side, seq, to, event| Told { side, seq, to, event };
    let elsewhere = News::Ended(ringback_call::EndReason::AnsweredElsewhere);
    let all = [
        told(Side::Callee, 2, Audience::Except(BOB.device()), elsewhere),
        told(Side::Caller, 1, Audience::Only(ALICE.device()), News::Accepted),
        told(Side::Callee, 3, Audience::Only(BOB.device()), News::Accepted),
    ];
    assert_eq!(accepted.told.len(), all.len());
    for one in &all {
        assert!(accepted.told.contains(one), "{one:?} in {:?}", accepted.told);
    }
}

#[test]
fn candidates_are_counted_by_their_types_and_not_written_down() {
    let mut story = Story::negotiated();
    let all = [
        r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host generation 0"}"#,
        r#"{"candidate":"candidate:2 1 udp 1 192.0.2.2 9 typ srflx raddr 0.0.0.0"}"#,
        r#"{"candidate":"candidate:3 1 udp 1 192.0.2.3 9 typ relay"}"#,
        r#"{"candidate":"candidate:4 1 udp 1 192.0.2.4 9 typ host"}"#,
        "null",
    ];
    story.ask(ALICE, ask::ice(&all));
    assert_eq!(step(&story).what, What::Ice(Gathered { host: 2, reflexive: 1, relay: 1, last: true }));
    assert!(!format!("{:?}", step(&story)).contains("192.0.2"));
}

#[test]
fn what_changes_nothing_has_no_step() {
    let mut story = Story::connected();
    assert_eq!(story.ask_as(ALICE, 900, Action::Connected), "done");
    let steps = story.call.notes;
    assert_eq!(story.ask_as(ALICE, 900, Action::Connected), "done", "sent again");
    assert_eq!((story.call.notes, story.last.notes.len()), (steps, 0));
}

#[test]
fn a_timeline_is_bounded_and_has_its_end_all_the_same() {
    let rules = Rules { max_steps: 4, ..Rules::default() };
    let mut story = Story::placed_under(rules);
    story.happens(ask::allowed(&[BOB]));
    story.ask(BOB, Action::Ringing);
    story.ask(BOB, ask::ACCEPT);
    story.ask(ALICE, ask::offer("o"));
    assert_eq!((story.call.notes, story.last.notes.len()), (4, 0));
    story.ask(BOB, ask::HANG_UP);
    assert_eq!((step(&story).state, story.call.notes), (StateName::Ended, 5));
}

//! How far a call got, and how long each part took.

use ringback_call::{Action, Phase, Timestamp};

use crate::common::{
    ALICE, BOB, BOB_TABLET, ask,
    story::{START, Story},
};

/// Each phase with the milliseconds from `call:init` to its beginning and to its end.
fn phases(story: &Story) -> Vec<(&'static str, u64, u64)> {
    let since = |at: Timestamp| at.0 - START;
    story.call.phases().map(|(phase, from, to)| (phase.as_str(), since(from), since(to))).collect()
}

#[test]
fn the_phases_of_a_set_up_add_up_to_it() {
    let mut story = Story::placed();
    story.wait(10).happens(ask::allowed(&[BOB, BOB_TABLET]));
    story.wait(40).ask(BOB, Action::Ringing);
    story.wait(50).ask(BOB_TABLET, Action::Ringing);
    story.wait(3_000).ask(BOB, ask::ACCEPT);
    story.wait(100).ask(ALICE, ask::offer("o"));
    story.wait(100).ask(BOB, ask::answer("a"));
    story.wait(20).ask(BOB, Action::Connected);
    story.wait(30).ask(ALICE, Action::Connected);
    let all = [("policy", 0, 10), ("ring", 10, 3_100), ("negotiate", 3_100, 3_300), ("ice", 3_300, 3_350)];
    assert_eq!(phases(&story), all);
    assert_eq!(story.call.milestones.alerted_at, Some(Timestamp(START + 50)), "the first device's");
    assert_eq!(story.call.phase(), Phase::Talk);

    story.wait(1_000).ask(ALICE, ask::offer("o2"));
    story.wait(1_000).ask(BOB, ask::answer("a2"));
    story.wait(1_000).ask(BOB, ask::HANG_UP);
    assert_eq!(phases(&story), all, "what comes later changes nothing");
}

#[test]
fn a_call_that_ends_sooner_has_the_phases_it_came_to() {
    let mut story = Story::placed();
    story.wait(10).happens(ask::allowed(&[BOB]));
    assert_eq!(phases(&story), [("policy", 0, 10)], "it rings still");
    story.wait(500).ask(ALICE, ask::HANG_UP);
    assert_eq!(phases(&story), [("policy", 0, 10), ("ring", 10, 510)]);
    assert_eq!(story.call.phase(), Phase::Ring);
}

#[test]
fn calls_that_cross_ring_nobody() {
    let mut story = Story::placed();
    story.wait(5).ask(BOB, Action::Init);
    story.wait(5).happens(ask::allowed(&[BOB]));
    story.wait(5).ask(ALICE, ask::HANG_UP);
    assert_eq!(phases(&story), [("policy", 0, 10), ("negotiate", 10, 15)]);
}

#[test]
fn a_gateway_whose_clock_is_behind_makes_no_phase_shorter_than_nothing() {
    let mut story = Story::placed();
    story.wait(10).happens(ask::allowed(&[BOB]));
    story.wait(10).ask(BOB, ask::ACCEPT);
    story.ask(ALICE, ask::offer("o"));
    story.behind(3).ask(BOB, ask::answer("a"));
    story.ask(BOB, Action::Connected);
    story.behind(1).ask(ALICE, Action::Connected);
    let all = [("policy", 0, 10), ("ring", 10, 20), ("negotiate", 20, 20), ("ice", 20, 20)];
    assert_eq!(phases(&story), all);
    story.ask(ALICE, ask::HANG_UP);
    assert_eq!(story.call.outcome().unwrap().at, Timestamp(START + 20));
}

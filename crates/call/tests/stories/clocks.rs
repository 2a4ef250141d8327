//! Deadlines: each state's, to the millisecond, and the window for reports.

use ringback_call::{Action, FollowUp};

use crate::common::{ALICE, BOB, BOB_TABLET, ask, both_there, story::Story};

#[test]
fn each_state_has_its_deadline_and_its_reason() {
    let cases = [
        (Story::ringing(), 45_000, "ended no_answer"),
        (Story::accepted(), 30_000, "ended setup_timeout"),
        (Story::negotiated(), 30_000, "ended setup_timeout"),
    ];
    for (mut story, ms, outcome) in cases {
        let before = story.stands();
        assert_eq!(story.due_in(), Some(ms), "{before}");
        story.wait(ms - 1).sweep(both_there());
        assert_eq!(story.stands(), before, "not a millisecond early");
        assert!(story.last.next.is_none());
        story.wait(1).sweep(both_there());
        assert_eq!(story.stands(), outcome);
        assert_eq!(story.due_in(), None);
        assert_eq!(story.heard(ALICE), [outcome]);
        assert_eq!(story.heard(BOB), [outcome]);
    }
}

#[test]
fn no_answer_is_told_to_every_device_that_rang() {
    let mut story = Story::ringing();
    story.wait(45_000).sweep(both_there());
    assert_eq!(story.heard(BOB_TABLET), ["ended no_answer"]);
}

#[test]
fn a_call_that_got_nowhere_is_placed_again_until_its_time_is_up() {
    let mut story = Story::placed();
    for _ in 1..5 {
        assert_eq!(story.due_in(), Some(3_000));
        assert_eq!(story.wait(3_000).sweep(both_there()), "done, place");
        assert_eq!(story.last.follow_up, Some(FollowUp::Place));
    }
    assert_eq!(story.due_in(), Some(3_000), "fifteen seconds in all");
    story.wait(3_000).sweep(both_there());
    assert_eq!(story.heard(ALICE), ["ended setup_timeout"]);
    assert_eq!(story.last.follow_up, None);
}

#[test]
fn an_accept_at_the_last_moment_stops_the_clock_of_ringing() {
    let mut story = Story::ringing();
    story.wait(44_999).ask(BOB, ask::ACCEPT);
    story.wait(1).sweep(both_there());
    assert_eq!(story.stands(), "awaited", "the sweeper comes for a deadline that is no more");
    assert_eq!(story.due_in(), Some(29_999));
}

#[test]
fn two_sweepers_end_a_call_once() {
    let mut story = Story::ringing();
    story.wait(45_000).sweep(both_there());
    story.sweep(both_there());
    assert!(story.last.next.is_none());
    assert_eq!(story.heard(ALICE), ["ended no_answer"]);
}

#[test]
fn reports_are_taken_up_to_a_minute_after_the_end() {
    let mut story = Story::connected();
    story.ask(BOB, ask::HANG_UP);
    assert_eq!(story.ask(ALICE, ask::report("{\"rtt\":1}")), "done");
    assert_eq!(story.wait(60_000).ask(BOB, ask::report("{}")), "done");
    assert_eq!(story.wait(1).ask(BOB, ask::report("{}")), "no_such_call");
    assert_eq!(story.due_in(), None, "a report wakes nobody");
}

#[test]
fn reports_of_one_call_are_bounded() {
    let mut story = Story::connected();
    for _ in 0..16 {
        assert_eq!(story.ask(ALICE, ask::report("{}")), "done");
    }
    assert_eq!(story.ask(BOB, ask::report("{}")), "buffer_full");
    assert_eq!(story.call.reports, 16);
    assert_eq!(story.ask(BOB, Action::Connected), "done", "and nothing else is");
}

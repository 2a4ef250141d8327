//! The race to answer, and the ends.

use ringback_call::{Action, EndRequest, Input, RejectReason, State};

use crate::common::{ALICE, BOB, BOB_TABLET, MALLORY, ask, story::Story};

#[test]
fn the_caller_hears_once_that_it_rings() {
    let mut story = Story::ringing();
    assert_eq!(story.ask(BOB_TABLET, Action::Ringing), "done");
    assert_eq!(story.ask(BOB, Action::Ringing), "done");
    assert_eq!(story.heard(ALICE), ["ringing"]);
}

#[test]
fn the_first_accept_wins_and_the_second_hears_so() {
    let mut story = Story::ringing();
    assert_eq!(story.ask(BOB_TABLET, ask::ACCEPT), "done");
    assert_eq!(story.ask(BOB, ask::ACCEPT), "answered_elsewhere");
    assert_eq!(story.heard(BOB), ["ended answered_elsewhere by bob-tablet"]);
    assert_eq!(story.heard(BOB_TABLET), ["accepted by bob-tablet"]);
    assert_eq!(story.heard(ALICE), ["accepted by bob-tablet"]);
}

#[test]
fn a_loser_can_neither_refuse_nor_end_the_call() {
    let mut story = Story::accepted();
    for action in [ask::REJECT, Action::Reject(RejectReason::Busy), ask::HANG_UP] {
        assert_eq!(story.ask(BOB_TABLET, action), "already answered_elsewhere");
    }
    assert_eq!(story.stands(), "awaited");
    story.ask(ALICE, ask::HANG_UP);
    assert!(story.heard(BOB_TABLET).is_empty(), "it has had its last event");
    assert_eq!(story.ask(BOB_TABLET, ask::REJECT), "already answered_elsewhere", "for good");
}

#[test]
fn a_refusal_ends_the_call_on_all_devices_with_its_reason() {
    for (reason, said) in [(RejectReason::Rejected, "rejected"), (RejectReason::Busy, "busy")] {
        let mut story = Story::ringing();
        story.ask(BOB_TABLET, Action::Reject(reason));
        let ended = format!("ended {said} by bob-tablet");
        for device in [ALICE, BOB, BOB_TABLET] {
            assert_eq!(story.heard(device), [ended.as_str()]);
        }
    }
}

#[test]
fn an_accept_that_crosses_the_cancel_comes_too_late() {
    let mut story = Story::ringing();
    story.ask(ALICE, ask::HANG_UP);
    assert_eq!(story.ask(BOB, ask::ACCEPT), "invalid_state ended");
    assert_eq!(story.heard(BOB), ["ended cancelled by alice-phone"]);
}

#[test]
fn a_cancel_that_crosses_the_accept_is_a_hangup() {
    let mut story = Story::ringing();
    story.ask(BOB, ask::ACCEPT);
    assert_eq!(story.ask(ALICE, ask::HANG_UP), "done");
    assert_eq!(story.stands(), "ended hangup");
    assert_eq!(story.heard(BOB), ["accepted by bob-phone", "ended hangup by alice-phone"]);
}

#[test]
fn when_both_hang_up_there_is_one_outcome() {
    let mut story = Story::connected();
    assert_eq!(story.ask(ALICE, ask::HANG_UP), "done");
    assert_eq!(story.ask(BOB, Action::End(EndRequest::IceFailed)), "already hangup");
    assert_eq!(story.happens(Input::Terminate), "already hangup");
    for device in [ALICE, BOB] {
        assert_eq!(story.heard(device), ["ended hangup by alice-phone"]);
    }
}

#[test]
fn a_device_may_say_why_it_gives_up_in_any_live_state() {
    for (request, said) in [(EndRequest::IceFailed, "ice_failed"), (EndRequest::MediaDenied, "media_denied")]
    {
        for mut story in [Story::placed(), Story::ringing(), Story::accepted(), Story::connected()] {
            assert_eq!(story.ask(ALICE, Action::End(request)), "done");
            assert_eq!(story.stands(), format!("ended {said}"));
        }
    }
}

#[test]
fn the_outcome_says_how_long_it_took_and_lasted() {
    let mut story = Story::negotiated();
    story.wait(1_500).ask(ALICE, Action::Connected);
    story.wait(500).ask(BOB, Action::Connected);
    story.wait(60_000).ask(BOB, ask::HANG_UP);
    let State::Ended(outcome) = &story.call.state else { panic!("{}", story.stands()) };
    assert_eq!((outcome.setup_ms, outcome.duration_ms), (Some(2_000), Some(60_000)));
    assert_eq!(outcome.by.as_ref(), Some(&BOB.endpoint()));
}

#[test]
fn media_on_both_sides_connects_the_call_once() {
    let mut story = Story::negotiated();
    story.ask(BOB, Action::Connected);
    assert_eq!(story.ask(BOB, Action::Connected), "done");
    assert_eq!(story.stands(), "stable");
    story.ask(ALICE, Action::Connected);
    assert_eq!(story.ask(ALICE, Action::Connected), "done", "as after an ICE restart");
    for device in [ALICE, BOB] {
        assert_eq!(story.heard(device), ["connected"]);
    }
}

#[test]
fn a_stranger_learns_nothing_from_an_id() {
    for mut story in [Story::placed(), Story::ringing(), Story::connected()] {
        for action in [ask::ACCEPT, ask::HANG_UP, ask::offer("x"), ask::report("{}")] {
            assert_eq!(story.ask(MALLORY, action), "no_such_call");
        }
    }
}

//! What remains of a call, and which calls somebody missed.

use ringback_call::{Action, CallRecord, EndReason, EndRequest, Phase, RejectReason, Side, StateName};

use crate::common::{
    ALICE, BOB, BOB_TABLET, MALLORY, ask,
    story::{START, Story},
};

fn record(story: &Story) -> CallRecord {
    CallRecord::of(&story.call).unwrap()
}

#[test]
fn a_call_that_lives_has_none() {
    assert_eq!(CallRecord::of(&Story::connected().call), None);
}

#[test]
fn it_says_who_talked_and_for_how_long() {
    let mut story = Story::connected();
    story.wait(60_000).ask(BOB, ask::HANG_UP);
    let record = record(&story);
    assert_eq!((&record.caller, record.caller_device.as_str()), (&ALICE.user(), ALICE.device().as_str()));
    assert_eq!((&record.callee, record.callee_device), (&BOB.user(), Some(BOB.device())));
    assert_eq!((record.reason, record.phase, record.missed), (EndReason::Hangup, Phase::Talk, false));
    assert_eq!((record.created_at.0, record.ended_at.0), (START, START + 60_000));
    assert_eq!((record.setup_ms, record.duration_ms), (Some(0), Some(60_000)));
    assert_eq!(record.by.map(|by| by.user), Some(BOB.user()));
}

#[test]
fn it_tells_which_side_was_whose() {
    let mut story = Story::connected();
    story.ask(ALICE, ask::HANG_UP);
    let record = record(&story);
    assert_eq!(record.side_of(&ALICE.user()), Some(Side::Caller));
    assert_eq!(record.side_of(&BOB_TABLET.user()), Some(Side::Callee));
    assert_eq!(record.side_of(&MALLORY.user()), None);
}

#[test]
fn what_ends_before_the_callee_said_anything_was_missed() {
    let mut story = Story::placed();
    story.happens(ask::allowed(&[]));
    assert_eq!((record(&story).reason, record(&story).missed), (EndReason::Offline, true));

    let mut story = Story::ringing();
    story.wait(2_000).ask(ALICE, ask::HANG_UP);
    assert_eq!((record(&story).reason, record(&story).missed), (EndReason::Cancelled, true));

    let mut story = Story::placed();
    story.happens(ask::engaged(&[BOB], &[StateName::Connected]));
    assert_eq!((record(&story).reason, record(&story).missed), (EndReason::Busy, true), "nobody rang them");
}

#[test]
fn what_was_answered_or_refused_was_not_missed() {
    let mut story = Story::ringing();
    story.ask(BOB, ask::REJECT);
    assert_eq!((record(&story).reason, record(&story).missed), (EndReason::Rejected, false));

    let mut story = Story::ringing();
    story.ask(BOB_TABLET, Action::Reject(RejectReason::Busy));
    assert_eq!((record(&story).reason, record(&story).missed), (EndReason::Busy, false), "they said so");

    let mut story = Story::accepted();
    story.ask(ALICE, Action::End(EndRequest::IceFailed));
    assert_eq!((record(&story).reason, record(&story).missed), (EndReason::IceFailed, false));
}

#[test]
fn a_call_is_missed_by_its_callee_alone() {
    let mut story = Story::ringing();
    story.wait(2_000).ask(ALICE, ask::HANG_UP);
    let missed = record(&story);
    assert_eq!(Side::BOTH.map(|side| missed.missed_by(side)), [false, true]);
    assert!(!missed.answered());

    let mut story = Story::connected();
    story.ask(ALICE, ask::HANG_UP);
    let answered = record(&story);
    assert_eq!(Side::BOTH.map(|side| answered.missed_by(side)), [false, false]);
    assert!(answered.answered());
}

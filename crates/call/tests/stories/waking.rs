//! A callee who has no device connected, and whose application may wake one.

use ringback_call::{Action, Attendance, CallRecord, OutcomeEvent, Phase, Rules, Timeouts, verdict};

use crate::common::{ALICE, BOB, BOB_TABLET, ask, story::Story};

fn rules() -> Rules {
    Rules { timeouts: Timeouts { waking_ms: 25_000, ..Timeouts::default() }, ..Rules::default() }
}

/// Alice has called bob, who is nowhere.
fn waking() -> Story {
    let mut story = Story::placed_under(rules());
    story.happens(ask::allowed(&[]));
    story
}

fn announced(story: &Story) -> Vec<OutcomeEvent> {
    OutcomeEvent::announced(None, &story.call).collect()
}

#[test]
fn a_call_to_nobody_waits_for_a_device_that_is_woken() {
    let story = waking();
    assert_eq!((story.stands().as_str(), story.due_in()), ("waking", Some(25_000)));
    assert!(story.last.deliveries.is_empty(), "nobody hears of it");
    assert_eq!(announced(&story), [OutcomeEvent::Placed, OutcomeEvent::Wake]);
    assert_eq!(verdict(&story.call, &story.notes), ["a device of the callee is being woken"]);
}

#[test]
fn it_rings_as_soon_as_a_device_comes_and_for_its_whole_time() {
    let mut story = waking();
    story.wait(20_000).happens(ask::attached(BOB));
    assert_eq!(story.heard(BOB), ["incoming from alice-phone"]);
    assert_eq!(story.due_in(), Some(45_000));
    story.wait(2_000).happens(ask::attached(BOB_TABLET));
    assert_eq!((story.heard(BOB_TABLET).len(), story.due_in()), (1, Some(43_000)));
    assert_eq!(announced(&story), [OutcomeEvent::Placed, OutcomeEvent::Wake, OutcomeEvent::Ringing]);
    story.ask(BOB, Action::Ringing);
    assert_eq!(story.ask(BOB, ask::ACCEPT), "done");
    assert_eq!(story.heard(ALICE), ["ringing", "accepted by bob-phone"]);
    assert_eq!(story.heard(BOB_TABLET), ["ended answered_elsewhere by bob-phone"]);
    let phases: Vec<_> = story.call.phases().map(|(phase, from, to)| (phase, to.since(from))).collect();
    assert_eq!(phases, [(Phase::Policy, 0), (Phase::Ring, 22_000)], "waking is not the service's time");
}

#[test]
fn it_ends_as_offline_when_none_comes() {
    let mut story = waking();
    story.wait(24_999).sweep(Attendance::default());
    assert_eq!(story.stands(), "waking");
    story.wait(1).sweep(Attendance::default());
    assert_eq!(story.heard(ALICE), ["ended offline"]);
    let record = CallRecord::of(&story.call).unwrap();
    assert!(record.missed && !story.call.outcome().unwrap().rang);
    let said = verdict(&story.call, &story.notes);
    assert_eq!(said, ["no device of the callee was connected, and none came within 25.0 s of the wake-up"]);
    let told = [OutcomeEvent::Placed, OutcomeEvent::Wake, OutcomeEvent::WakeCancelled, OutcomeEvent::Ended];
    assert_eq!(announced(&story), told);
    // One that comes now finds nothing that rings.
    story.happens(ask::attached(BOB));
    assert!(story.heard(BOB).is_empty());
}

#[test]
fn a_caller_who_gives_up_cancels_the_wake_up() {
    let mut story = waking();
    story.wait(3_000).ask(ALICE, ask::HANG_UP);
    assert_eq!(story.stands(), "ended cancelled");
    assert!(announced(&story).contains(&OutcomeEvent::WakeCancelled));
    assert_eq!(story.ask(BOB, ask::ACCEPT), "no_such_call");
}

#[test]
fn once_a_device_rings_there_is_no_wake_up_to_cancel() {
    let mut story = waking();
    story.happens(ask::attached(BOB));
    story.ask(ALICE, ask::HANG_UP);
    assert!(!announced(&story).contains(&OutcomeEvent::WakeCancelled));
    assert_eq!(story.heard(BOB), ["incoming from alice-phone", "ended cancelled by alice-phone"]);
}

#[test]
fn a_callee_who_wakes_and_calls_back_has_answered() {
    let mut story = waking();
    assert_eq!(story.ask(BOB, Action::Init), "merged");
    assert_eq!(
        (story.stands().as_str(), story.heard(ALICE)),
        ("awaited", vec!["accepted by bob-phone".to_owned()])
    );
    story.ask(ALICE, ask::HANG_UP);
    assert!(!announced(&story).contains(&OutcomeEvent::WakeCancelled), "somebody came");
}

#[test]
fn nobody_is_woken_for_a_callee_who_is_there_or_where_it_is_not_wanted() {
    let mut story = Story::placed_under(rules());
    story.happens(ask::allowed(&[BOB]));
    assert!(!announced(&story).contains(&OutcomeEvent::Wake));
    let mut story = Story::placed();
    story.happens(ask::allowed(&[]));
    assert_eq!(story.stands(), "ended offline");
    assert_eq!(announced(&story), [OutcomeEvent::Placed, OutcomeEvent::Ended]);
}

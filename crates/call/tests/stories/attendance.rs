//! Devices that lose their connection, come back, or don't.

use ringback_call::PerSide;

use crate::common::{ALICE, BOB, BOB_TABLET, ask, both_there, only_alice, story::Story};

const GRACE: u64 = 20_000;

#[test]
fn the_peer_of_a_dropped_device_is_told_and_told_when_it_is_back() {
    let mut story = Story::connected();
    story.happens(ask::dropped(BOB));
    assert_eq!(story.heard(ALICE), ["peer reconnecting"]);
    story.wait(GRACE - 1).happens(ask::attached(BOB.moved("gw-1")));
    assert_eq!(story.heard(ALICE), ["peer back"]);
    assert_eq!(story.stands(), "connected");
}

#[test]
fn a_device_that_stays_away_loses_the_call() {
    for mut story in [Story::accepted(), Story::negotiated(), Story::connected()] {
        story.happens(ask::dropped(BOB));
        assert_eq!(story.due_in(), Some(GRACE));
        story.wait(GRACE).sweep(only_alice());
        assert_eq!(story.heard(ALICE), ["peer reconnecting", "ended connection_lost"]);
    }
}

#[test]
fn a_caller_who_stays_away_stops_the_ringing() {
    let mut story = Story::ringing();
    story.happens(ask::dropped(ALICE));
    story.wait(GRACE).sweep(PerSide { caller: None, callee: None });
    for device in [BOB, BOB_TABLET] {
        assert_eq!(story.heard(device), ["ended connection_lost"]);
    }
}

#[test]
fn who_answers_a_caller_that_is_away_is_told() {
    let mut story = Story::ringing();
    story.happens(ask::dropped(ALICE));
    story.ask(BOB, ask::ACCEPT);
    assert_eq!(story.heard(BOB), ["accepted by bob-phone", "peer reconnecting"]);
    story.happens(ask::attached(ALICE.moved("gw-7")));
    assert_eq!(story.heard(BOB), ["peer back"]);
}

#[test]
fn a_drop_of_an_older_connection_says_nothing() {
    let mut story = Story::connected();
    story.happens(ask::attached(BOB.moved("gw-1")));
    story.happens(ask::dropped(BOB));
    assert!(story.heard(ALICE).is_empty(), "the device was never away");
    assert!(story.last.next.is_none());
}

#[test]
fn an_older_connection_does_not_take_a_device_back() {
    let mut story = Story::connected();
    let newer = BOB.moved("gw-1");
    story.happens(ask::attached(newer));
    // Its gateway is thought dead, and may not be.
    story.happens(ask::bereaved(newer));
    story.happens(ask::attached(BOB));
    assert_eq!(story.heard(ALICE), ["peer reconnecting"]);
    assert_eq!(story.stands(), "connected, callee away");
}

#[test]
fn what_an_older_connection_asked_comes_too_late() {
    let mut story = Story::connected();
    let newer = BOB.moved("gw-1");
    story.happens(ask::attached(newer));
    assert_eq!(story.ask(BOB, ask::offer("late")), "outdated");
    assert!(story.heard(ALICE).is_empty(), "its sender may have been told that it is refused");
    assert_eq!(story.ask(newer, ask::offer("now")), "done");
    assert_eq!(story.ask(BOB, ask::HANG_UP), "done", "a hang-up is never too late");
}

#[test]
fn a_drop_is_told_once() {
    let mut story = Story::connected();
    story.happens(ask::dropped(BOB));
    story.wait(5_000).happens(ask::dropped(BOB));
    assert_eq!(story.heard(ALICE), ["peer reconnecting"]);
    assert_eq!(story.due_in(), Some(GRACE - 5_000), "and the time runs from the first");
}

#[test]
fn a_device_that_came_back_unnoticed_keeps_its_call() {
    let mut story = Story::connected();
    story.happens(ask::dropped(BOB));
    let back = PerSide { caller: Some(ALICE.link()), callee: Some(BOB.moved("gw-1").link()) };
    story.wait(GRACE).sweep(back);
    assert_eq!(story.heard(ALICE), ["peer reconnecting", "peer back"]);
    assert_eq!(story.stands(), "connected");
}

#[test]
fn the_session_timer_finds_a_device_that_went_without_a_word() {
    let mut story = Story::connected();
    assert_eq!(story.due_in(), Some(90_000));
    story.wait(90_000).sweep(both_there());
    assert_eq!(story.due_in(), Some(90_000), "all is well");
    assert!(story.heard(ALICE).is_empty());

    story.wait(90_000).sweep(only_alice());
    assert_eq!(story.heard(ALICE), ["peer reconnecting"]);
    assert_eq!(story.due_in(), Some(GRACE), "it has its time to come back");
    story.wait(GRACE).sweep(only_alice());
    assert_eq!(story.heard(ALICE), ["ended connection_lost"]);
}

#[test]
fn what_is_said_to_an_absent_device_waits_in_its_mailbox() {
    let mut story = Story::negotiated();
    story.happens(ask::dropped(BOB));
    story.ask(ALICE, ask::offer("restart"));
    assert_eq!(story.heard(BOB), ["offer restart"]);
    story.happens(ask::attached(BOB.moved("gw-9")));
    story.ask(ALICE, ask::HANG_UP);
    let to_bob = story.last.deliveries.last().unwrap();
    assert!(to_bob.nodes.iter().map(|node| node.as_str()).eq(["gw-9"]));
}

#[test]
fn after_a_connection_is_closed_any_other_counts_as_newer() {
    let mut story = Story::connected();
    let bob = BOB.moved("gw-1");
    story.happens(ask::attached(bob));
    story.happens(ask::dropped(bob));
    // The server of his data has changed, and its clock is behind: the id is smaller.
    story.happens(ask::attached(BOB));
    assert_eq!(story.heard(ALICE), ["peer reconnecting", "peer back"]);
    story.happens(ask::attached(BOB));
    assert!(story.heard(ALICE).is_empty());
}

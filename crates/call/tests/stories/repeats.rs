//! A request sent again is not applied again, and gets the same ack.

use ringback_call::{Ack, Action, Input};

use crate::common::{ALICE, BOB, BOB_TABLET, Device, ask, story::Story};

/// Sends a request twice with one id: the second changes nothing and is told the same.
fn twice(story: &mut Story, who: Device, id: u64, action: Action) {
    let first = story.ask_as(who, id, action.clone());
    let stored = story.call.clone();
    assert_eq!(story.ask_as(who, id, action.clone()), first, "{action:?}");
    assert_eq!(story.call, stored, "{action:?}");
    assert!(story.last.next.is_none());
}

#[test]
fn every_request_of_a_whole_call_may_be_sent_twice() {
    let mut story = Story::ringing();
    let acts = [
        (BOB, Action::Ringing),
        (BOB, ask::ACCEPT),
        (ALICE, ask::ice(&["a1"])),
        (ALICE, ask::offer("o")),
        (BOB, ask::ice(&["b1"])),
        (BOB, ask::answer("a")),
        (ALICE, ask::ice(&["a2"])),
        (ALICE, Action::Connected),
        (BOB, Action::Connected),
        (ALICE, ask::report("{}")),
        (BOB, ask::HANG_UP),
        (BOB, ask::report("{}")),
    ];
    for (n, (who, action)) in (10..).zip(acts) {
        twice(&mut story, who, n, action);
    }
    let heard =
        ["ringing", "accepted by bob-phone", "answer a", "ice b1", "connected", "ended hangup by bob-phone"];
    assert_eq!(story.heard(ALICE), heard);
    let heard =
        ["accepted by bob-phone", "offer o", "ice a1", "ice a2", "connected", "ended hangup by bob-phone"];
    assert_eq!(story.heard(BOB), heard);
}

#[test]
fn what_comes_late_by_a_connection_that_was_left_is_not_applied() {
    let mut story = Story::negotiated();
    // Its answer is lost with the connection, and the copy that is sent again meets the peer's offer.
    let stale = ask::request(BOB, 30, ask::offer("mine"));
    let newer = BOB.moved("gw-9");
    story.happens(ask::attached(newer));
    story.ask(ALICE, ask::offer("hers"));
    assert_eq!(story.ask_as(newer, 30, ask::offer("mine")), "glare");
    story.ask(newer, ask::answer("yes"));
    assert_eq!(story.happens(stale), "outdated", "it was refused once, and must not be applied now");
    assert_eq!(story.heard(ALICE).last().map(String::as_str), Some("answer yes"));
}

#[test]
fn an_init_sent_again_is_told_of_the_same_call_in_every_state() {
    let init = || ask::request(ALICE, Story::opening().request.0, Action::Init);
    let ended = || {
        let mut story = Story::connected();
        story.ask(BOB, ask::HANG_UP);
        story
    };
    for mut story in [Story::placed(), Story::ringing(), Story::accepted(), Story::connected(), ended()] {
        assert_eq!(story.happens(init()), "placed");
        assert_eq!(story.last.ack, Ack::Placed(story.call.id.clone()));
        assert!(story.last.next.is_none());
        assert_eq!(story.last.follow_up, None);
    }
}

#[test]
fn a_merged_init_sent_again_is_still_merged_whatever_came_of_the_call() {
    let mut story = Story::placed();
    twice(&mut story, BOB, 7, Action::Init);
    story.happens(ask::allowed(&[]));
    assert_eq!(story.ask_as(BOB, 7, Action::Init), "merged");
    story.ask(ALICE, ask::HANG_UP);
    assert_eq!(story.ask_as(BOB, 7, Action::Init), "merged");

    let mut story = Story::ringing();
    twice(&mut story, BOB_TABLET, 7, Action::Init);
}

#[test]
fn an_accept_sent_again_after_the_end_gets_its_first_ack() {
    let mut story = Story::ringing();
    story.ask_as(BOB, 5, ask::ACCEPT);
    story.ask(ALICE, ask::HANG_UP);
    assert_eq!(story.ask_as(BOB, 5, ask::ACCEPT), "done");
    assert_eq!(story.stands(), "ended hangup");
}

#[test]
fn a_refused_request_may_succeed_when_sent_again() {
    let mut story = Story::accepted();
    assert_eq!(
        story.ask_as(BOB, 9_050, ask::offer("b")),
        "invalid_state connecting",
        "the first is the caller's"
    );
    story.ask(ALICE, ask::offer("a"));
    story.ask_as(BOB, 9_049, ask::answer("x"));
    assert_eq!(story.ask_as(BOB, 9_050, ask::offer("b")), "done");
}

/// The first reply was lost, and he sends again what he has had no reply to, having rolled back long ago.
#[test]
fn what_was_refused_is_not_applied_after_what_was_asked_later() {
    let mut story = Story::negotiated();
    story.ask(BOB, ask::offer("b"));
    assert_eq!(story.ask_as(ALICE, 9_050, ask::offer("a")), "glare");
    story.ask_as(ALICE, 9_051, ask::answer("x"));
    assert_eq!(story.ask_as(ALICE, 9_050, ask::offer("a")), "invalid_state connecting");
    assert_eq!(story.ask_as(ALICE, 9_052, ask::offer("a")), "done", "asked anew it is another matter");
}

#[test]
fn the_same_number_from_another_session_is_another_request() {
    let mut story = Story::ringing();
    assert_eq!(story.ask_as(BOB, 5, Action::Ringing), "done");
    assert_eq!(story.ask_as(BOB_TABLET, 5, ask::ACCEPT), "done");
    assert_eq!(story.heard(BOB), ["ended answered_elsewhere by bob-tablet"]);
}

#[test]
fn a_request_without_a_number_is_applied_each_time() {
    let mut story = Story::accepted();
    let from = ALICE.origin();
    for _ in 0..2 {
        story.happens(Input::Request { from: from.clone(), id: None, action: ask::ice(&["a"]) });
    }
    story.ask(ALICE, ask::offer("o"));
    assert_eq!(story.heard(BOB), ["offer o", "ice a a"]);
}

//! Both call each other at once: one call comes of it.

use ringback_call::{Action, EndReason, State};

use crate::common::{ALICE, BOB, BOB_TABLET, ask, story::Story};

#[test]
fn a_crossing_call_while_the_policy_is_asked_is_taken_as_the_accept_once_it_is_admitted() {
    let mut story = Story::placed();
    assert_eq!(story.ask(BOB, Action::Init), "merged");
    assert!(story.heard(ALICE).is_empty(), "nobody has been admitted yet");

    story.happens(ask::allowed(&[BOB, BOB_TABLET]));
    assert_eq!(story.heard(ALICE), ["accepted by bob-phone"]);
    assert_eq!(story.heard(BOB), ["accepted by bob-phone"]);
    assert!(story.heard(BOB_TABLET).is_empty(), "no device rang");

    assert_eq!(story.ask(BOB, ask::offer("b")), "invalid_state connecting", "the first caller offers");
    assert_eq!(story.ask(ALICE, ask::offer("a")), "done");
}

#[test]
fn a_crossing_call_while_it_rings_is_the_accept() {
    let mut story = Story::ringing();
    assert_eq!(story.ask(BOB_TABLET, Action::Init), "merged");
    assert_eq!(story.heard(ALICE), ["accepted by bob-tablet"]);
    assert_eq!(story.heard(BOB_TABLET), ["accepted by bob-tablet"]);
    assert_eq!(story.heard(BOB), ["ended answered_elsewhere by bob-tablet"]);
    assert_eq!(story.ask(BOB, ask::ACCEPT), "answered_elsewhere");
}

#[test]
fn of_two_devices_that_cross_the_first_has_the_call() {
    let mut story = Story::placed();
    assert_eq!(story.ask(BOB, Action::Init), "merged");
    assert_eq!(story.ask(BOB_TABLET, Action::Init), "answered_elsewhere");
    story.happens(ask::allowed(&[BOB, BOB_TABLET]));
    assert_eq!(story.heard(ALICE), ["accepted by bob-phone"]);
    assert_eq!(story.ask(BOB_TABLET, ask::ACCEPT), "answered_elsewhere");
}

#[test]
fn a_crossing_device_is_told_of_a_refusal_like_the_caller() {
    let mut story = Story::placed();
    story.ask(BOB, Action::Init);
    story.happens(ringback_call::Input::Admission(ringback_call::Admission::Denied { detail: None }));
    assert_eq!(story.heard(ALICE), ["ended denied"]);
    assert_eq!(story.heard(BOB), ["ended denied"]);
}

#[test]
fn an_acknowledged_crossing_survives_a_short_absence() {
    let mut story = Story::placed();
    story.ask(BOB, Action::Init);
    story.happens(ask::dropped(BOB));
    story.happens(ask::allowed(&[BOB_TABLET]));
    assert_eq!(story.heard(ALICE), ["accepted by bob-phone", "peer reconnecting"]);
    assert_eq!(story.heard(BOB), ["accepted by bob-phone"], "in its mailbox");
    assert!(story.heard(BOB_TABLET).is_empty());

    story.wait(5_000).happens(ask::attached(BOB.moved("gw-1")));
    assert_eq!(story.heard(ALICE), ["peer back"]);
    assert_eq!(story.stands(), "awaited");
}

#[test]
fn a_crossing_device_that_moves_is_found_where_it_is() {
    let mut story = Story::placed();
    story.ask(BOB, Action::Init);
    story.happens(ask::attached(BOB.moved("gw-5")));
    assert_eq!(story.happens(ask::dropped(BOB)), "done", "the old connection says nothing any more");
    story.happens(ask::allowed(&[]));
    let nodes = story.last.deliveries.iter().flat_map(|delivery| &delivery.nodes);
    assert!(nodes.map(|node| node.as_str()).eq(["gw-1", "gw-5"]));
    assert_eq!(story.heard(ALICE), ["accepted by bob-phone"]);
}

#[test]
fn a_crossing_device_that_stays_away_loses_the_call_after_the_grace() {
    let mut story = Story::placed();
    story.ask(BOB, Action::Init);
    story.happens(ask::dropped(BOB));
    story.wait(1_000).happens(ask::allowed(&[]));
    assert_eq!(story.due_in(), Some(19_000));
    let gone = ringback_call::PerSide { caller: Some(ALICE.link()), callee: None };
    story.wait(19_000).sweep(gone);
    let State::Ended(outcome) = &story.call.state else { panic!("{}", story.stands()) };
    assert_eq!(outcome.reason, EndReason::ConnectionLost);
}

#[test]
fn either_of_two_who_cross_may_cancel_before_the_accept() {
    for who in [ALICE, BOB] {
        let mut story = Story::placed();
        story.ask(BOB, Action::Init);
        assert_eq!(story.ask(who, ask::HANG_UP), "done");
        let ended = format!("ended cancelled by {}", who.name);
        assert_eq!(story.heard(ALICE), [ended.as_str()]);
        assert_eq!(story.heard(BOB), [ended.as_str()]);
    }
}

#[test]
fn nobody_calls_themselves() {
    let rules = ringback_call::Rules::default();
    let opening = ask::opening(ALICE, ALICE, 1, 0);
    assert!(matches!(rules.open(&opening), Err(ringback_call::Rejection::BadRequest(_))));
}

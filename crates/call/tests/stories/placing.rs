//! From `call:init` to ringing.

use ringback_call::{Action, Admission, Attendance, BusyPolicy, FollowUp, Input, Rules, Side, StateName};

use crate::common::{ALICE, BOB, BOB_TABLET, BOB_WATCH, ask, story::Story};

#[test]
fn a_call_is_reserved_and_then_placed() {
    let mut story = Story::placed();
    assert_eq!(story.last.follow_up, Some(FollowUp::Place));
    assert!(story.last.deliveries.is_empty(), "the ack is all that anybody hears");
    story.happens(ask::allowed(&[BOB, BOB_TABLET]));
    for device in [BOB, BOB_TABLET] {
        assert_eq!(story.heard(device), ["incoming from alice-phone"]);
    }
    let nodes = story.last.deliveries.iter().flat_map(|delivery| &delivery.nodes);
    assert!(nodes.map(|node| node.as_str()).eq(["gw-2", "gw-3"]), "each gateway once");
}

#[test]
fn a_caller_who_cancels_while_the_policy_is_asked_disturbs_nobody() {
    let mut story = Story::placed();
    assert_eq!(story.ask(ALICE, ask::HANG_UP), "done");
    assert_eq!(story.heard(ALICE), ["ended cancelled by alice-phone"]);
    assert_eq!(story.happens(ask::allowed(&[BOB, BOB_TABLET])), "done", "the answer comes late");
    assert!(story.last.next.is_none());
    for device in [BOB, BOB_TABLET] {
        assert!(story.heard(device).is_empty());
        assert_eq!(story.ask(device, ask::ACCEPT), "no_such_call", "and its id tells nothing");
    }
}

#[test]
fn a_caller_who_has_vanished_rings_nobody() {
    let mut story = Story::placed();
    story.happens(ask::dropped(ALICE));
    story.wait(200).happens(ask::allowed(&[BOB]));
    assert_eq!(story.due_in(), Some(19_800), "she has her time to come back");
    story.wait(19_800).sweep(Attendance::default());
    assert_eq!(story.heard(ALICE), ["ended connection_lost"]);
    assert!(story.heard(BOB).is_empty());
}

#[test]
fn a_caller_who_comes_back_in_time_calls_on() {
    let mut story = Story::placed();
    story.happens(ask::dropped(ALICE));
    story.wait(200).happens(ask::allowed(&[BOB]));
    assert!(story.last.next.is_none(), "nobody is rung while she is away");
    story.wait(18_000).happens(ask::attached(ALICE.moved("gw-4")));
    assert_eq!(story.last.follow_up, Some(FollowUp::Place));
    assert_eq!(story.due_in(), Some(3_000), "placing has its full time again");
    story.happens(ask::allowed(&[BOB]));
    assert_eq!(story.heard(BOB), ["incoming from alice-phone"]);
    assert!(story.heard(ALICE).is_empty());
}

#[test]
fn a_call_made_by_an_older_connection_is_found_by_the_request_sent_again() {
    let mut story = Story::placed();
    story.happens(ask::dropped(ALICE));
    story.happens(ask::allowed(&[BOB]));
    // Her newer connection was there before the call was: nothing told the call of it.
    assert_eq!(story.ask_as(ALICE.moved("gw-4"), 1, Action::Init), "placed");
    assert_eq!(story.last.follow_up, Some(FollowUp::Place));
    story.happens(ask::allowed(&[BOB]));
    assert_eq!(story.heard(BOB), ["incoming from alice-phone"]);
}

#[test]
fn a_caller_who_was_away_for_a_moment_calls_on() {
    let mut story = Story::placed();
    story.happens(ask::dropped(ALICE));
    story.wait(100).happens(ask::attached(ALICE.moved("gw-4")));
    story.wait(100).happens(ask::allowed(&[BOB]));
    assert_eq!(story.heard(BOB), ["incoming from alice-phone"]);
    assert!(story.heard(ALICE).is_empty());
}

#[test]
fn a_refusal_is_told_to_the_caller_alone() {
    let cases = [
        (Input::Admission(Admission::Denied { detail: None }), "ended denied"),
        (ask::allowed(&[]), "ended offline"),
        (ask::engaged(&[BOB], &[StateName::Connecting]), "ended busy"),
        (ask::engaged(&[BOB], &[StateName::Connected]), "ended busy"),
        (ask::engaged(&[BOB], &[StateName::Ringing; 8]), "ended busy"),
    ];
    for (admission, said) in cases {
        let mut story = Story::placed();
        story.happens(admission);
        assert_eq!(story.heard(ALICE), [said]);
        assert!(story.heard(BOB).is_empty());
    }
}

#[test]
fn a_callee_whose_other_calls_only_ring_is_rung() {
    let mut story = Story::placed();
    story.happens(ask::engaged(&[BOB], &[StateName::Ringing, StateName::Idle]));
    assert_eq!(story.stands(), "ringing");
}

#[test]
fn with_call_waiting_an_engaged_callee_is_rung_up_to_the_limit_of_calls() {
    let waiting = Rules { busy: BusyPolicy::Waiting, ..Rules::default() };
    let mut story = Story::placed_under(waiting.clone());
    story.happens(ask::engaged(&[BOB], &[StateName::Connected]));
    assert_eq!(story.stands(), "ringing");
    let mut story = Story::placed_under(waiting);
    story.happens(ask::engaged(&[BOB], &[StateName::Connected; 8]));
    assert_eq!(story.stands(), "ended busy");
}

#[test]
fn a_late_admission_is_ignored() {
    for late in
        [Input::Admission(Admission::Denied { detail: None }), ask::allowed(&[]), ask::allowed(&[BOB_WATCH])]
    {
        for mut story in [Story::ringing(), Story::accepted(), Story::connected()] {
            let before = story.call.clone();
            story.happens(late.clone());
            assert_eq!(story.call, before);
            assert!(story.last.next.is_none());
        }
    }
}

#[test]
fn a_device_that_comes_while_it_rings_is_rung_and_may_answer() {
    let mut story = Story::ringing();
    story.wait(2_000).happens(ask::attached(BOB_WATCH));
    assert_eq!(story.heard(BOB_WATCH), ["incoming from alice-phone"]);
    assert!(story.heard(BOB).is_empty(), "the others ring already");
    assert_eq!(story.ask(BOB_WATCH, ask::ACCEPT), "done");
    assert_eq!(story.heard(ALICE), ["accepted by bob-watch"]);
    for device in [BOB, BOB_TABLET] {
        assert_eq!(story.heard(device), ["ended answered_elsewhere by bob-watch"]);
    }
}

#[test]
fn a_device_that_comes_while_the_callee_is_looked_up_is_rung_with_the_others() {
    let mut story = Story::placed();
    story.happens(ask::attached(BOB_WATCH));
    story.happens(ask::attached(BOB_TABLET));
    story.happens(ask::dropped(BOB_TABLET));
    assert!(story.heard(BOB_WATCH).is_empty(), "the policy has not answered yet");
    story.happens(ask::allowed(&[BOB]));
    for device in [BOB, BOB_WATCH] {
        assert_eq!(story.heard(device), ["incoming from alice-phone"]);
    }
    let rung = story.last.next.iter().flat_map(|call| call.legs(Side::Callee));
    let rung: Vec<&str> = rung.map(|leg| leg.device.as_str()).collect();
    assert_eq!(rung, ["bob-phone", "bob-watch"], "the tablet has gone again");
}

#[test]
fn a_callee_who_comes_online_while_being_looked_up_is_not_offline() {
    let mut story = Story::placed();
    story.happens(ask::attached(BOB));
    story.happens(ask::allowed(&[]));
    assert_eq!(story.heard(BOB), ["incoming from alice-phone"]);
}

#[test]
fn a_ringing_device_that_reconnects_is_not_rung_again() {
    let mut story = Story::ringing();
    story.happens(ask::dropped(BOB));
    story.happens(ask::attached(BOB.moved("gw-1")));
    assert!(story.heard(BOB).is_empty(), "its mailbox has the call already");
    story.happens(ask::attached(BOB));
    story.ask(ALICE, ask::HANG_UP);
    let told = story.last.deliveries.iter().find(|told| told.side == Side::Callee).unwrap();
    assert!(told.nodes.iter().any(|node| node.as_str() == "gw-1"), "the older connection changed nothing");
}

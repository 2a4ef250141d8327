//! What stays in a mailbox, and what a device that has forgotten everything is told again.

use ringback_call::{Input, PerSide, Side, State};

use crate::common::{ALICE, BOB, BOB_TABLET, BOB_WATCH, ask, both_there, story::Story};

fn trims(story: &Story) -> Vec<(Side, u64, u64)> {
    let trims = story.last.trims.iter();
    trims.map(|trim| (trim.side, *trim.entries.start(), *trim.entries.end())).collect()
}

#[test]
fn what_the_bound_device_has_seen_is_taken_out() {
    let mut story = Story::connected();
    let last = story.call.mailboxes.callee.last;
    story.happens(ask::seen(BOB, last));
    // 1 rang both devices, 2 told the tablet that it lost: these stay.
    assert_eq!(trims(&story), [(Side::Callee, 3, last)]);
    story.happens(ask::seen(BOB, last));
    assert!(story.last.next.is_none(), "nothing is left to take out");
    story.happens(ask::seen(ALICE, 2));
    assert_eq!(trims(&story), [(Side::Caller, 1, 2)]);
}

#[test]
fn a_request_takes_what_was_seen_along() {
    let mut story = Story::negotiated();
    let mut from = BOB.origin();
    from.seen = story.call.mailboxes.callee.last;
    let id = Some(ringback_call::RequestId(700));
    story.happens(Input::Request { from, id, action: ask::ice(&["b1"]) });
    assert_eq!(trims(&story).len(), 1);
}

#[test]
fn an_offer_without_its_answer_stays_with_all_that_follows() {
    let mut story = Story::accepted();
    story.ask(ALICE, ask::offer("o"));
    story.ask(ALICE, ask::ice(&["a1"]));
    let offered = story.call.mailboxes.callee.last - 1;
    story.happens(ask::seen(BOB, offered + 1));
    assert_eq!(trims(&story), [(Side::Callee, 3, offered - 1)]);
    assert_eq!(story.call.fresh_start(Side::Callee, &BOB.device()), offered - 1);
    story.ask(BOB, ask::answer("a"));
    story.happens(ask::seen(BOB, offered + 1));
    assert_eq!(trims(&story), [(Side::Callee, offered, offered + 1)]);
}

#[test]
fn before_the_accept_nothing_is_taken_out_and_others_have_no_say() {
    let mut story = Story::ringing();
    story.happens(ask::seen(BOB, 1));
    assert!(story.last.next.is_none());
    let mut story = Story::connected();
    story.happens(ask::seen(BOB_TABLET, 4));
    assert!(story.last.next.is_none());
}

#[test]
fn a_rung_device_that_has_forgotten_it_is_rung_again_from_its_own_ring_on() {
    let mut story = Story::ringing();
    story.happens(ask::attached(BOB_WATCH));
    let start =
        |story: &Story, device: crate::common::Device| story.call.fresh_start(Side::Callee, &device.device());
    assert_eq!(start(&story, BOB), 0, "with everybody");
    assert_eq!(start(&story, BOB_WATCH), 1, "it came later, and has an entry of its own");
}

#[test]
fn the_peer_of_a_page_that_was_loaded_anew_is_told() {
    let mut story = Story::connected();
    story.happens(ask::restarted(BOB.moved("gw-1")));
    assert_eq!(story.heard(ALICE), ["peer restarted"]);
    story.happens(ask::restarted(BOB.moved("gw-1")));
    assert!(story.heard(ALICE).is_empty(), "once for each connection");
    story.happens(ask::dropped(BOB.moved("gw-1")));
    story.happens(ask::restarted(BOB.moved("gw-1").moved("gw-2")));
    assert_eq!(story.heard(ALICE), ["peer reconnecting", "peer restarted"]);
}

#[test]
fn numbers_of_a_lost_history_are_not_used_again() {
    let mut story = Story::connected();
    let before = story.call.mailboxes.callee.last;
    let lost = PerSide { caller: None, callee: Some(before + 1..=before + 2) };
    story.happens(Input::Rewritten { lost, outcome: None });
    story.ask(ALICE, ask::ice(&["a9"]));
    let to_bob = story.last.deliveries.last().unwrap();
    assert!(to_bob.seq > before + 100, "far from anything that may have been handed out");
    let mailbox = &story.call.mailboxes.callee;
    assert_eq!(mailbox.unread(before, true).unwrap(), [to_bob.seq..=to_bob.seq]);
    assert_eq!(mailbox.unread(before + 2, true), None, "it has seen what is lost: that can't be continued");
}

#[test]
fn a_call_that_was_over_in_a_lost_history_ends_again_as_it_did() {
    let mut story = Story::connected();
    let before = story.call.clone();
    story.ask(BOB, ask::HANG_UP);
    let State::Ended(outcome) = story.call.state.clone() else { panic!("it has not ended") };
    let (caller, callee) = (story.call.mailboxes.caller.last, story.call.mailboxes.callee.last);
    story.call = before;
    let lost = PerSide { caller: Some(caller..=caller), callee: Some(callee..=callee) };
    story.happens(Input::Rewritten { lost, outcome: Some(outcome) });
    assert_eq!(story.heard(ALICE).last().map(String::as_str), Some("ended hangup by bob-phone"));
    assert_eq!(story.stands(), "ended hangup");
    let mailbox = &story.call.mailboxes.callee;
    assert_eq!(mailbox.unread(callee - 1, true).unwrap().len(), 1, "by a number that nobody has met");
    assert_eq!(mailbox.unread(callee, true), None, "who was told the lost end starts anew, without the call");
}

#[test]
fn an_outage_of_the_store_ends_nothing() {
    let mut story = Story::ringing();
    story.wait(60_000).sweep_after_outage(both_there());
    assert_eq!(story.stands(), "ringing", "nobody could answer");
    assert_eq!(story.due_in(), Some(20_000), "now they can");
    story.wait(20_000).sweep(both_there());
    assert_eq!(story.stands(), "ended no_answer");

    let mut story = Story::connected();
    story.happens(ask::bereaved(BOB));
    story.wait(60_000).sweep_after_outage(both_there());
    assert_eq!(story.stands(), "connected", "its route says that it is there");
}

#[test]
fn a_route_that_was_left_behind_brings_nobody_back() {
    let mut story = Story::connected();
    story.happens(ask::dropped(BOB));
    story.wait(20_000).sweep(both_there());
    assert_eq!(story.stands(), "ended connection_lost", "its gateway said that the connection is closed");
}

#[test]
fn of_a_device_that_never_says_what_it_has_seen_only_the_newest_entries_are_kept() {
    let mut story = Story::connected();
    for _ in 0..600 {
        story.ask(ALICE, ask::ice(&["a"]));
    }
    let mailbox = &story.call.mailboxes.callee;
    assert_eq!(mailbox.last - mailbox.trimmed, 512);
    assert_eq!(mailbox.unread(mailbox.trimmed - 1, true), None, "that can't be made good any more");
}

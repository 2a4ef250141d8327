//! Offer, answer, and the candidates that wait.

use ringback_call::{Rules, Side};

use crate::common::{ALICE, BOB, ask, story::Story};

#[test]
fn candidates_wait_for_their_description_and_keep_their_order() {
    let mut story = Story::accepted();
    for batch in [&["a1", "a2"][..], &["a3"]] {
        assert_eq!(story.ask(ALICE, ask::ice(batch)), "done");
    }
    assert_eq!(story.ask(BOB, ask::ice(&["b1"])), "done");
    assert!(story.heard(BOB).is_empty());

    story.ask(ALICE, ask::offer("o"));
    story.ask(ALICE, ask::ice(&["a4", "null"]));
    assert_eq!(story.heard(BOB), ["offer o", "ice a1 a2 a3", "ice a4 null"]);
    assert!(story.heard(ALICE).is_empty(), "bob's wait for his answer");

    story.ask(BOB, ask::ice(&["b2"]));
    story.ask(BOB, ask::answer("a"));
    story.ask(BOB, ask::ice(&["b3"]));
    assert_eq!(story.heard(ALICE), ["answer a", "ice b1 b2", "ice b3"]);
}

#[test]
fn in_a_renegotiation_the_answerers_candidates_wait_anew() {
    let mut story = Story::connected();
    story.ask(BOB, ask::offer("restart"));
    story.ask(BOB, ask::ice(&["b9"]));
    story.ask(ALICE, ask::ice(&["a9"]));
    assert_eq!(story.heard(ALICE), ["offer restart", "ice b9"]);
    assert!(story.heard(BOB).is_empty());
    story.ask(ALICE, ask::answer("ok"));
    assert_eq!(story.heard(BOB), ["answer ok", "ice a9"]);
}

#[test]
fn what_is_held_is_bounded_and_a_batch_over_the_bound_is_refused_whole() {
    let rules = Rules { max_held: 3, ..Rules::default() };
    let mut story = Story::accepted();
    story.rules = rules;
    assert_eq!(story.ask(ALICE, ask::ice(&["a1", "a2"])), "done");
    assert_eq!(story.ask(ALICE, ask::ice(&["a3", "a4"])), "buffer_full");
    assert_eq!(story.ask(ALICE, ask::ice(&["a3"])), "done");
    assert_eq!(story.ask(ALICE, ask::ice(&["a4"])), "buffer_full");
    assert_eq!(story.ask(BOB, ask::ice(&["b1", "b2", "b3"])), "done", "each side has its own");
    story.ask(ALICE, ask::offer("o"));
    assert_eq!(story.heard(BOB), ["offer o", "ice a1 a2 a3"]);
    assert_eq!(story.ask(ALICE, ask::ice(&["a4", "a5", "a6", "a7"])), "done", "what passes is not held");
}

#[test]
fn sixty_four_candidates_a_side_are_held_by_default() {
    let mut story = Story::accepted();
    for _ in 0..64 {
        assert_eq!(story.ask(BOB, ask::ice(&["b"])), "done");
    }
    assert_eq!(story.ask(BOB, ask::ice(&["b"])), "buffer_full");
}

#[test]
fn of_two_offers_at_once_the_first_stored_stands() {
    let mut story = Story::negotiated();
    assert_eq!(story.ask(BOB, ask::offer("b")), "done");
    assert_eq!(story.ask(ALICE, ask::offer("a")), "glare");
    assert_eq!(story.heard(ALICE), ["offer b"]);
    assert!(story.heard(BOB).is_empty(), "he never hears of the refused one");
    assert_eq!(story.ask(ALICE, ask::answer("rolled back")), "done");
    assert_eq!(story.ask(ALICE, ask::offer("a")), "done", "now it is her turn");
    assert_eq!(story.heard(BOB), ["answer rolled back", "offer a"]);
}

#[test]
fn nobody_answers_their_own_offer_or_offers_twice() {
    let mut story = Story::accepted();
    story.ask(ALICE, ask::offer("o"));
    assert_eq!(story.ask(ALICE, ask::answer("a")), "invalid_state connecting");
    assert_eq!(story.ask(ALICE, ask::offer("o2")), "invalid_state connecting");
    assert_eq!(story.ask(BOB, ask::answer("a")), "done");
    assert_eq!(story.ask(BOB, ask::answer("a2")), "invalid_state connecting", "it was answered");
}

#[test]
fn the_first_offer_is_the_callers() {
    let mut story = Story::accepted();
    assert_eq!(story.ask(BOB, ask::offer("o")), "invalid_state connecting");
    assert_eq!(story.ask(BOB, ask::answer("a")), "invalid_state connecting");
}

#[test]
fn an_offer_that_its_page_has_forgotten_is_withdrawn() {
    let mut story = Story::connected();
    story.ask(ALICE, ask::offer("old"));
    story.ask(BOB, ask::ice(&["b1"]));
    let anew = ALICE.moved("gw-1");
    story.happens(ask::restarted(anew));
    assert_eq!(story.heard(BOB), ["offer old", "peer restarted"]);
    assert_eq!(story.ask(BOB, ask::answer("late")), "invalid_state connected");
    assert_eq!(story.ask(anew, ask::offer("new")), "done", "it waits for nobody's answer");
    assert_eq!(story.ask(BOB, ask::answer("ok")), "done");
    assert_eq!(story.heard(ALICE), ["answer ok"], "b1 was for a peer connection that is gone");
}

#[test]
fn an_answer_to_a_withdrawn_offer_is_none_to_the_next_one() {
    let mut story = Story::connected();
    story.ask(ALICE, ask::offer("old"));
    let old = story.call.mailboxes[Side::Callee].last;
    let anew = ALICE.moved("gw-1");
    story.happens(ask::restarted(anew));
    assert_eq!(story.ask(anew, ask::offer("new")), "done");
    let new = story.call.mailboxes[Side::Callee].last;
    assert_eq!(story.ask(BOB, ask::answer_to(old, "late")), "invalid_state connected");
    assert!(story.heard(ALICE).is_empty(), "her page knows of no such offer");
    assert_eq!(story.ask(BOB, ask::answer_to(new, "ok")), "done");
    assert_eq!(story.heard(ALICE), ["answer ok"]);
}

#[test]
fn before_anything_is_agreed_on_the_first_offer_is_the_callers_again() {
    let mut story = Story::accepted();
    story.ask(ALICE, ask::offer("old"));
    let anew = ALICE.moved("gw-1");
    story.happens(ask::restarted(anew));
    assert_eq!(story.ask(BOB, ask::offer("o")), "invalid_state connecting");
    assert_eq!(story.ask(BOB, ask::ice(&["b1"])), "done");
    assert!(story.heard(ALICE).is_empty(), "his candidates wait for his own description");
    assert_eq!(story.ask(anew, ask::offer("new")), "done");
    story.ask(BOB, ask::answer("ok"));
    assert_eq!(story.heard(ALICE), ["answer ok", "ice b1"]);
}

#[test]
fn an_offer_stands_when_its_sender_comes_back_whole_or_the_other_starts_anew() {
    let mut story = Story::connected();
    story.ask(ALICE, ask::offer("o"));
    story.happens(ask::attached(ALICE.moved("gw-1")));
    story.happens(ask::restarted(BOB.moved("gw-1")));
    assert_eq!(story.ask(ALICE.moved("gw-1"), ask::offer("another")), "invalid_state connected");
    assert_eq!(story.ask(BOB.moved("gw-1"), ask::answer("a")), "done");
}

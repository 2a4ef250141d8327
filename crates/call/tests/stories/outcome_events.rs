//! What the application's servers are told, and that it is told once.

use ringback_call::{Action, Call, OutcomeEvent};

use crate::common::{
    ALICE, BOB, ask,
    story::{START, Story},
};

fn announced(before: Option<&Call>, now: &Call) -> Vec<OutcomeEvent> {
    OutcomeEvent::announced(before, now).collect()
}

#[test]
fn a_call_announces_each_step_as_it_comes_to_it() {
    let mut told = Vec::new();
    let mut before: Option<Call> = None;
    let mut story = Story::placed();
    let mut note = |story: &Story| {
        told.push(announced(before.as_ref(), &story.call));
        before = Some(story.call.clone());
    };
    note(&story);
    story.happens(ask::allowed(&[BOB]));
    note(&story);
    story.ask(BOB, Action::Ringing);
    note(&story);
    story.ask(BOB, ask::ACCEPT);
    note(&story);
    story.ask(ALICE, ask::offer("o"));
    story.ask(BOB, ask::answer("a"));
    story.ask(ALICE, Action::Connected);
    note(&story);
    story.ask(BOB, Action::Connected);
    note(&story);
    story.ask(BOB, ask::HANG_UP);
    note(&story);
    let one = |event| vec![event];
    let none = Vec::new;
    assert_eq!(
        told,
        [
            one(OutcomeEvent::Placed),
            one(OutcomeEvent::Ringing),
            none(),
            one(OutcomeEvent::Answered),
            none(),
            one(OutcomeEvent::Connected),
            one(OutcomeEvent::Ended),
        ]
    );
}

#[test]
fn what_is_put_back_at_once_announces_all_that_was_lost_in_order() {
    let ringing = Story::ringing();
    let mut story = Story::connected();
    story.wait(5_000).ask(ALICE, ask::HANG_UP);
    let all = OutcomeEvent::ALL.into_iter();
    let all = all.filter(|event| !matches!(event, OutcomeEvent::Wake | OutcomeEvent::WakeCancelled));
    assert_eq!(announced(None, &story.call), all.collect::<Vec<_>>(), "nobody had to be woken");
    let lost = [OutcomeEvent::Answered, OutcomeEvent::Connected, OutcomeEvent::Ended];
    assert_eq!(announced(Some(&ringing.call), &story.call), lost);
    assert_eq!(announced(Some(&story.call), &story.call), []);
}

#[test]
fn a_call_that_nobody_could_answer_is_placed_and_ended() {
    let mut story = Story::placed();
    story.happens(ask::allowed(&[]));
    assert_eq!(announced(None, &story.call), [OutcomeEvent::Placed, OutcomeEvent::Ended]);
    assert_eq!(OutcomeEvent::Ended.at(&story.call).map(|at| at.0), Some(START));
}

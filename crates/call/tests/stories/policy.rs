//! What the policy says of a call, and what a caller's token does.

use ringback_call::{
    Admission, Attendance, Detail, EndReason, Input, OutcomeEvent, PerSide, Rules, Side, Terms, verdict,
};

use crate::common::{
    ALICE, BOB, BOB_TABLET, ask,
    story::{START, Story},
};

fn on_terms(terms: Terms) -> Input {
    match ask::allowed(&[BOB, BOB_TABLET]) {
        Input::Admission(Admission::Allowed { legs, others, .. }) => {
            Input::Admission(Admission::Allowed { legs, others, terms })
        }
        other => other,
    }
}

fn detail(story: &Story) -> Option<&str> {
    story.call.outcome().and_then(|outcome| outcome.detail.as_ref()).map(Detail::as_str)
}

#[test]
fn a_refusal_says_why_if_the_policy_does() {
    let mut story = Story::placed();
    story.happens(Input::Admission(Admission::Denied { detail: Detail::new("blocked").ok() }));
    assert_eq!((story.stands().as_str(), detail(&story)), ("ended denied", Some("blocked")));
    assert_eq!(verdict(&story.call, &story.notes), ["the policy refused it: blocked"]);
}

#[test]
fn a_call_rings_for_as_long_as_the_policy_lets_it() {
    for (ringing_ms, lasts) in [(Some(7_000), 7_000), (Some(90_000), 90_000), (None, 45_000)] {
        let mut story = Story::placed();
        story.happens(on_terms(Terms { ringing_ms, duration_ms: None }));
        assert_eq!(story.due_in(), Some(lasts));
        story.wait(lasts - 1).sweep(Attendance::default());
        assert_eq!(story.stands(), "ringing");
        story.wait(1).sweep(Attendance::default());
        assert_eq!(story.stands(), "ended no_answer");
    }
}

#[test]
fn two_talk_for_as_long_as_the_policy_lets_them() {
    let mut story = Story::placed();
    story.happens(on_terms(Terms { ringing_ms: None, duration_ms: Some(120_000) }));
    story.ask(BOB, ask::ACCEPT);
    story.ask(ALICE, ask::offer("o"));
    story.ask(BOB, ask::answer("a"));
    story.wait(5_000);
    for device in [ALICE, BOB] {
        story.ask(device, ringback_call::Action::Connected);
    }
    let there = PerSide { caller: Some(ALICE.link()), callee: Some(BOB.link()) };
    story.wait(90_000).sweep(there.clone());
    assert_eq!((story.stands().as_str(), story.due_in()), ("connected", Some(30_000)));
    story = story.forget();
    story.wait(30_000).sweep(there);
    assert_eq!((story.stands().as_str(), detail(&story)), ("ended ended_by_server", Some("max_duration")));
    for device in [ALICE, BOB] {
        assert_eq!(story.heard(device), ["ended ended_by_server"]);
    }
    assert_eq!(story.call.outcome().unwrap().duration_ms, Some(120_000));
    let said = verdict(&story.call, &story.notes);
    assert_eq!(said, ["its time was up: the policy had given it 120.0 s"]);
}

#[test]
fn an_outage_of_the_store_does_not_end_a_talk_at_its_time() {
    let mut story = Story::connected();
    story.call.terms.duration_ms = Some(60_000);
    let there = PerSide { caller: Some(ALICE.link()), callee: Some(BOB.link()) };
    story.wait(61_000).sweep_after_outage(there);
    assert_eq!((story.stands().as_str(), story.due_in()), ("connected", Some(20_000)));
}

#[test]
fn two_calls_that_cross_keep_the_terms() {
    let mut story = Story::placed();
    story.ask(BOB, ringback_call::Action::Init);
    let terms = Terms { ringing_ms: None, duration_ms: Some(60_000) };
    story.happens(on_terms(terms));
    assert_eq!((story.stands().as_str(), story.call.terms), ("awaited", terms));
}

#[test]
fn a_call_that_its_callers_token_does_not_allow_is_over_at_once() {
    let rules = Rules::default();
    let mut opening = Story::opening();
    opening.granted = false;
    let decision = rules.open(&opening).unwrap();
    let call = decision.next.unwrap();
    let outcome = call.outcome().unwrap();
    assert_eq!((outcome.reason, outcome.rang), (EndReason::Denied, false));
    assert_eq!(outcome.detail.as_ref().map(Detail::as_str), Some("not_granted"));
    assert_eq!((decision.follow_up, decision.deadline), (None, None));
    let [told] = &decision.deliveries[..] else { panic!("{:?}", decision.deliveries) };
    assert_eq!(told.side, Side::Caller);
    let announced: Vec<_> = OutcomeEvent::announced(None, &call).collect();
    assert_eq!(announced, [OutcomeEvent::Placed, OutcomeEvent::Ended]);
    assert_eq!(outcome.at.0, START);
}

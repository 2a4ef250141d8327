//! What is written down of a call, step by step.

use ringback_call::{
    Action, Audience, EndRequest, Gathered, News, Note, PerSide, Rules, Side, StateName, Step, Told, What,
    verdict,
};

use crate::common::{ALICE, BOB, BOB_TABLET, ask, both_there, only_alice, story::Story};

/// What is said of a call that is over.
fn said(story: &Story) -> Vec<String> {
    verdict(&story.call, &story.notes)
}

const HOST: &str = r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host"}"#;
const RELAY: &str = r#"{"candidate":"candidate:3 1 udp 1 192.0.2.3 9 typ relay"}"#;

/// The last step.
fn step(story: &Story) -> Step {
    match story.last.notes.as_slice() {
        [Note::Step(step)] => step.clone(),
        other => panic!("one step: {other:?}"),
    }
}

#[test]
fn a_step_says_whose_doing_it_was_and_who_was_told() {
    let mut story = Story::placed();
    assert_eq!((step(&story).what, step(&story).by), (What::Init, Some((Side::Caller, ALICE.device()))));
    story.happens(ask::allowed(&[BOB, BOB_TABLET]));
    assert_eq!((step(&story).what, step(&story).by), (What::Admitted { devices: 2 }, None));
    story.ask(BOB, ask::ACCEPT);
    let accepted = step(&story);
    assert_eq!((accepted.what, accepted.state), (What::Accept, StateName::Connecting));
    assert_eq!(accepted.by, Some((Side::Callee, BOB.device())));
    let told = |side, seq, to, event| Told { side, seq, to, event };
    let elsewhere = News::Ended(ringback_call::EndReason::AnsweredElsewhere);
    let all = [
        told(Side::Callee, 2, Audience::Except(BOB.device()), elsewhere),
        told(Side::Caller, 1, Audience::Only(ALICE.device()), News::Accepted),
        told(Side::Callee, 3, Audience::Only(BOB.device()), News::Accepted),
    ];
    assert_eq!(accepted.told.len(), all.len());
    for one in &all {
        assert!(accepted.told.contains(one), "{one:?} in {:?}", accepted.told);
    }
}

#[test]
fn candidates_are_counted_by_their_types_and_not_written_down() {
    let mut story = Story::negotiated();
    let all = [
        r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host generation 0"}"#,
        r#"{"candidate":"candidate:2 1 udp 1 192.0.2.2 9 typ srflx raddr 0.0.0.0"}"#,
        r#"{"candidate":"candidate:3 1 udp 1 192.0.2.3 9 typ relay"}"#,
        r#"{"candidate":"candidate:4 1 udp 1 192.0.2.4 9 typ host"}"#,
        "null",
    ];
    story.ask(ALICE, ask::ice(&all));
    assert_eq!(step(&story).what, What::Ice(Gathered { host: 2, reflexive: 1, relay: 1, last: true }));
    assert!(!format!("{:?}", step(&story)).contains("192.0.2"));
}

#[test]
fn what_changes_nothing_has_no_step() {
    let mut story = Story::connected();
    assert_eq!(story.ask_as(ALICE, 900, Action::Connected), "done");
    let steps = story.call.notes;
    assert_eq!(story.ask_as(ALICE, 900, Action::Connected), "done", "sent again");
    assert_eq!((story.call.notes, story.last.notes.len()), (steps, 0));
}

#[test]
fn a_timeline_is_bounded_and_has_its_end_all_the_same() {
    let rules = Rules { max_steps: 4, ..Rules::default() };
    let mut story = Story::placed_under(rules);
    story.happens(ask::allowed(&[BOB]));
    story.ask(BOB, Action::Ringing);
    story.ask(BOB, ask::ACCEPT);
    story.ask(ALICE, ask::offer("o"));
    assert_eq!((story.call.notes, story.last.notes.len()), (4, 0));
    story.ask(BOB, ask::HANG_UP);
    assert_eq!((step(&story).state, story.call.notes), (StateName::Ended, 5));
}

#[test]
fn a_call_that_nobody_answered_says_whether_it_rang() {
    let mut story = Story::ringing();
    story.wait(45_000).sweep(only_alice());
    let silent = "no device of the callee ever said that it alerts its person, for 45.0 s: was the application asleep?";
    assert_eq!(said(&story), [silent]);
    let mut story = Story::ringing();
    story.ask(BOB, Action::Ringing);
    story.wait(45_000).sweep(only_alice());
    assert_eq!(said(&story), ["it rang for 45.0 s, and nobody answered"]);
}

#[test]
fn a_call_without_a_path_says_what_candidates_there_were() {
    let mut story = Story::negotiated();
    story.ask(ALICE, ask::ice(&[HOST, HOST, "null"]));
    story.ask(BOB, ask::ice(&[HOST, RELAY]));
    story.wait(15_300).ask(ALICE, Action::End(EndRequest::IceFailed));
    let path = "offer and answer were exchanged, and the caller found no path for the media within 15.3 s";
    let host = "the caller's candidates were all of type host: no STUN or TURN server was of use";
    assert_eq!(said(&story), [path, host]);
}

#[test]
fn a_set_up_that_stands_still_says_whose_turn_it_was() {
    let mut story = Story::accepted();
    story.wait(30_000).sweep(both_there());
    assert_eq!(said(&story)[0], "the caller's device made no offer within 30.0 s of the accept");
    let mut story = Story::accepted();
    story.ask(ALICE, ask::offer("o"));
    story.wait(30_000).sweep(both_there());
    assert_eq!(said(&story)[0], "the offer was never answered");
    assert_eq!(said(&story)[1], "the caller's device sent no candidates");
}

/// Steps may be switched off, or lost in a failover: what is not known did not therefore not happen.
#[test]
fn a_verdict_without_the_steps_blames_nobody() {
    let mut story = Story::accepted();
    story.ask(ALICE, ask::offer("o"));
    story.wait(30_000).sweep(both_there());
    let about = ["offer and answer were not exchanged within 30.0 s of the accept"];
    assert_eq!(verdict(&story.call, []), about);
    assert_eq!(verdict(&story.call, &story.notes[1..]), about);
}

#[test]
fn a_call_says_whose_device_was_lost_and_who_hung_up() {
    let mut story = Story::connected();
    story.happens(ask::dropped(BOB));
    story.wait(20_000).sweep(only_alice());
    assert_eq!(
        said(&story),
        ["the callee's device lost its connection and did not come back in time, in talk"]
    );
    let mut story = Story::connected();
    story.happens(ask::dropped(BOB));
    story.happens(ask::attached(BOB));
    story.wait(61_200).ask(ALICE, ask::HANG_UP);
    let talked = "the two talked for 61.2 s, and the caller hung up";
    assert_eq!(said(&story), [talked, "a device of the two lost its connection to a gateway 1 time(s)"]);
}

#[test]
fn a_call_says_so_where_both_devices_were_lost_and_where_the_first_had_come_back() {
    let mut story = Story::connected();
    story.happens(ask::dropped(ALICE));
    story.happens(ask::dropped(BOB));
    story.wait(20_000).sweep(PerSide::default());
    assert_eq!(said(&story), ["both devices lost their connections and did not come back in time, in talk"]);
    let mut story = Story::connected();
    story.happens(ask::dropped(ALICE));
    story.happens(ask::dropped(BOB));
    story.happens(ask::attached(ALICE.moved("gw-1")));
    story.wait(20_000).sweep(only_alice());
    assert_eq!(
        said(&story),
        ["the callee's device lost its connection and did not come back in time, in talk"]
    );
}

#[test]
fn a_device_that_only_rang_is_none_of_the_two() {
    let mut story = Story::placed();
    story.happens(ask::attached(BOB_TABLET));
    story.happens(ask::dropped(BOB_TABLET));
    assert_eq!(step(&story).what, What::Dropped);
    story.happens(ask::allowed(&[BOB]));
    story.ask(BOB, ask::ACCEPT);
    story.ask(ALICE, ask::HANG_UP);
    assert_eq!(said(&story), ["the caller hung up before there were media"]);
}

#[test]
fn a_log_that_is_full_is_not_taken_for_whole() {
    let mut story = Story::placed_under(Rules { max_steps: 3, ..Rules::default() });
    story.happens(ask::allowed(&[BOB]));
    story.ask(BOB, ask::ACCEPT);
    story.ask(ALICE, ask::offer("o"));
    story.wait(30_000).sweep(both_there());
    assert_eq!(said(&story), ["offer and answer were not exchanged within 30.0 s of the accept"]);
}

#[test]
fn a_call_that_lives_says_where_it_stands() {
    assert_eq!(said(&Story::ringing()), ["it rings"]);
    assert_eq!(said(&Story::connected()), ["the two talk"]);
}

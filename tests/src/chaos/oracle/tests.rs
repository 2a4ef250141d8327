//! An oracle that can't fail is worthless: made-up histories, each with one thing wrong.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::diary::{Diary, Line, Note};
use super::super::digest::Digest;
use super::{Allowance, Kind, Timeouts, Verdict, is_young, judge};

const CALL: &str = "c";
const TIMEOUTS: Timeouts = Timeouts {
    ringing: Duration::from_secs(45),
    connecting: Duration::from_secs(30),
    idle: Duration::from_secs(15),
    reconnect: Duration::from_secs(20),
};
const ALICE: usize = 0;
const BOB: usize = 1;
const TABLET: usize = 2;

/// What happened, 10 ms apart, each with whose diary it is in.
#[derive(Clone)]
struct Story(Vec<(usize, Note)>);

fn sent(who: usize, frame: Value) -> (usize, Note) {
    (who, Note::Sent(frame))
}

fn got(who: usize, frame: Value) -> (usize, Note) {
    (who, Note::Got(frame))
}

fn acked(who: usize, frame: Value) -> [(usize, Note); 2] {
    let ack = json!({"type": "ack", "id": frame["id"], "call": CALL});
    [sent(who, frame), got(who, ack)]
}

fn event(who: usize, seq: u64, kind: &str, more: Value) -> (usize, Note) {
    let frame = json!({"type": kind, "call": CALL, "seq": seq});
    got(who, crate::shape::with(frame, more))
}

fn ice(tag: &str) -> Value {
    json!({"candidates": [{"usernameFragment": tag}]})
}

fn sdp(tag: &str) -> Value {
    json!({"sdp": format!("v=0\ns={tag}\n")})
}

fn request(id: u64, kind: &str, more: Value) -> Value {
    crate::shape::with(json!({"type": kind, "id": id, "call": CALL}), more)
}

fn greeted(who: usize, id: u64, session: bool, ack: Value) -> Vec<(usize, Note)> {
    let hello = if session { json!({"session": "s"}) } else { json!({}) };
    let ack = crate::shape::with(json!({"type": "ack", "id": id, "session": "s"}), ack);
    vec![
        (who, Note::Up(0)),
        sent(who, crate::shape::with(json!({"type": "hello", "id": id}), hello)),
        got(who, ack),
    ]
}

/// A call between alice and bob's phone, with his tablet ringing, from end to end, as it should be.
fn good() -> Story {
    let by = json!({"by": {"user": "bob", "device": "phone"}});
    let mut all = Vec::new();
    for who in [ALICE, BOB, TABLET] {
        all.extend(greeted(who, 1, false, json!({"resumed": false, "calls": []})));
    }
    all.push(sent(ALICE, json!({"type": "call:init", "id": 2, "to": "bob"})));
    all.push(got(ALICE, json!({"type": "ack", "id": 2, "call": CALL})));
    all.push(event(BOB, 1, "call:incoming", json!({})));
    all.push(event(TABLET, 1, "call:incoming", json!({})));
    all.extend(acked(BOB, request(2, "call:accept", json!({}))));
    all.push(event(TABLET, 2, "call:ended", json!({"reason": "answered_elsewhere"})));
    all.push(event(ALICE, 1, "call:accepted", by.clone()));
    all.push(event(BOB, 3, "call:accepted", by));
    all.extend(acked(ALICE, request(3, "webrtc:offer", sdp("caller.sdp.1.1"))));
    all.push(event(BOB, 4, "webrtc:offer", sdp("caller.sdp.1.1")));
    all.extend(acked(ALICE, request(4, "webrtc:ice", ice("caller.ice.1.1"))));
    all.push(event(BOB, 5, "webrtc:ice", ice("caller.ice.1.1")));
    all.extend(acked(ALICE, request(5, "webrtc:ice", ice("caller.ice.2.1"))));
    all.push(event(BOB, 6, "webrtc:ice", ice("caller.ice.2.1")));
    all.extend(acked(BOB, request(3, "webrtc:answer", sdp("callee.sdp.1.1"))));
    all.push(event(ALICE, 2, "webrtc:answer", sdp("callee.sdp.1.1")));
    all.extend(acked(ALICE, request(6, "call:connected", json!({}))));
    all.extend(acked(BOB, request(4, "call:connected", json!({}))));
    all.push(event(ALICE, 3, "call:connected", json!({})));
    all.push(event(BOB, 7, "call:connected", json!({})));
    all.extend(acked(ALICE, request(7, "call:end", json!({}))));
    all.push(event(ALICE, 4, "call:ended", json!({"reason": "hangup"})));
    all.push(event(BOB, 8, "call:ended", json!({"reason": "hangup"})));
    Story(all)
}

impl Story {
    /// Where this device got the `n`th event of this kind.
    fn place(&self, who: usize, kind: &str, n: usize) -> usize {
        let mut places = self.0.iter().enumerate().filter(
            |(_, (whose, note))| matches!(note, Note::Got(frame) if *whose == who && frame["type"] == kind),
        );
        places.nth(n).unwrap().0
    }

    fn without(mut self, who: usize, kind: &str, n: usize) -> Self {
        self.0.remove(self.place(who, kind, n));
        self
    }

    fn twice(mut self, who: usize, kind: &str, n: usize) -> Self {
        let place = self.place(who, kind, n);
        self.0.insert(place + 1, self.0[place].clone());
        self
    }

    fn swapped(mut self, who: usize, one: (&str, usize), other: (&str, usize)) -> Self {
        let places = (self.place(who, one.0, one.1), self.place(who, other.0, other.1));
        self.0.swap(places.0, places.1);
        // The numbers are those of the places: the server gave them in the order in which it sent.
        let seqs = [places.0, places.1].map(|place| match &self.0[place].1 {
            Note::Got(frame) => frame["seq"].clone(),
            _ => Value::Null,
        });
        for (place, seq) in [(places.0, &seqs[1]), (places.1, &seqs[0])] {
            if let Note::Got(frame) = &mut self.0[place].1 {
                frame["seq"] = seq.clone();
            }
        }
        self
    }

    fn with(mut self, place: usize, notes: impl IntoIterator<Item = (usize, Note)>) -> Self {
        self.0.splice(place..place, notes);
        self
    }

    fn and(mut self, notes: impl IntoIterator<Item = (usize, Note)>) -> Self {
        self.0.extend(notes);
        self
    }

    /// Another reason for an end.
    fn reason(mut self, who: usize, reason: &str) -> Self {
        let place = self.place(who, "call:ended", 0);
        if let Note::Got(frame) = &mut self.0[place].1 {
            frame["reason"] = json!(reason);
        }
        self
    }

    fn verdict(&self) -> Verdict {
        self.verdict_with(&Allowance::Nothing, &[])
    }

    fn verdict_with(&self, allowance: &Allowance, faults: &[(Duration, Duration)]) -> Verdict {
        let diary = |who: usize, user, device| {
            let lines = self.0.iter().enumerate().filter(|(_, (whose, _))| *whose == who);
            let line = |(n, (_, note)): (usize, &(usize, Note))| Line { at: at(n), note: note.clone() };
            Diary::made_up(user, device, lines.map(line).collect())
        };
        let diaries =
            [diary(ALICE, "alice", "desk"), diary(BOB, "bob", "phone"), diary(TABLET, "bob", "tablet")];
        judge(&Digest::of(&diaries), &TIMEOUTS, allowance, faults)
    }

    /// The kinds of what is wrong, each once.
    fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.verdict().violations.iter().map(|violation| violation.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

fn at(n: usize) -> Duration {
    Duration::from_millis(10 * n as u64)
}

#[test]
fn a_good_call_is_good() {
    let verdict = good().verdict();
    assert!(verdict.violations.is_empty(), "{:?}", verdict.violations);
    assert_eq!((verdict.calls, verdict.connected), (1, 1));
    // Four tagged messages, and two milestones for two.
    assert_eq!(verdict.messages, 8);
}

#[test]
fn a_lost_message_is_lost() {
    for (who, kind, n) in [
        (BOB, "webrtc:offer", 0),
        (BOB, "webrtc:ice", 0),
        (BOB, "webrtc:ice", 1),
        (ALICE, "webrtc:answer", 0),
        (ALICE, "call:accepted", 0),
        (BOB, "call:connected", 0),
    ] {
        assert_eq!(good().without(who, kind, n).kinds(), [Kind::Lost], "{kind} {n}");
    }
}

#[test]
fn a_message_that_was_not_acked_may_be_lost() {
    let mut story = good().without(BOB, "webrtc:ice", 1);
    story.0.remove(story.place(ALICE, "ack", 4));
    // But then its sender waits for the reply for ever.
    assert_eq!(story.kinds(), [Kind::Unanswered]);
}

#[test]
fn a_message_that_comes_twice_is_doubled() {
    assert_eq!(good().twice(BOB, "webrtc:ice", 0).kinds(), [Kind::Doubled]);
    assert_eq!(good().twice(BOB, "call:accepted", 0).kinds(), [Kind::Doubled]);
    assert_eq!(good().twice(BOB, "call:ended", 0).kinds(), [Kind::Doubled]);
    // Applied twice: under another number.
    let mut story = good();
    let place = story.place(BOB, "call:connected", 0);
    story.0.insert(place, event(BOB, 6, "webrtc:ice", ice("caller.ice.1.1")));
    assert_eq!(story.kinds(), [Kind::Doubled]);
}

#[test]
fn what_is_out_of_order_is_noticed() {
    let swapped = good().swapped(BOB, ("webrtc:ice", 0), ("webrtc:ice", 1));
    assert_eq!(swapped.kinds(), [Kind::Disordered]);
    let overtaken = good().swapped(BOB, ("webrtc:offer", 0), ("webrtc:ice", 0));
    assert_eq!(overtaken.kinds(), [Kind::Disordered], "a candidate before its description");
    let mut shrinking = good();
    let place = shrinking.place(BOB, "call:connected", 0);
    if let Note::Got(frame) = &mut shrinking.0[place].1 {
        frame["seq"] = json!(2);
    }
    assert_eq!(shrinking.kinds(), [Kind::Disordered]);
}

#[test]
fn what_was_under_way_together_keeps_its_order_though_it_was_sent_again() {
    let mut story = good().swapped(BOB, ("webrtc:ice", 0), ("webrtc:ice", 1));
    // The first is acked only after the second was sent, and was sent over two connections.
    let ack = story.place(ALICE, "ack", 3);
    let ack = story.0.remove(ack);
    let place = story.place(ALICE, "ack", 3);
    story.0.insert(place + 1, ack);
    let first = request(4, "webrtc:ice", ice("caller.ice.1.1"));
    let story = story.with(place, [(ALICE, Note::Up(1)), sent(ALICE, first)]);
    assert_eq!(story.kinds(), [Kind::Disordered]);
}

#[test]
fn what_comes_again_after_a_gap_is_not_doubled() {
    let back = greeted(BOB, 9, true, json!({"resumed": false, "calls": [{"call": CALL}]}));
    let again = [event(BOB, 5, "webrtc:ice", ice("caller.ice.1.1"))];
    let story = good();
    let place = story.place(BOB, "call:connected", 0);
    let without = story.clone().with(place, again.clone());
    assert_eq!(without.kinds(), [Kind::Doubled]);
    let story = story.with(place, back.into_iter().chain(again));
    assert_eq!(story.kinds(), []);
}

#[test]
fn a_message_at_the_wrong_device_is_a_stray() {
    let story = good();
    let place = story.place(BOB, "webrtc:offer", 0);
    let story = story.with(place, [event(TABLET, 4, "webrtc:offer", sdp("caller.sdp.1.1"))]);
    assert_eq!(story.kinds(), [Kind::Stray]);
}

#[test]
fn a_candidate_that_is_held_for_good_is_not_lost() {
    let mut story = good();
    let place = story.place(ALICE, "call:ended", 0);
    // She already sends for the negotiation she is about to begin.
    story = story.with(place - 2, acked(ALICE, request(9, "webrtc:ice", ice("caller.ice.3.2"))));
    assert_eq!(story.kinds(), []);
    // Had she begun it, it would have to arrive.
    let place = story.place(ALICE, "call:ended", 0);
    story = story.with(place - 2, acked(ALICE, request(10, "webrtc:offer", sdp("caller.sdp.2.2"))));
    story = story.with(place, [event(BOB, 7, "webrtc:offer", sdp("caller.sdp.2.2"))]);
    assert_eq!(story.kinds(), [Kind::Lost]);
}

#[test]
fn a_call_has_one_outcome() {
    assert_eq!(good().without(BOB, "call:ended", 0).kinds(), [Kind::NoOutcome]);
    assert_eq!(good().without(TABLET, "call:ended", 0).kinds(), [Kind::NoOutcome]);
    let second = good().and([event(BOB, 9, "call:ended", json!({"reason": "hangup"}))]);
    assert_eq!(second.kinds(), [Kind::TwoOutcomes]);
    assert_eq!(good().reason(BOB, "cancelled").kinds(), [Kind::Disagreement]);
    assert_eq!(good().reason(BOB, "answered_elsewhere").kinds(), [Kind::Disagreement], "he was bound");
}

#[test]
fn an_outcome_that_had_to_be_asked_for_is_no_outcome() {
    let asked = |reply: Value| {
        let end = request(5, "call:end", json!({}));
        let reply = crate::shape::with(json!({"id": 5}), reply);
        good().without(BOB, "call:ended", 0).and([sent(BOB, end), got(BOB, reply)])
    };
    assert_eq!(asked(json!({"type": "ack", "already": "hangup"})).kinds(), [Kind::ToldWhenAsked]);
    assert_eq!(asked(json!({"type": "error", "code": "no_such_call"})).kinds(), [Kind::Vanished]);
}

#[test]
fn an_honest_snapshot_is_an_outcome() {
    let gone = |calls: Value| {
        let back = greeted(BOB, 9, true, json!({"resumed": false, "calls": calls}));
        good().without(BOB, "call:ended", 0).and([(BOB, Note::Down("cut".to_owned()))]).and(back)
    };
    assert_eq!(gone(json!([])).kinds(), []);
    assert_eq!(gone(json!([])).verdict().unproved, 1);
    assert_eq!(gone(json!([{"call": CALL}])).kinds(), [Kind::NoOutcome], "it is listed, so it lives");
    // Nobody heard an end of it: it has vanished.
    let nobody = gone(json!([])).without(ALICE, "call:ended", 0);
    assert_eq!(nobody.kinds(), [Kind::NoOutcome, Kind::Vanished]);
}

#[test]
fn what_was_sent_before_a_gap_may_be_missing_and_what_came_after_may_not() {
    let back = || greeted(BOB, 9, true, json!({"resumed": false, "calls": [{"call": CALL}]}));
    let story = good().without(BOB, "webrtc:ice", 1);
    let place = story.place(BOB, "call:connected", 0);
    let late = story.clone().with(place, back());
    assert_eq!(late.kinds(), []);
    assert_eq!(late.verdict().declared, 1);
    let place = story.place(BOB, "webrtc:offer", 0);
    let early = story.with(place, back());
    assert_eq!(early.kinds(), [Kind::Lost]);
}

#[test]
fn an_end_that_nobody_wanted_is_noticed() {
    let end = |story: Story, reason: &str| story.reason(ALICE, reason).reason(BOB, reason);
    for reason in ["connection_lost", "setup_timeout", "no_answer", "offline", "rejected", "ended_by_server"]
    {
        assert_eq!(end(good(), reason).kinds(), [Kind::Unprompted], "{reason}");
    }
    // A gateway that was cut off for longer than the others wait for it can't be reached.
    let cut_off = [(Duration::ZERO, Duration::from_secs(8))];
    let offline = end(good(), "offline").with(0, vec![(TABLET, Note::Up(0)); 500]);
    assert!(offline.verdict_with(&Allowance::Nothing, &cut_off).is_sound());
    // Had he been away for long enough, it would have been due.
    let mut away = end(good(), "connection_lost");
    let place = away.place(ALICE, "call:ended", 0);
    away = away.with(place, vec![(BOB, Note::Down("cut".to_owned())); 2100]);
    assert_eq!(away.kinds(), []);
    assert_eq!(away.verdict().timed_out, 1);
}

#[test]
fn a_call_that_rings_out_must_have_rung() {
    let start = [ALICE, BOB].map(|who| greeted(who, 1, false, json!({"resumed": false, "calls": []})));
    let mut all: Vec<(usize, Note)> = start.into_iter().flatten().collect();
    all.push(sent(ALICE, json!({"type": "call:init", "id": 2, "to": "bob"})));
    all.push(got(ALICE, json!({"type": "ack", "id": 2, "call": CALL})));
    let rung = all.len();
    // 45 s go by.
    all.extend(vec![(TABLET, Note::Up(0)); 4500]);
    all.push(event(ALICE, 1, "call:ended", json!({"reason": "no_answer"})));
    all.push((BOB, Note::Down("the run is over".to_owned())));
    assert_eq!(Story(all.clone()).kinds(), [Kind::Lost]);
    let ended = event(BOB, 2, "call:ended", json!({"reason": "no_answer"}));
    let story = Story(all).with(rung, [event(BOB, 1, "call:incoming", json!({}))]).and([ended]);
    assert_eq!(story.kinds(), []);
}

#[test]
fn who_waits_in_vain_and_what_is_odd_is_told() {
    let stuck = good().and([(BOB, Note::Stuck(CALL.to_owned(), "an answer"))]);
    assert_eq!(stuck.kinds(), [Kind::Stuck]);
    let back = greeted(ALICE, 9, true, json!({"resumed": false, "calls": [{"call": CALL}]}));
    let place = stuck.place(ALICE, "call:ended", 0);
    assert_eq!(stuck.with(place, back).kinds(), [], "she said that she may miss something");
    let odd = good().and([(BOB, Note::Odd(None, "closed with 4503".to_owned()))]);
    assert_eq!(odd.kinds(), [Kind::Odd]);
    let sound = |from| odd.verdict_with(&Allowance::Everything, &[(from, from)]).is_sound();
    assert!(sound(at(1)), "the store was emptied just before");
    assert!(!sound(at(1_000)), "it was whole then");
}

#[test]
fn a_session_that_is_forgotten_is_told() {
    let back = greeted(BOB, 9, true, json!({"resumed": false, "calls": [], "session": "another"}));
    let story = good().and(back);
    assert_eq!(story.kinds(), [Kind::Forgotten]);
    assert!(story.verdict_with(&Allowance::Everything, &[(at(1), at(2))]).is_sound());
}

#[test]
fn what_a_scenario_allows_is_told_and_does_not_fail() {
    let story = good().without(BOB, "webrtc:ice", 1);
    let lived = at(20);
    let fault = |from: Duration| [(from, from + at(1))];
    let lost = story.verdict().violations[0].at.unwrap();
    let sound = |allowance, faults: &[_]| story.verdict_with(&allowance, faults).is_sound();
    assert!(!sound(Allowance::Nothing, &fault(lived)));
    assert!(sound(Allowance::Everything, &fault(lived)));
    assert!(sound(Allowance::YoungWrites, &fault(lost + at(1))));
    let ten = Duration::from_secs(10);
    assert!(is_young(ten, &[(at(1010), at(1400))]), "acked 100 ms before the primary died");
    assert!(!is_young(ten, &[(at(1080), at(1400))]), "800 ms before: every replica had it");
    assert!(!is_young(ten, &[(at(900), at(1400))]), "1 s after: by the new primary");
    let long_after = at(1000);
    assert!(!sound(Allowance::Everything, &fault(long_after)), "the call was over");
    assert!(!sound(Allowance::YoungWrites, &fault(long_after)), "everybody had them by then");
    let (bad, allowed) = story.verdict_with(&Allowance::Everything, &fault(lived)).count(&[Kind::Lost]);
    assert_eq!((bad, allowed), (0, 1));
}

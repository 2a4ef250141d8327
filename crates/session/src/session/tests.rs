use ringback_call::{ConnectionId, EndReason, NodeId};

use super::*;

fn session() -> Session {
    let identity = Identity {
        user: UserId::new("alice").unwrap(),
        device: DeviceId::new("d1").unwrap(),
        session: SessionId::new("s1").unwrap(),
        link: Link { node: NodeId::new("gw-1").unwrap(), connection: ConnectionId(1) },
    };
    Session::new(identity, Format::Json, Limits::default())
}

fn call(n: usize) -> CallId {
    CallId::new(format!("p0-{n}")).unwrap()
}

fn ended() -> Event {
    Event::Ended { reason: EndReason::Hangup, by: None, duration_ms: None, setup_ms: None, detail: None }
}

fn says(turn: &Turn) -> &'static str {
    match turn {
        Turn::Deliver(_) => "deliver",
        Turn::Skip => "skip",
        Turn::Gap => "gap",
        Turn::Unknown => "unknown",
    }
}

#[test]
fn an_entry_is_delivered_once_and_in_order() {
    let mut session = session();
    let mut next =
        |seq| says(&session.next(&call(1), seq, Timestamp(10_000), &Audience::All, &Event::Ringing));
    assert_eq!([next(1), next(1), next(2), next(1)], ["deliver", "skip", "deliver", "skip"]);
}

#[test]
fn nothing_is_delivered_before_what_is_missing() {
    let mut session = session();
    let mut next =
        |seq| says(&session.next(&call(1), seq, Timestamp(10_000), &Audience::All, &Event::Ringing));
    assert_eq!([next(1), next(3), next(4), next(2)], ["deliver", "gap", "gap", "deliver"]);
    assert_eq!(next(3), "deliver");
}

#[test]
fn a_first_entry_with_a_number_above_one_is_a_gap_too() {
    let turn = session().next(&call(1), 2, Timestamp(10_000), &Audience::All, &ended());
    assert_eq!(says(&turn), "gap", "it was never told that the call rings");
}

#[test]
fn nothing_is_said_of_a_call_whose_name_the_client_does_not_know() {
    let mut session = session();
    let us = Audience::Only(DeviceId::new("d1").unwrap());
    let mut next = |seq| says(&session.next(&call(1), seq, Timestamp(10_000), &us, &Event::Ringing));
    assert_eq!([next(1), next(2)], ["unknown", "unknown"]);
    session.withhold(&call(1));
    assert!(session.introduce(&call(1), false), "it has to be read now");
    assert!(!session.introduce(&call(1), true), "it knows it");
    assert!(!session.introduce(&call(2), false), "it has just been made");
    assert!(session.introduce(&call(3), true), "its events may have come when nobody knew it");
    assert_eq!(says(&session.next(&call(1), 1, Timestamp(10_000), &us, &Event::Ringing)), "deliver");
}

#[test]
fn what_began_to_ring_about_when_a_device_came_is_asked_for() {
    let mut session = session();
    let mut next = |n, at| says(&session.next(&call(n), 1, Timestamp(at), &Audience::All, &Event::Ringing));
    assert_eq!(next(1, UNSURE_MS - 1), "gap", "it may have begun before");
    assert_eq!(next(2, UNSURE_MS), "deliver");
}

#[test]
fn what_is_for_other_devices_is_counted_all_the_same() {
    let mut session = session();
    let other = Audience::Only(DeviceId::new("d2").unwrap());
    let but_us = Audience::Except(DeviceId::new("d1").unwrap());
    let at = Timestamp(10_000);
    assert_eq!(says(&session.next(&call(2), 7, at, &other, &Event::Ringing)), "skip", "none of our calls");
    assert_eq!(session.reached(&call(2)), None);
    session.reach(&call(1), 0);
    assert_eq!(says(&session.next(&call(1), 1, at, &other, &Event::Ringing)), "skip");
    assert_eq!(says(&session.next(&call(1), 2, at, &but_us, &Event::Ringing)), "skip");
    assert_eq!(says(&session.next(&call(1), 3, at, &Audience::All, &Event::Ringing)), "deliver");
}

#[test]
fn a_replay_may_leave_numbers_out() {
    let mut session = session();
    let mut replay =
        |seq| says(&session.replayed(&call(1), seq, Timestamp(10_000), &Audience::All, &Event::Ringing));
    assert_eq!([replay(3), replay(1_004), replay(1_004)], ["deliver", "deliver", "skip"]);
}

#[test]
fn what_is_remembered_of_ended_calls_is_bounded() {
    let mut session = session();
    for n in 0..1_000 {
        let turn = session.next(&call(n), 1, Timestamp(10_000), &Audience::All, &ended());
        assert_eq!(says(&turn), "deliver");
    }
    assert_eq!(session.reached.len(), REMEMBERED);
    assert_eq!(says(&session.next(&call(999), 1, Timestamp(10_000), &Audience::All, &ended())), "skip");
}

#[test]
fn a_token_does_not_print() {
    let frame = br#"{"type":"token","id":7,"token":"secret"}"#;
    let step = session().receive(frame, Timestamp(10_000));
    assert!(matches!(&step, Step::Renew(..)) && !format!("{step:?}").contains("secret"));
}

#[test]
fn missed_calls_are_known_once_they_were_told() {
    let mut session = session();
    let known = |session: &mut Session, until: u64| {
        let frame = format!(r#"{{"type":"seen","calls":{{}},"missed":{until}}}"#);
        assert_eq!(session.receive(frame.as_bytes(), Timestamp(0)), Step::Seen);
        session.take_missed()
    };
    assert_eq!(known(&mut session, 9_000), None, "nothing was told");
    session.told_missed(Timestamp(5_000));
    assert_eq!(known(&mut session, 4_999), None, "something older");
    assert_eq!(known(&mut session, 9_000), Some(Timestamp(5_000)), "as far as was told");
    assert_eq!(known(&mut session, 9_000), None, "said before");
}

#[test]
fn seen_counts_only_what_was_told() {
    let mut session = session();
    session.reach(&call(1), 2);
    let frame = br#"{"type":"seen","calls":{"p0-1":9,"p0-2":9,"not a call":1}}"#;
    assert_eq!(session.receive(frame, Timestamp(10_000)), Step::Seen);
    assert_eq!(session.take_seen(), SeenMap::from([(call(1), 2)]));
    assert!(session.take_seen().is_empty(), "told once");
}

#[test]
fn a_second_hello_is_a_bad_request_and_garbage_closes() {
    let mut session = session();
    let Step::Reply(ServerFrame::Error(error)) =
        session.receive(br#"{"type":"hello","id":7,"token":"t"}"#, Timestamp(10_000))
    else {
        panic!("not refused");
    };
    assert_eq!((error.id, error.code), (Some(7), ErrorCode::BadRequest));
    assert_eq!(session.receive(b"{]", Timestamp(10_000)), Step::Close(CloseCode::BadFrame));
}

#[test]
fn a_ping_is_answered_with_the_time() {
    let step = session().receive(br#"{"type":"ping","id":3}"#, Timestamp(77));
    let expected = Ack { at: Some(Timestamp(77)), ..Ack::done(RequestId(3)) };
    assert_eq!(step, Step::Reply(ServerFrame::Ack(expected)));
}

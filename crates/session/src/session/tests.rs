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
    Event::Ended { reason: EndReason::Hangup, by: None, duration_ms: None, setup_ms: None }
}

#[test]
fn an_entry_is_delivered_once_and_in_order() {
    let mut session = session();
    let mut deliver =
        |seq| session.deliver(&call(1), seq, Timestamp(1), &Audience::All, &Event::Ringing).is_some();
    assert!(deliver(1));
    assert!(deliver(3), "a gap is normal: 2 was for another device");
    assert!(!deliver(3), "again");
    assert!(!deliver(2), "late");
}

#[test]
fn an_entry_for_another_device_is_not_delivered() {
    let mut session = session();
    let other = Audience::Only(DeviceId::new("d2").unwrap());
    assert!(session.deliver(&call(1), 1, Timestamp(1), &other, &Event::Ringing).is_none());
    let but_us = Audience::Except(DeviceId::new("d1").unwrap());
    assert!(session.deliver(&call(1), 2, Timestamp(1), &but_us, &Event::Ringing).is_none());
}

#[test]
fn what_is_remembered_of_ended_calls_is_bounded() {
    let mut session = session();
    for n in 0..1_000 {
        assert!(session.deliver(&call(n), 1, Timestamp(1), &Audience::All, &ended()).is_some());
    }
    assert_eq!(session.delivered.len(), REMEMBERED);
    assert!(session.deliver(&call(999), 1, Timestamp(1), &Audience::All, &ended()).is_none());
}

#[test]
fn seen_counts_only_what_was_told() {
    let mut session = session();
    session.deliver(&call(1), 2, Timestamp(1), &Audience::All, &Event::Ringing);
    let frame = br#"{"type":"seen","calls":{"p0-1":9,"p0-2":9,"not a call":1}}"#;
    assert_eq!(session.receive(frame, Timestamp(1)), Step::Nothing);
    assert_eq!(session.seen().get(&call(1)), Some(&2));
    assert_eq!(session.seen().len(), 1);
}

#[test]
fn a_second_hello_is_a_bad_request_and_garbage_closes() {
    let mut session = session();
    let Step::Reply(ServerFrame::Error(error)) =
        session.receive(br#"{"type":"hello","id":7,"token":"t"}"#, Timestamp(1))
    else {
        panic!("not refused");
    };
    assert_eq!((error.id, error.code), (Some(7), ErrorCode::BadRequest));
    assert_eq!(session.receive(b"{]", Timestamp(1)), Step::Close(CloseCode::BadFrame));
}

#[test]
fn a_ping_is_answered_with_the_time() {
    let step = session().receive(br#"{"type":"ping","id":3}"#, Timestamp(77));
    let expected = Ack { at: Some(Timestamp(77)), ..Ack::done(RequestId(3)) };
    assert_eq!(step, Step::Reply(ServerFrame::Ack(expected)));
}

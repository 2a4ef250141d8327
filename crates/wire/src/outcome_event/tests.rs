use std::collections::BTreeSet;

use ringback_call::{
    Action, Admission, ConnectionId, DeviceId, EndRequest, Input, Leg, Link, Metadata, NodeId, Opening,
    Origin, RequestId, Rules, Sdp, SessionId, Terms, Timeouts, UserId,
};
use serde_json::{Value, json};

use super::*;

fn origin(user: &str, device: &str) -> Origin {
    Origin {
        user: UserId::new(user).unwrap(),
        device: DeviceId::new(device).unwrap(),
        session: SessionId::new(format!("s-{user}")).unwrap(),
        link: Link { node: NodeId::new("gw-1").unwrap(), connection: ConnectionId(1) },
        seen: 0,
    }
}

fn placed() -> Call {
    let opening = Opening {
        id: CallId::new("p3-42").unwrap(),
        from: origin("alice", "desk"),
        request: RequestId(1),
        to: UserId::new("bob").unwrap(),
        media: Media { audio: true, video: false },
        metadata: Some(Metadata::new("{\"order\": 7.50}")),
        traceparent: None,
        granted: true,
        at: Timestamp(1_000),
    };
    Rules::default().open(&opening).unwrap().next.unwrap()
}

/// The calls that come of these steps, a hundred milliseconds apart.
fn told(steps: Vec<Input>) -> Vec<Call> {
    let mut calls = vec![placed()];
    for (n, input) in steps.into_iter().enumerate() {
        let command = ringback_call::Command { at: Timestamp(1_100 + 100 * n as u64), input };
        let timeouts = Timeouts { waking_ms: 25_000, ..Timeouts::default() };
        let rules = Rules { timeouts, ..Rules::default() };
        let decision = rules.decide(calls.last().unwrap(), &command).unwrap();
        calls.extend(decision.next);
    }
    calls
}

fn asked(from: &Origin, id: u64, action: Action) -> Input {
    Input::Request { from: from.clone(), id: Some(RequestId(id)), action }
}

/// Nobody was there, and nobody came.
fn nobody_woke() -> Vec<Call> {
    let (legs, others) = (Vec::new(), Vec::new());
    told(vec![
        Input::Admission(Admission::Allowed { legs, others, terms: Terms::default() }),
        asked(&origin("alice", "desk"), 2, Action::End(EndRequest::Hangup)),
    ])
}

fn a_whole_call() -> Vec<Call> {
    let (alice, bob) = (origin("alice", "desk"), origin("bob", "phone"));
    let legs = vec![Leg::present(bob.device.clone(), bob.link.clone())];
    told(vec![
        Input::Admission(Admission::Allowed { legs, others: Vec::new(), terms: Terms::default() }),
        asked(&bob, 1, Action::Accept),
        asked(&alice, 2, Action::Offer(Sdp::new("o"))),
        asked(&bob, 2, Action::Answer { sdp: Sdp::new("a"), offer: None }),
        asked(&alice, 3, Action::Connected),
        asked(&bob, 3, Action::Connected),
        asked(&bob, 4, Action::End(EndRequest::Hangup)),
    ])
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn written(event: OutcomeEvent, call: &Call) -> Option<Vec<u8>> {
    write_outcome_event(event, call, 25_000, Some(TRACE)).unwrap()
}

fn body(event: OutcomeEvent, call: &Call) -> Value {
    serde_json::from_slice(&written(event, call).unwrap()).unwrap()
}

#[test]
fn an_end_is_a_call_detail_record() {
    let call = a_whole_call().pop().unwrap();
    let text = String::from_utf8(written(OutcomeEvent::Ended, &call).unwrap()).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"id":"p3-42_ended","type":"call.ended","at":1700,"call":"p3-42","caller":{"user":"alice","device":"desk"},"#,
            r#""callee":{"user":"bob","device":"phone"},"media":{"audio":true,"video":false},"metadata":{"order": 7.50},"#,
            r#""created_at":1000,"accepted_at":1200,"connected_at":1600,"setup_ms":600,"ended_at":1700,"reason":"hangup","#,
            r#""by":{"user":"bob","device":"phone"},"phase":"talk","missed":false,"duration_ms":100,"#,
            r#""traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#
        )
    );
}

#[test]
fn an_event_is_the_same_from_every_later_document() {
    let mut seen = BTreeSet::new();
    for calls in [a_whole_call(), nobody_woke()] {
        for event in OutcomeEvent::ALL {
            let mut all = calls.iter().filter_map(|call| written(event, call));
            let Some(first) = all.next() else { continue };
            seen.insert(event);
            assert!(all.all(|later| later == first), "{}", event.as_str());
        }
    }
    assert_eq!(seen.len(), OutcomeEvent::ALL.len());
}

#[test]
fn a_wake_up_says_until_when_it_is_of_use() {
    let calls = nobody_woke();
    let wake = body(OutcomeEvent::Wake, &calls[1]);
    assert_eq!((&wake["id"], &wake["type"]), (&json!("p3-42_wake"), &json!("call.wake")));
    assert_eq!((&wake["at"], &wake["expires_at"]), (&json!(1_100), &json!(26_100)));
    assert_eq!(wake["metadata"], json!({"order": 7.5}), "what a push message may show");
    let cancelled = body(OutcomeEvent::WakeCancelled, &calls[2]);
    assert_eq!((&cancelled["at"], &cancelled["expires_at"]), (&json!(1_200), &Value::Null));
}

#[test]
fn an_event_says_no_more_than_was_so() {
    let call = a_whole_call().pop().unwrap();
    let ringing = body(OutcomeEvent::Ringing, &call);
    assert_eq!(ringing["callee"], json!({"user": "bob"}), "nobody has answered");
    assert_eq!(
        (&ringing["accepted_at"], &ringing["reason"], &ringing["at"]),
        (&Value::Null, &Value::Null, &json!(1_100))
    );
    let answered = body(OutcomeEvent::Answered, &call);
    assert_eq!((&answered["callee"]["device"], &answered["setup_ms"]), (&json!("phone"), &Value::Null));
    assert_eq!(body(OutcomeEvent::Connected, &call)["setup_ms"], 600);
    assert_eq!(written(OutcomeEvent::Ringing, &placed()), None);
}

#[test]
fn who_delivers_it_can_read_its_head() {
    let call = placed();
    let head = OutcomeEventHead::read(&written(OutcomeEvent::Placed, &call).unwrap()).unwrap();
    assert_eq!((head.id.as_str(), &head.call, head.kind.as_str()), ("p3-42_placed", &call.id, "call.placed"));
    assert_eq!(head.traceparent.unwrap().as_str(), TRACE);
    assert!(OutcomeEventHead::read(b"{}").is_err());
}

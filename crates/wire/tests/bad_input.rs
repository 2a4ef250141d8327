//! What clients get wrong, and how they are told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;
use ringback_call::TraceParent;
use ringback_wire::{Body, ClientFrame, ErrorCode, Format, FrameError, Limits, Request};
use serde_json::{Value, json};

fn decode_both(frame: &Value) -> Vec<Result<ringback_wire::ClientFrame, FrameError>> {
    let msgpack = rmp_serde::to_vec_named(frame).unwrap();
    let limits = Limits::default();
    vec![
        Format::Json.decode(frame.to_string().as_bytes(), &limits),
        Format::MsgPack.decode(&msgpack, &limits),
    ]
}

fn assert_refused(frame: &Value, expected_id: Option<u64>, expected: ErrorCode) {
    for result in decode_both(frame) {
        match result {
            Err(FrameError::Refused { id, code, message }) => {
                assert_eq!((id, code), (expected_id, expected), "{frame}: {message}");
                assert!(!message.is_empty());
            }
            other => panic!("{frame}: {other:?}"),
        }
    }
}

#[test]
fn a_wrong_field_is_a_bad_request_with_the_requests_id() {
    for frame in [
        json!({"type": "call:init", "id": 2}),
        json!({"type": "call:init", "id": 2, "to": 5}),
        json!({"type": "call:init", "id": 2, "to": ""}),
        json!({"type": "call:init", "id": 2, "to": "bob", "media": "video"}),
        json!({"type": "call:accept", "id": 2}),
        json!({"type": "call:accept", "id": 2, "call": {}}),
        json!({"type": "call:reject", "id": 2, "call": "p1-x", "reason": "bored"}),
        json!({"type": "webrtc:offer", "id": 2, "call": "p1-x"}),
        json!({"type": "webrtc:offer", "id": 2, "call": "p1-x", "sdp": ["v=0"]}),
        json!({"type": "webrtc:ice", "id": 2, "call": "p1-x", "candidates": []}),
        json!({"type": "webrtc:ice", "id": 2, "call": "p1-x", "candidates": {"candidate": ""}}),
        json!({"type": "webrtc:ice", "id": 2, "call": "p1-x", "candidates": ["candidate:1"]}),
        json!({"type": "call:report", "id": 2, "call": "p1-x"}),
        json!({"type": "hello", "id": 2}),
        json!({"type": "hello", "id": 2, "token": "t", "device": "no spaces"}),
        json!({"type": "hello", "id": 2, "token": "t", "missed": true}),
        json!({"type": "hello", "id": 2, "token": "t", "missed": -1}),
        json!({"type": "token", "id": 2, "token": null}),
        json!({"type": "ping", "id": 2, "seen": [1]}),
        json!({"type": "no:such", "id": 2}),
    ] {
        assert_refused(&frame, Some(2), ErrorCode::BadRequest);
    }
}

#[test]
fn a_seen_that_makes_no_sense_is_a_bad_request() {
    for frame in [
        json!({"type": "seen"}),
        json!({"type": "seen", "calls": [1]}),
        json!({"type": "seen", "calls": {}, "missed": "all"}),
        json!({"type": "seen", "calls": {}, "missed": -1}),
        json!({"type": "seen", "calls": {}, "missed": 1.5}),
    ] {
        assert_refused(&frame, None, ErrorCode::BadRequest);
    }
}

/// W3C Trace Context has it so: nobody's call should fail for how they are watched.
#[test]
fn a_traceparent_that_is_none_is_ignored() {
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let told =
        [(json!(good), Some(good)), (json!("00-0-0-01"), None), (json!(7), None), (json!({"a": []}), None)];
    for (said, expected) in told {
        for frame in decode_both(&json!({"type": "call:init", "id": 2, "to": "bob", "traceparent": said})) {
            let Ok(ClientFrame::Request(Request { body: Body::Init(init), .. })) = frame else {
                panic!("{said}: {frame:?}")
            };
            assert_eq!(init.traceparent.as_ref().map(TraceParent::as_str), expected, "{said}");
        }
    }
}

#[test]
fn a_wrong_id_is_a_bad_request_without_one() {
    for id in [json!("2"), json!(-1), json!(1.5), json!(null), json!([1]), json!({"a": 1})] {
        assert_refused(&json!({"type": "ping", "id": id}), None, ErrorCode::BadRequest);
    }
    assert_refused(&json!({"type": "ping"}), None, ErrorCode::BadRequest);
    assert_refused(&json!({"type": "ping", "id": 0}), Some(0), ErrorCode::BadRequest);
    let too_great = 1_u64 << 53;
    assert_refused(&json!({"type": "ping", "id": too_great}), Some(too_great), ErrorCode::BadRequest);
}

#[test]
fn what_is_too_large_is_told_so() {
    let long = "x".repeat(33_000);
    assert_refused(
        &json!({"type": "webrtc:offer", "id": 2, "call": "p1-x", "sdp": long}),
        Some(2),
        ErrorCode::TooLarge,
    );
    let metadata = json!({"type": "call:init", "id": 2, "to": "bob", "metadata": {"x": "y".repeat(2_048)}});
    assert_refused(&metadata, Some(2), ErrorCode::TooLarge);
    let candidate = json!({"candidate": "y".repeat(2_048)});
    let ice = json!({"type": "webrtc:ice", "id": 2, "call": "p1-x", "candidates": [candidate]});
    assert_refused(&ice, Some(2), ErrorCode::TooLarge);
}

#[test]
fn an_id_that_can_not_be_a_calls_is_no_such_call() {
    for call in ["", "has space", &"x".repeat(65), "{tag}"] {
        assert_refused(&json!({"type": "call:end", "id": 2, "call": call}), Some(2), ErrorCode::NoSuchCall);
    }
}

#[test]
fn what_is_no_map_with_a_type_is_malformed() {
    for frame in
        [json!([]), json!(["ping", 1]), json!(1), json!("ping"), json!(null), json!({}), json!({"type": 1})]
    {
        for result in decode_both(&frame) {
            assert_eq!(result, Err(FrameError::Malformed), "{frame}");
        }
    }
    for (format, bytes) in [
        (Format::Json, &b"{]"[..]),
        (Format::Json, b""),
        (Format::Json, b"{\"type\":\"ping\",\"id\":1} x"),
        (Format::Json, b"\xff\xfe"),
        (Format::MsgPack, b""),
        (Format::MsgPack, b"\xc1"),
        (Format::MsgPack, b"\x82\xa4type\xa4ping\xa2id\x01\x00"),
        (Format::MsgPack, b"\xdf\xff\xff\xff\xff"),
    ] {
        assert_eq!(format.decode(bytes, &Limits::default()), Err(FrameError::Malformed), "{bytes:?}");
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let deep = 30_000;
    let json = format!(
        r#"{{"type":"call:init","id":2,"to":"bob","metadata":{}{}}}"#,
        "[".repeat(deep),
        "]".repeat(deep)
    );
    assert!(Format::Json.decode(json.as_bytes(), &Limits::default()).is_err());
    let mut msgpack = b"\x84\xa4type\xa9call:init\xa2id\x02\xa2to\xa3bob\xa8metadata".to_vec();
    msgpack.extend(std::iter::repeat_n(0x91, deep));
    msgpack.push(0xc0);
    assert!(Format::MsgPack.decode(&msgpack, &Limits::default()).is_err());
}

#[test]
fn messages_do_not_repeat_what_the_client_said() {
    let secret = "my-secret-token";
    for frame in [
        json!({"type": "hello", "id": 1, "token": [secret]}),
        json!({"type": "webrtc:offer", "id": 1, "call": "p1-x", "sdp": {"v": secret}}),
    ] {
        for result in decode_both(&frame) {
            assert!(!format!("{result:?}").contains(secret), "{result:?}");
        }
    }
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        for format in [Format::Json, Format::MsgPack] {
            let _ = format.decode(&bytes, &Limits::default());
        }
    }

    /// Candidates and metadata come out as they went in: the text in JSON, the value in MessagePack.
    #[test]
    fn what_passes_through_is_unread(text in "\\PC{0,40}", number in any::<i32>(), flag in any::<bool>()) {
        let value = json!({"candidate": text, "n": number, "x": [flag, null]});
        let frame = json!({"type": "call:report", "id": 1, "call": "p1-x", "stats": value});
        for result in decode_both(&frame) {
            let ringback_wire::ClientFrame::Request(request) = result.unwrap() else { panic!("not a request") };
            let ringback_wire::Body::Act(_, ringback_call::Action::Report(stats)) = request.body else { panic!() };
            prop_assert_eq!(serde_json::from_str::<Value>(stats.as_str()).unwrap(), value.clone());
        }
    }
}

//! What a client attaches is told the other side as it is, whichever formats the two speak.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use ringback_call::{DeviceId, Endpoint, Event, Timestamp, UserId};
use ringback_wire::{Body, ClientFrame, EventFrame, Format, Init, Limits, Request, ServerFrame};
use serde_json::{Value, json};

/// What the callee is told of metadata, in MessagePack.
fn told(init: &[u8], format: Format) -> Value {
    let frame = format.decode(init, &Limits::default()).unwrap();
    let ClientFrame::Request(Request { body: Body::Init(Init { media, metadata, .. }), .. }) = frame else {
        panic!("{frame:?}")
    };
    let from = Endpoint { user: UserId::new("alice").unwrap(), device: DeviceId::new("phone").unwrap() };
    let event = Event::Incoming { from, media, metadata };
    let call = ringback_call::CallId::new("p0-1").unwrap();
    let frame = ServerFrame::Event(EventFrame { call, seq: 1, at: Timestamp(1), event });
    let written = Format::MsgPack.encode(&frame).unwrap();
    rmp_serde::from_slice::<Value>(&written).unwrap()["metadata"].clone()
}

#[test]
fn numbers_keep_their_last_digit() {
    for number in [1.234_567_890_123_456_7e-300, 2.225_073_858_5e-308, 0.1, 1e22, f64::MAX] {
        let init = json!({"type": "call:init", "id": 1, "to": "bob", "metadata": number});
        let json = told(init.to_string().as_bytes(), Format::Json);
        let packed = told(&rmp_serde::to_vec_named(&init).unwrap(), Format::MsgPack);
        assert_eq!((json.as_f64(), packed.as_f64()), (Some(number), Some(number)));
    }
}

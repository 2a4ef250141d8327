//! The frames that the golden files hold, as values. Objects that pass through have their keys in alphabetical
//! order, since the test's own reader sorts them.

mod server;

use std::collections::BTreeMap;

use ringback_call::{
    Action, CallId, Candidate, DeviceId, EndRequest, Media, Metadata, RejectReason, RequestId, Sdp,
    SessionId, Stats, Timestamp, TraceParent, UserId,
};
use ringback_wire::{Body, ClientFrame, ClientInfo, Hello, Init, Request, Seen, SeenMap};

pub(crate) use server::server;

pub(crate) fn call() -> CallId {
    CallId::new("p7-0123456789abcdef").unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn device(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

fn seen(seq: u64) -> SeenMap {
    BTreeMap::from([(call(), seq)])
}

fn request(id: u64, body: Body) -> ClientFrame {
    ClientFrame::Request(Request { id: RequestId(id), seen: SeenMap::new(), body })
}

fn act(id: u64, action: Action) -> ClientFrame {
    request(id, Body::Act(call(), action))
}

/// What the golden file of this name stands for.
pub(crate) fn client(name: &str) -> Option<ClientFrame> {
    Some(match name {
        "hello" => ClientFrame::Hello(Box::new(Hello {
            id: RequestId(1),
            token: "eyJhbGciOi.eyJzdWIi.c2ln".to_owned(),
            device: Some(device("d-7f")),
            session: Some(SessionId::new("5e55").unwrap()),
            seen: seen(12),
            missed: None,
            warn_expiry_ms: None,
            client: Some(ClientInfo { name: "ringback-js".to_owned(), version: "1.0.0".to_owned() }),
        })),
        "hello_bare" => ClientFrame::Hello(Box::new(Hello {
            id: RequestId(1),
            token: "alice".to_owned(),
            device: None,
            session: None,
            seen: SeenMap::new(),
            missed: None,
            warn_expiry_ms: None,
            client: None,
        })),
        "hello_missed" => ClientFrame::Hello(Box::new(Hello {
            id: RequestId(1),
            token: "alice".to_owned(),
            device: Some(device("d-7f")),
            session: None,
            seen: SeenMap::new(),
            missed: Some(Timestamp(0)),
            warn_expiry_ms: None,
            client: None,
        })),
        "hello_warn_expiry" => ClientFrame::Hello(Box::new(Hello {
            id: RequestId(1),
            token: "alice".to_owned(),
            device: Some(device("d-7f")),
            session: None,
            seen: SeenMap::new(),
            missed: None,
            warn_expiry_ms: Some(60_000),
            client: None,
        })),
        "seen" => ClientFrame::Seen(Seen { calls: seen(12), missed: None }),
        "seen_missed" => {
            ClientFrame::Seen(Seen { calls: SeenMap::new(), missed: Some(Timestamp(1_790_000_000_000)) })
        }
        "ping" => request(9_007_199_254_740_991, Body::Ping),
        "token" => request(3, Body::Token("t".to_owned())),
        "call_init" => request(
            4,
            Body::Init(Init {
                to: user("bob"),
                media: Media { audio: true, video: true },
                metadata: Some(Metadata::new(r#"{"n":[1,-2,0.5,null,true],"subject":"Zoë"}"#)),
                traceparent: None,
            }),
        ),
        "call_init_bare" => request(
            4,
            Body::Init(Init {
                to: user("bob"),
                media: Media::default(),
                metadata: None,
                traceparent: TraceParent::new("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").ok(),
            }),
        ),
        "call_ringing" => act(5, Action::Ringing),
        "call_accept" => ClientFrame::Request(Request {
            id: RequestId(6),
            seen: seen(1),
            body: Body::Act(call(), Action::Accept),
        }),
        "call_reject" => act(7, Action::Reject(RejectReason::Rejected)),
        "call_reject_busy" => act(7, Action::Reject(RejectReason::Busy)),
        "call_end" => act(8, Action::End(EndRequest::Hangup)),
        "call_end_ice_failed" => act(8, Action::End(EndRequest::IceFailed)),
        "webrtc_offer" => act(9, Action::Offer(Sdp::new("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n"))),
        "webrtc_answer" => act(10, Action::Answer { sdp: Sdp::new("v=0\r\n"), offer: Some(12) }),
        "webrtc_answer_bare" => act(10, Action::Answer { sdp: Sdp::new("v=0\r\n"), offer: None }),
        "webrtc_ice" => act(
            11,
            Action::Ice(vec![
                Candidate::new(
                    r#"{"candidate":"candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host","sdpMLineIndex":0,"sdpMid":"0","usernameFragment":"Fq3k"}"#,
                ),
                Candidate::new("null"),
            ]),
        ),
        "call_connected" => act(12, Action::Connected),
        "call_report" => act(13, Action::Report(Stats::new(r#"{"pair":["host","relay"],"rtt_ms":41}"#))),
        _ => return None,
    })
}

//! Every frame a server sends, once.

use ringback_call::{
    Candidate, Detail, EndReason, Endpoint, Event, Media, Metadata, NodeId, PeerStatus, RequestId, Sdp,
    SessionId, Side, StateName, Timestamp,
};
use ringback_wire::{
    Ack, ErrorCode, ErrorFrame, EventFrame, Goaway, HelloAck, IceServer, MissedCall, MissedFrame, PeerRef,
    ServerFrame, Snapshot, TokenExpiring,
};

use super::{call, device, user};

fn bob() -> Endpoint {
    Endpoint { user: user("bob"), device: device("d-b2") }
}

fn event(seq: u64, event: Event) -> ServerFrame {
    ServerFrame::Event(EventFrame { call: call(), seq, at: Timestamp(1_790_000_000_000), event })
}

fn ice_servers() -> Vec<IceServer> {
    let stun =
        IceServer { urls: vec!["stun:stun.example.org:3478".to_owned()], username: None, credential: None };
    let turn = IceServer {
        urls: vec![
            "turn:turn.example.org:3478".to_owned(),
            "turns:turn.example.org:5349?transport=tcp".to_owned(),
        ],
        username: Some("1790086400:user~1234abcd".to_owned()),
        credential: Some("bm90IGEgcmVhbCBvbmU=".to_owned()),
    };
    vec![stun, turn]
}

pub(crate) fn server() -> Vec<(&'static str, ServerFrame)> {
    let mut frames = replies();
    frames.extend(events());
    frames
}

fn replies() -> Vec<(&'static str, ServerFrame)> {
    let snapshot = Snapshot {
        call: call(),
        state: StateName::Connected,
        role: Side::Callee,
        peer: PeerRef::from(bob()),
        media: Media { audio: true, video: false },
        created_at: Timestamp(1_789_999_999_000),
        seq: 12,
    };
    let hello = HelloAck {
        id: RequestId(1),
        session: SessionId::new("5e55").unwrap(),
        resumed: false,
        user: user("alice"),
        device: device("d-7f"),
        node: NodeId::new("gw-2").unwrap(),
        heartbeat_ms: 20_000,
        token_expires_at: Some(Timestamp(1_790_000_000_000)),
        ice_servers: ice_servers(),
        calls: vec![snapshot],
    };
    let done = Ack::done(RequestId(4));
    let error = |code, message: &str| ErrorFrame::new(Some(5), code, message);
    vec![
        ("ack_hello", ServerFrame::Hello(Box::new(hello))),
        ("ack", ServerFrame::Ack(done.clone())),
        ("ack_init", ServerFrame::Ack(Ack::of(RequestId(4), ringback_call::Ack::Placed(call())))),
        ("ack_glare", ServerFrame::Ack(Ack::of(RequestId(4), ringback_call::Ack::Merged(call())))),
        (
            "ack_already",
            ServerFrame::Ack(Ack::of(
                RequestId(4),
                ringback_call::Ack::Already(EndReason::AnsweredElsewhere),
            )),
        ),
        ("ack_ping", ServerFrame::Ack(Ack { at: Some(Timestamp(1_790_000_000_000)), ..done.clone() })),
        (
            "ack_token",
            ServerFrame::Ack(Ack {
                token_expires_at: Some(Timestamp(1_790_000_000_000)),
                ice_servers: ice_servers(),
                ..done
            }),
        ),
        ("error", ServerFrame::Error(error(ErrorCode::NoSuchCall, "no such call"))),
        (
            "error_invalid_state",
            ServerFrame::Error(ErrorFrame {
                state: Some(StateName::Ringing),
                ..error(ErrorCode::InvalidState, "not valid in state ringing, or not from this side")
            }),
        ),
        (
            "error_unavailable",
            ServerFrame::Error(error(ErrorCode::Unavailable, "send it again").retry_after(500)),
        ),
        (
            "error_without_id",
            ServerFrame::Error(ErrorFrame::new(None, ErrorCode::BadRequest, "unknown type")),
        ),
        (
            "missed",
            ServerFrame::Missed(MissedFrame {
                calls: vec![MissedCall {
                    call: call(),
                    from: bob().into(),
                    media: Media { audio: true, video: true },
                    at: Timestamp(1_790_000_000_000),
                    ended_at: Timestamp(1_790_000_045_000),
                    reason: EndReason::NoAnswer,
                }],
                until: Timestamp(1_790_000_045_003),
                more: false,
            }),
        ),
        (
            "token_expiring",
            ServerFrame::TokenExpiring(TokenExpiring { expires_at: Timestamp(1_790_000_000_000) }),
        ),
        ("goaway", ServerFrame::Goaway(Goaway { reconnect_after_ms: 1_800, reason: "draining" })),
    ]
}

fn events() -> Vec<(&'static str, ServerFrame)> {
    let incoming =
        |metadata| Event::Incoming { from: bob(), media: Media { audio: true, video: true }, metadata };
    let ended = Event::Ended {
        reason: EndReason::Hangup,
        by: Some(bob()),
        duration_ms: Some(61_000),
        setup_ms: Some(1_800),
        detail: None,
    };
    let no_answer = Event::Ended {
        reason: EndReason::NoAnswer,
        by: None,
        duration_ms: None,
        setup_ms: None,
        detail: None,
    };
    let denied = Event::Ended {
        reason: EndReason::Denied,
        by: None,
        duration_ms: None,
        setup_ms: None,
        detail: Detail::new("blocked").ok(),
    };
    let candidates =
        vec![Candidate::new(r#"{"candidate":"candidate:1","sdpMid":"0"}"#), Candidate::new("null")];
    vec![
        ("call_incoming", event(1, incoming(Some(Metadata::new(r#"{"subject":"Zoë"}"#))))),
        ("call_incoming_bare", event(1, incoming(None))),
        ("call_ringing", event(2, Event::Ringing)),
        ("call_accepted", event(3, Event::Accepted { by: bob() })),
        ("webrtc_offer", event(4, Event::Offer(Sdp::new("v=0\r\ns=-\r\n")))),
        ("webrtc_answer", event(5, Event::Answer(Sdp::new("v=0\r\n")))),
        ("webrtc_ice", event(6, Event::Ice(candidates))),
        ("call_connected", event(7, Event::Connected { setup_ms: 1_800 })),
        ("call_peer", event(8, Event::Peer(PeerStatus::Reconnecting))),
        ("call_peer_back", event(8, Event::Peer(PeerStatus::Back))),
        ("call_peer_restarted", event(8, Event::Peer(PeerStatus::Restarted))),
        ("call_ended", event(9, ended)),
        ("call_ended_no_answer", event(9, no_answer)),
        ("call_ended_denied", event(9, denied)),
    ]
}

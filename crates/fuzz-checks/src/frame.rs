//! A client's frame, in either format: reading it fails properly or gives something that can be written, read again, and passed on.

use ringback_call::{
    Action, CallId, Candidate, DeviceId, Endpoint, Event, Media, Metadata, Sdp, Timestamp, UserId,
};
use ringback_wire::{
    Body, ClientFrame, ErrorCode, ErrorFrame, EventFrame, Format, FrameError, Init, Limits, Request,
    ServerFrame,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::writer;

/// Small, so that small inputs are too large.
const LIMITS: Limits = Limits {
    frame_bytes: 64 * 1024,
    sdp_bytes: 256,
    metadata_bytes: 128,
    candidate_bytes: 64,
    report_bytes: 128,
    token_bytes: 64,
    seen_calls: 4,
};

/// What is said in a frame may be as many times as large, read: a byte of MessagePack is `false,` in JSON, nine are a number
/// of 24 digits, and one of a byte string `255,`.
const GROWTH: usize = 8;

/// A frame in JSON.
pub fn json(bytes: &[u8]) {
    check(Format::Json, bytes);
}

/// A frame in MessagePack.
pub fn msgpack(bytes: &[u8]) {
    check(Format::MsgPack, bytes);
}

fn check(format: Format, bytes: &[u8]) {
    match format.decode(bytes, &LIMITS) {
        Ok(frame) => {
            is_bounded(&frame, bytes.len());
            comes_back(format, &frame);
            can_be_passed_on(&frame);
        }
        Err(FrameError::Malformed) => {}
        Err(FrameError::Refused { id, code, message }) => {
            let codes = [ErrorCode::BadRequest, ErrorCode::TooLarge, ErrorCode::NoSuchCall];
            assert!(codes.contains(&code), "{code:?}");
            // A message may quote what it does not understand, once or twice.
            assert!(message.len() <= 256 + 8 * bytes.len(), "{} bytes say what is wrong", message.len());
            let error = ServerFrame::Error(ErrorFrame::new(id, code, message));
            for format in [Format::Json, Format::MsgPack] {
                let written = format.encode(&error).expect("an error can be written");
                let _: Value = read_packed_or_json(format, &written);
            }
        }
    }
}

fn read_packed_or_json<T: for<'de> Deserialize<'de>>(format: Format, bytes: &[u8]) -> T {
    match format {
        Format::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        Format::MsgPack => rmp_serde::from_slice(bytes).map_err(|error| error.to_string()),
    }
    .expect("a client can read it")
}

fn is_bounded(frame: &ClientFrame, size: usize) {
    let ClientFrame::Request(Request { body, seen, .. }) = frame else {
        if let ClientFrame::Hello(hello) = frame {
            assert!(hello.token.len() <= LIMITS.token_bytes && hello.seen.len() <= LIMITS.seen_calls);
        }
        return;
    };
    assert!(seen.len() <= LIMITS.seen_calls);
    let texts: Vec<(usize, usize)> = match body {
        Body::Token(token) => vec![(token.len(), LIMITS.token_bytes)],
        Body::Init(Init { metadata: Some(text), .. }) => {
            vec![(text.as_str().len(), LIMITS.metadata_bytes)]
        }
        Body::Act(_, Action::Offer(sdp) | Action::Answer { sdp, .. }) => {
            vec![(sdp.as_str().len(), LIMITS.sdp_bytes)]
        }
        Body::Act(_, Action::Ice(all)) => {
            all.iter().map(|one| (one.as_str().len(), LIMITS.candidate_bytes)).collect()
        }
        Body::Act(_, Action::Report(stats)) => vec![(stats.as_str().len(), LIMITS.report_bytes)],
        Body::Ping | Body::Init(_) | Body::Act(..) => Vec::new(),
    };
    assert!(texts.iter().all(|(length, most)| length <= most), "over a limit: {texts:?}");
    let read: usize = texts.iter().map(|(length, _)| length).sum();
    assert!(read <= GROWTH * size, "{size} bytes became {read}");
}

/// Written again in its own format it is the same, and in the other it means the same.
fn comes_back(format: Format, frame: &ClientFrame) {
    // As JSON text may become longer when it was MessagePack in between, the limits are not asked again.
    let limits = Limits {
        sdp_bytes: usize::MAX,
        metadata_bytes: usize::MAX,
        candidate_bytes: usize::MAX,
        report_bytes: usize::MAX,
        ..LIMITS
    };
    for other in [Format::Json, Format::MsgPack] {
        let written = writer::write(other, frame);
        let read = other.decode(&written, &limits);
        let read = read.unwrap_or_else(|error| panic!("what was written as {other:?} is refused: {error}"));
        if other == format {
            assert_eq!(shown(&read), shown(frame), "written as {other:?} it is not the same");
            assert!(read == *frame, "written as {other:?} it is not the same");
        }
        let (before, after) = (texts(frame), texts(&read));
        assert_eq!(before, after, "written as {other:?} it does not mean the same");
        assert!(bare(read) == bare(frame.clone()), "written as {other:?} it is another");
    }
}

/// A frame with its texts, which do not print by themselves.
fn shown(frame: &ClientFrame) -> String {
    format!("{frame:?} {:?}", raw_texts(frame))
}

/// The JSON texts in a frame.
fn raw_texts(frame: &ClientFrame) -> Vec<&str> {
    let ClientFrame::Request(Request { body, .. }) = frame else { return Vec::new() };
    match body {
        Body::Init(Init { metadata: Some(text), .. }) => vec![text.as_str()],
        Body::Act(_, Action::Ice(all)) => all.iter().map(Candidate::as_str).collect(),
        Body::Act(_, Action::Report(stats)) => vec![stats.as_str()],
        _ => Vec::new(),
    }
}

/// What they mean.
fn texts(frame: &ClientFrame) -> Vec<Value> {
    raw_texts(frame).into_iter().map(|text| serde_json::from_str(text).expect("it is JSON")).collect()
}

/// A frame without its JSON texts.
fn bare(mut frame: ClientFrame) -> ClientFrame {
    if let ClientFrame::Request(Request { body, .. }) = &mut frame {
        match body {
            Body::Init(init) => init.metadata = None,
            Body::Act(_, action @ Action::Ice(_)) => *action = Action::Ice(Vec::new()),
            Body::Act(_, action @ Action::Report(_)) => {
                *action = Action::Report(ringback_call::Stats::new(""))
            }
            _ => {}
        }
    }
    frame
}

#[derive(Deserialize)]
struct SaidInJson {
    metadata: Option<Box<RawValue>>,
    sdp: Option<String>,
    candidates: Option<Vec<Box<RawValue>>>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Said {
    metadata: Option<Value>,
    sdp: Option<String>,
    candidates: Option<Vec<Value>>,
}

/// Whoever it is for is told it, in whatever format, and is told the same.
fn can_be_passed_on(frame: &ClientFrame) {
    let ClientFrame::Request(Request { body, .. }) = frame else { return };
    let Some(event) = event(body) else { return };
    let frame = ServerFrame::Event(EventFrame { call: call(), seq: 1, at: Timestamp(1), event });
    let write = |format: Format| format.encode(&frame).expect("what was taken can be passed on");
    let json: SaidInJson = read_packed_or_json(Format::Json, &write(Format::Json));
    let packed: Said = read_packed_or_json(Format::MsgPack, &write(Format::MsgPack));
    let value = |text: Box<RawValue>| serde_json::from_str::<Value>(text.get()).expect("it is JSON");
    let json = Said {
        metadata: json.metadata.map(value),
        sdp: json.sdp,
        candidates: json.candidates.map(|all| all.into_iter().map(value).collect()),
    };
    assert_eq!(json, packed, "it depends on the format what is said");
}

fn call() -> CallId {
    CallId::new("p0-1").expect("a call id")
}

/// What the other side is told.
fn event(body: &Body) -> Option<Event> {
    Some(match body {
        Body::Init(Init { media, metadata, .. }) => incoming(*media, metadata.clone()),
        Body::Act(_, Action::Offer(sdp)) => Event::Offer(Sdp::clone(sdp)),
        Body::Act(_, Action::Answer { sdp, .. }) => Event::Answer(Sdp::clone(sdp)),
        Body::Act(_, Action::Ice(candidates)) => Event::Ice(candidates.clone()),
        _ => return None,
    })
}

fn incoming(media: Media, metadata: Option<Metadata>) -> Event {
    let user = UserId::new("alice").expect("a user id");
    let device = DeviceId::new("phone").expect("a device id");
    Event::Incoming { from: Endpoint { user, device }, media, metadata }
}

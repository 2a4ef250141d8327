//! Whatever a store is given or gives may come to stand in a log: its `Debug` says nothing of people.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Debug;

use bytes::Bytes;
use ringback_call::{
    Audience, CallId, Candidate, ConnectionId, DeviceId, Endpoint, Event, Media, Metadata, NodeId, Opening,
    Origin, RequestId, Rules, Sdp, SessionId, Side, Timestamp, UserId,
};
use ringback_store::{
    BusEvent, Claim, Collected, Commit, Committed, DeadLetter, Ended, Enlisted, Entry, Greeted, Letter,
    Listed, Log, LogBounds, LogEntry, LogPage, LogPlace, Missed, Outgoing, Pair, Position, Registered,
    Retention, Route, Stored, UserRecord, Version,
    record::{Direct, Document, Envelope, Measured, SessionNotes},
};

const MARKER: &str = "marker";

fn body() -> Bytes {
    Bytes::from_static(MARKER.as_bytes())
}

fn call() -> CallId {
    CallId::new(MARKER).unwrap()
}

fn user() -> UserId {
    UserId::new(MARKER).unwrap()
}

fn device() -> DeviceId {
    DeviceId::new(MARKER).unwrap()
}

/// Nodes are no secret.
fn node() -> NodeId {
    NodeId::new("gw-1").unwrap()
}

fn stored() -> Stored {
    Stored { version: Version::NONE.next(b"x"), document: body() }
}

fn commit() -> Commit {
    Commit {
        call: call(),
        expected: Version::NONE,
        version: Version::NONE.next(b"x"),
        document: body(),
        ttl_ms: 1,
        deadline: Some(Timestamp(1)),
        renews: true,
        pair: Pair::of(&user(), &user()),
        claim: Claim::After(call()),
        entries: vec![Entry { log: Log::Mailbox(Side::Caller), seq: 1, body: body(), nodes: vec![node()] }],
        trims: vec![(Log::Notes, 1..=2)],
        outgoing: Outgoing { letters: vec![body()], retention: Retention::default() },
    }
}

fn user_record() -> UserRecord {
    UserRecord {
        routes: vec![(device(), Route { node: node(), connection: ConnectionId(1) })],
        calls: vec![Listed { call: call(), at: Timestamp(1) }],
    }
}

fn document() -> Document {
    let link = ringback_call::Link { node: node(), connection: ConnectionId(1) };
    let session = SessionId::new(MARKER).unwrap();
    let opening = Opening {
        id: call(),
        from: Origin { user: user(), device: device(), session, link, seen: 0 },
        request: RequestId(1),
        to: UserId::new("marker-2").unwrap(),
        media: Media::default(),
        metadata: Some(Metadata::new(MARKER)),
        traceparent: None,
        granted: true,
        at: Timestamp(1),
    };
    Document { call: Rules::default().open(&opening).unwrap().next.unwrap(), ancestors: vec![1] }
}

fn envelope(event: Event) -> Envelope {
    Envelope {
        call: call(),
        version: Version::NONE,
        side: Side::Caller,
        seq: 1,
        at: Timestamp(1),
        user: user(),
        to: Audience::All,
        event,
    }
}

fn everything() -> Vec<Box<dyn Debug>> {
    let letter = || Letter { position: Position::START, body: body() };
    let bounds = LogBounds { entries: 1, age_ms: 1 };
    let ended = LogEntry { record: body(), missed: true, bounds };
    let place = LogPlace { ended_at: Timestamp(1), call: call() };
    let direct = Direct::Replaced { user: user(), device: device(), connection: ConnectionId(1) };
    let incoming = Event::Incoming {
        from: Endpoint { user: user(), device: device() },
        media: Media::default(),
        metadata: Some(Metadata::new(MARKER)),
    };
    vec![
        Box::new(stored()),
        Box::new(commit()),
        Box::new(Committed::Conflict(Some(stored()))),
        Box::new(Committed::PairTaken { call: call(), stored: Some(stored()) }),
        Box::new(Ended { at: Timestamp(1), keep_ms: 1, log: Some(ended.clone()) }),
        Box::new(ended),
        Box::new(LogPage { before: Some(place.clone()), since: Timestamp(1), limit: 1 }),
        Box::new(place),
        Box::new(Missed { records: vec![body()], until: Timestamp(1) }),
        Box::new(Greeted { notes: Some(body()), now_us: 1 }),
        Box::new(BusEvent::Entry { body: body(), document: Some(body()) }),
        Box::new(BusEvent::Direct(body())),
        Box::new(BusEvent::Missed(vec![call()])),
        Box::new(letter()),
        Box::new(DeadLetter { letter: letter(), why: "status 500".to_owned() }),
        Box::new(Collected::Ours { anew: true, letters: vec![letter()], pending_after: None, lost: 0 }),
        Box::new(user_record()),
        Box::new(Enlisted::Full(user_record())),
        Box::new(Registered::TooMany(user_record())),
        Box::new(document()),
        Box::new(envelope(incoming)),
        Box::new(envelope(Event::Offer(Sdp::new(MARKER)))),
        Box::new(envelope(Event::Ice(vec![Candidate::new(MARKER)]))),
        Box::new(SessionNotes { told: vec![(call(), 1)] }),
        Box::new(Measured::Delivered(Side::Caller, 1, device(), 1)),
        Box::new(direct),
        Box::new(Direct::Returned { user: user(), call: call() }),
    ]
}

#[test]
fn what_a_store_is_given_and_gives_prints_nothing_private() {
    // Bytes that are no text print as numbers: of those the marker's would be these.
    let numbers = format!("{:?}", MARKER.as_bytes());
    for value in everything() {
        for printed in [format!("{value:?}"), format!("{value:#?}")] {
            assert!(!printed.contains(MARKER), "{printed}");
            assert!(!printed.contains(numbers.trim_matches(['[', ']'])), "{printed}");
        }
    }
}

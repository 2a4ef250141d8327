//! Two calls, and all that is stored of them.

use ringback_call::{
    Action, Admission, Call, CallId, CallRecord, Candidate, Command, ConnectionId, DeviceId, EndRequest,
    Input, Leg, Link, Media, Metadata, NodeId, Note, Opening, Origin, RequestId, Rules, Sdp, SessionId, Side,
    Stats, Terms, Timestamp, TraceParent, UserId,
};
use ringback_store::{
    Version,
    record::{Document, Envelope, Measured, NoteRecord, SessionNotes},
};

const START: u64 = 1_790_000_000_000;

fn origin(user: &str, device: &str, connection: u64) -> Origin {
    Origin {
        user: UserId::new(user).unwrap(),
        device: DeviceId::new(device).unwrap(),
        session: SessionId::new(format!("s-{user}-{device}")).unwrap(),
        link: Link { node: NodeId::new("gw-1.0badcafe").unwrap(), connection: ConnectionId(connection) },
        seen: 0,
    }
}

/// What was stored, change by change.
struct Story {
    documents: Vec<(&'static str, Document)>,
    envelopes: Vec<Envelope>,
    notes: Vec<NoteRecord>,
    version: Version,
    now: u64,
    asked: u64,
}

impl Story {
    fn begins() -> Self {
        let opening = Opening {
            id: CallId::new("p7-3296fa776c6752bba1c507de29fc335a").unwrap(),
            from: origin("alice", "desk", 1),
            request: RequestId(1),
            to: UserId::new("bob").unwrap(),
            media: Media { audio: true, video: true },
            metadata: Some(Metadata::new(r#"{"order":7}"#)),
            traceparent: TraceParent::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").ok(),
            granted: true,
            at: Timestamp(START),
        };
        let decision = Rules::default().open(&opening).unwrap();
        let mut story = Self {
            documents: Vec::new(),
            envelopes: Vec::new(),
            notes: Vec::new(),
            version: Version::NONE,
            now: START,
            asked: 1,
        };
        story.stored("placed", decision);
        story
    }

    fn call(&self) -> &Call {
        &self.documents.last().unwrap().1.call
    }

    fn happens(&mut self, name: &'static str, input: Input) {
        self.now += 250;
        let command = Command { at: Timestamp(self.now), input };
        let decision = Rules::default().decide(self.call(), &command).unwrap();
        self.stored(name, decision);
    }

    fn ask(&mut self, name: &'static str, from: &Origin, action: Action) {
        self.asked += 1;
        let id = Some(RequestId(self.asked));
        self.happens(name, Input::Request { from: from.clone(), id, action });
    }

    fn stored(&mut self, name: &'static str, decision: ringback_call::Decision) {
        let call = decision.next.unwrap();
        let document = match self.documents.last() {
            Some((_, before)) => before.succeeded_by(self.version, call),
            None => Document { call, ancestors: Vec::new() },
        };
        // Any bytes will do: a golden version is not to change with the document.
        self.version = self.version.next(name.as_bytes());
        let (call, at) = (&document.call, Timestamp(self.now));
        let said = decision.deliveries.into_iter();
        self.envelopes.extend(said.map(|delivery| Envelope::of(call, self.version, at, delivery)));
        self.notes.extend(decision.notes.into_iter().map(|note| note_record(at, note)));
        self.documents.push((name, document));
    }
}

fn note_record(at: Timestamp, note: Note) -> NoteRecord {
    let device = DeviceId::new("desk").unwrap();
    let measured = vec![Measured::Stored(3, 850), Measured::Delivered(Side::Caller, 2, device, 4)];
    NoteRecord { at, node: NodeId::new("gw-1.0badcafe").unwrap(), note, queued_us: Some(120), measured }
}

fn rings(on: &[&Origin]) -> Input {
    let legs = on.iter().map(|to| Leg::present(to.device.clone(), to.link.clone())).collect();
    Input::Admission(Admission::Allowed { legs, others: Vec::new(), terms: Terms::default() })
}

/// One that is answered by one of two devices, goes through everything, and is hung up.
fn answered() -> Story {
    let (alice, bob, tablet) =
        (origin("alice", "desk", 1), origin("bob", "phone", 2), origin("bob", "tablet", 3));
    let mut story = Story::begins();
    story.happens("ringing", rings(&[&bob, &tablet]));
    story.ask("alerted", &bob, Action::Ringing);
    story.ask("accepted", &bob, Action::Accept);
    let host = r#"{"candidate":"candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host","sdpMid":"0"}"#;
    story.ask("held", &alice, Action::Ice(vec![Candidate::new(host)]));
    story.ask("offered", &alice, Action::Offer(Sdp::new("v=0 offer")));
    story.ask("negotiated", &bob, Action::Answer { sdp: Sdp::new("v=0 answer"), offer: None });
    story.ask("gathered", &bob, Action::Ice(vec![Candidate::new(host), Candidate::new("null")]));
    story.ask("half", &alice, Action::Connected);
    story.ask("connected", &bob, Action::Connected);
    story.ask("reported", &bob, Action::Report(Stats::new(r#"{"rtt_ms":40}"#)));
    let (user, device) = (bob.user.clone(), bob.device.clone());
    let dropped = Input::Dropped { user, device, connection: bob.link.connection, closed: true };
    story.happens("absent", dropped);
    let (user, device) = (bob.user.clone(), bob.device.clone());
    let link = origin("bob", "phone", 4).link;
    story.happens("back", Input::Attached { user, device, link, fresh: false });
    story.ask("over", &alice, Action::End(EndRequest::Hangup));
    story
}

/// One that nobody answers.
fn missed() -> Story {
    let mut story = Story::begins();
    story.happens("unanswered", rings(&[&origin("bob", "phone", 2)]));
    story.ask("missed", &origin("alice", "desk", 1), Action::End(EndRequest::Hangup));
    story
}

pub(super) fn documents() -> Vec<(&'static str, Document)> {
    let kept = ["placed", "ringing", "held", "offered", "connected", "absent", "over"];
    let mut documents = answered().documents;
    documents.retain(|(name, _)| kept.contains(name));
    documents.extend(missed().documents.pop());
    documents
}

pub(super) fn envelopes() -> Vec<Envelope> {
    answered().envelopes
}

pub(super) fn notes() -> Vec<NoteRecord> {
    answered().notes
}

pub(super) fn call_records() -> Vec<(&'static str, CallRecord)> {
    let of = |story: Story| CallRecord::of(story.call()).unwrap();
    vec![("answered", of(answered())), ("missed", of(missed()))]
}

pub(super) fn session() -> SessionNotes {
    SessionNotes { told: vec![(answered().call().id.clone(), 9)] }
}

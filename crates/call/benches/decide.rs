//! One decision of each frequent kind, on a call as it is in practice: ids of a real length, a description of 3 KB.
//! A decision is what a commit does between reading a document and writing it; the rest of a commit is the store's.
#![allow(clippy::unwrap_used, reason = "a benchmark has nobody to return an error to")]
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ringback_call::{
    Action, Admission, Call, CallId, Candidate, Command, ConnectionId, DeviceId, EndRequest, Input, Leg,
    Link, Media, Metadata, NodeId, Opening, Origin, RequestId, Rules, Sdp, SessionId, Timestamp, UserId,
};

const START: u64 = 1_800_000_000_000;

fn origin(name: &str, node: &str) -> Origin {
    Origin {
        user: UserId::new(format!("{name}-7c9e6679-7425-40de-944b")).unwrap(),
        device: DeviceId::new(format!("d-{name}-e07fc1f90ae7")).unwrap(),
        session: SessionId::new(format!("s-{name}-8a6b2c04d1e94f7a")).unwrap(),
        link: Link { node: NodeId::new(node).unwrap(), connection: ConnectionId(START << 12) },
    }
}

/// As long as what a browser offers for sound and picture.
fn description() -> Sdp {
    let line = "a=rtpmap:96 VP8/90000\r\n";
    Sdp::new(line.repeat(3 * 1024 / line.len()))
}

fn candidate(n: u32) -> Candidate {
    let line = format!("candidate:{n} 1 udp 2113937151 192.0.2.{n} 5000{n} typ host generation 0 ufrag aB3d");
    Candidate::new(format!("{{\"candidate\":\"{line}\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}}"))
}

/// A call on its way, one step at a time.
struct Talk {
    rules: Rules,
    alice: Origin,
    bob: Origin,
    call: Call,
    id: u64,
}

impl Talk {
    fn opening() -> Opening {
        Opening {
            id: CallId::new("p17-01jd8x5w3q6r9t2v4y7z").unwrap(),
            from: origin("alice", "gw-1"),
            request: RequestId(1),
            to: origin("bob", "gw-2").user,
            media: Media { audio: true, video: true },
            metadata: Some(Metadata::new("{\"subject\":\"the quarterly figures\"}")),
            at: Timestamp(START),
        }
    }

    fn ringing() -> Self {
        let rules = Rules::default();
        let call = rules.open(&Self::opening()).unwrap().next.unwrap();
        let (alice, bob) = (origin("alice", "gw-1"), origin("bob", "gw-2"));
        let legs = [&bob, &origin("tablet", "gw-3")].map(|o| Leg::present(o.device.clone(), o.link.clone()));
        let mut talk = Self { rules, alice, bob, call, id: 1 };
        let admission = Admission::Allowed { legs: legs.to_vec(), others: Vec::new() };
        talk.apply(&Command { at: Timestamp(START + 40), input: Input::Admission(admission) });
        talk
    }

    fn accepted() -> Self {
        let mut talk = Self::ringing();
        talk.take(&talk.bob.clone(), Action::Ringing);
        talk.take(&talk.bob.clone(), Action::Accept);
        talk
    }

    fn negotiated() -> Self {
        let mut talk = Self::accepted();
        talk.take(&talk.alice.clone(), Action::Offer(description()));
        talk.take(&talk.bob.clone(), Action::Answer(description()));
        talk
    }

    fn connected() -> Self {
        let mut talk = Self::negotiated();
        talk.take(&talk.alice.clone(), Action::Connected);
        talk.take(&talk.bob.clone(), Action::Connected);
        talk
    }

    fn asks(&mut self, from: &Origin, action: Action) -> Command {
        self.id += 1;
        let input = Input::Request { from: from.clone(), id: Some(RequestId(self.id)), action };
        Command { at: Timestamp(START + self.id * 100), input }
    }

    fn take(&mut self, from: &Origin, action: Action) {
        let command = self.asks(from, action);
        self.apply(&command);
    }

    fn apply(&mut self, command: &Command) {
        self.call = self.rules.decide(&self.call, command).unwrap().next.unwrap();
    }
}

fn decide(c: &mut Criterion) {
    let mut group = c.benchmark_group("decide");
    group.bench_function("init", |b| {
        let (rules, opening) = (Rules::default(), Talk::opening());
        b.iter(|| rules.open(black_box(&opening)).unwrap());
    });
    let bob = |talk: &Talk| talk.bob.clone();
    let alice = |talk: &Talk| talk.alice.clone();
    type Who = fn(&Talk) -> Origin;
    let cases: [(&str, Talk, Who, Action); 7] = [
        ("accept", Talk::ringing(), bob, Action::Accept),
        ("offer", Talk::accepted(), alice, Action::Offer(description())),
        ("ice held", Talk::accepted(), bob, Action::Ice(vec![candidate(1), candidate(2)])),
        ("ice forwarded", Talk::negotiated(), bob, Action::Ice(vec![candidate(1), candidate(2)])),
        ("connected", Talk::negotiated(), alice, Action::Connected),
        ("end", Talk::connected(), bob, Action::End(EndRequest::Hangup)),
        ("refused", Talk::negotiated(), bob, Action::Answer(description())),
    ];
    for (name, mut talk, who, action) in cases {
        let from = who(&talk);
        let command = talk.asks(&from, action);
        group.bench_function(name, |b| {
            b.iter(|| talk.rules.decide(black_box(&talk.call), black_box(&command)))
        });
    }
    let mut talk = Talk::connected();
    let command = talk.asks(&talk.bob.clone(), Action::Offer(description()));
    talk.apply(&command);
    group.bench_function("sent again", |b| {
        b.iter(|| talk.rules.decide(black_box(&talk.call), black_box(&command)).unwrap());
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = decide
}
criterion_main!(benches);

//! One decision of each frequent kind, on a call as it is in practice: ids of a real length, a description of 3 KB.
//! A decision is what a commit does between reading a document and writing it; the rest of a commit is the store's.
//! Criterion tells the time; with `--count`, `scripts/count-instructions` the instructions.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark: nobody to return an error to")]

use std::{hint::black_box, time::Duration};

use criterion::Criterion;
use ringback_call::{
    Action, Admission, Call, CallId, Candidate, Command, ConnectionId, Decision, DeviceId, EndRequest, Input,
    Leg, Link, Media, Metadata, NodeId, Opening, Origin, PerSide, RejectReason, Rejection, RequestId, Rules,
    Sdp, SessionId, Terms, Timestamp, UserId,
};

const START: u64 = 1_800_000_000_000;

fn origin(name: &str, node: &str) -> Origin {
    Origin {
        user: UserId::new(format!("{name}-7c9e6679-7425-40de-944b")).unwrap(),
        device: DeviceId::new(format!("d-{name}-e07fc1f90ae7")).unwrap(),
        session: SessionId::new(format!("s-{name}-8a6b2c04d1e94f7a")).unwrap(),
        link: Link { node: NodeId::new(node).unwrap(), connection: ConnectionId(START << 12) },
        seen: 0,
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
            traceparent: None,
            granted: true,
            at: Timestamp(START),
        }
    }

    fn opened() -> Self {
        let rules = Rules::default();
        let call = rules.open(&Self::opening()).unwrap().next.unwrap();
        let (alice, bob) = (origin("alice", "gw-1"), origin("bob", "gw-2"));
        Self { rules, alice, bob, call, id: 1 }
    }

    fn ringing() -> Self {
        let mut talk = Self::opened();
        talk.apply(&talk.admission());
        talk
    }

    fn accepted() -> Self {
        let mut talk = Self::ringing();
        talk.take(&talk.bob.clone(), Action::Ringing);
        talk.take(&talk.bob.clone(), Action::Accept);
        talk
    }

    fn offered() -> Self {
        let mut talk = Self::accepted();
        talk.take(&talk.alice.clone(), Action::Offer(description()));
        talk
    }

    fn negotiated() -> Self {
        let mut talk = Self::offered();
        talk.take(&talk.bob.clone(), Action::Answer { sdp: description(), offer: None });
        talk
    }

    fn half_connected() -> Self {
        let mut talk = Self::negotiated();
        talk.take(&talk.alice.clone(), Action::Connected);
        talk
    }

    fn connected() -> Self {
        let mut talk = Self::half_connected();
        talk.take(&talk.bob.clone(), Action::Connected);
        talk
    }

    /// Bob is away.
    fn left() -> Self {
        let mut talk = Self::connected();
        talk.apply(&talk.bob_drops());
        talk
    }

    fn asks(&mut self, from: &Origin, action: Action) -> Command {
        self.id += 1;
        let input = Input::Request { from: from.clone(), id: Some(RequestId(self.id)), action };
        Command { at: Timestamp(START + self.id * 100), input }
    }

    /// The callee has two devices.
    fn admission(&self) -> Command {
        let tablet = origin("tablet", "gw-3");
        let legs = [&self.bob, &tablet].map(|o| Leg::present(o.device.clone(), o.link.clone()));
        let admission =
            Admission::Allowed { legs: legs.to_vec(), others: Vec::new(), terms: Terms::default() };
        Command { at: Timestamp(START + 40), input: Input::Admission(admission) }
    }

    fn bob_drops(&self) -> Command {
        let Origin { user, device, link, .. } = self.bob.clone();
        self.later(Input::Dropped { user, device, connection: link.connection, closed: false })
    }

    fn bob_returns(&self) -> Command {
        let Origin { user, device, .. } = self.bob.clone();
        let link =
            Link { node: NodeId::new("gw-4").unwrap(), connection: ConnectionId((START + 9_000) << 12) };
        self.later(Input::Attached { user, device, link, fresh: false })
    }

    /// Bob has all that he was told.
    fn bob_has_seen(&self) -> Command {
        let Origin { user, device, .. } = self.bob.clone();
        self.later(Input::Seen { user, device, seq: self.call.mailboxes.callee.last })
    }

    /// Both devices are still there.
    fn deadline(&self) -> Command {
        let links = PerSide { caller: Some(self.alice.link.clone()), callee: Some(self.bob.link.clone()) };
        let input = Input::Deadline { attendance: links, away_until: None };
        Command { at: self.rules.deadline(&self.call).unwrap(), input }
    }

    fn later(&self, input: Input) -> Command {
        Command { at: Timestamp(START + 8_000), input }
    }

    fn take(&mut self, from: &Origin, action: Action) {
        let command = self.asks(from, action);
        self.apply(&command);
    }

    fn apply(&mut self, command: &Command) {
        self.call = self.rules.decide(&self.call, command).unwrap().next.unwrap();
    }
}

/// What a decision comes to: that a case still does what its name says.
#[derive(Debug, PartialEq)]
enum Outcome {
    Changed,
    Unchanged,
    Refused,
}

impl Outcome {
    fn of(decided: &Result<Decision, Rejection>) -> Self {
        match decided {
            Ok(Decision { next: Some(_), .. }) => Self::Changed,
            Ok(Decision { next: None, .. }) => Self::Unchanged,
            Err(_) => Self::Refused,
        }
    }
}

struct Case {
    name: &'static str,
    decide: Box<dyn Fn() -> Result<Decision, Rejection>>,
}

impl Case {
    fn new(
        name: &'static str,
        outcome: Outcome,
        decide: impl Fn() -> Result<Decision, Rejection> + 'static,
    ) -> Self {
        assert_eq!(Outcome::of(&decide()), outcome, "{name}");
        Self { name, decide: Box::new(decide) }
    }

    fn on(name: &'static str, outcome: Outcome, talk: Talk, command: Command) -> Self {
        Self::new(name, outcome, move || talk.rules.decide(black_box(&talk.call), black_box(&command)))
    }
}

/// In the order of a call.
fn cases() -> Vec<Case> {
    use Outcome::{Changed, Refused, Unchanged};
    type Who = fn(&Talk) -> &Origin;
    let alice: Who = |talk| &talk.alice;
    let bob: Who = |talk| &talk.bob;
    let request = |name, outcome, mut talk: Talk, who: Who, action| {
        let command = talk.asks(&who(&talk).clone(), action);
        Case::on(name, outcome, talk, command)
    };
    let input = |name, talk: Talk, command: fn(&Talk) -> Command| {
        let command = command(&talk);
        Case::on(name, Changed, talk, command)
    };
    let again = || {
        let mut talk = Talk::connected();
        let command = talk.asks(&talk.bob.clone(), Action::Offer(description()));
        talk.apply(&command);
        Case::on("offer, sent again", Unchanged, talk, command)
    };
    let (rules, opening) = (Rules::default(), Talk::opening());
    let two = || Action::Ice(vec![candidate(1), candidate(2)]);
    vec![
        Case::new("init", Changed, move || rules.open(black_box(&opening))),
        input("place", Talk::opened(), Talk::admission),
        request("ringing", Changed, Talk::ringing(), bob, Action::Ringing),
        request("accept", Changed, Talk::ringing(), bob, Action::Accept),
        request("reject", Changed, Talk::ringing(), bob, Action::Reject(RejectReason::Rejected)),
        request("offer", Changed, Talk::accepted(), alice, Action::Offer(description())),
        again(),
        request("answer", Changed, Talk::offered(), bob, Action::Answer { sdp: description(), offer: None }),
        request(
            "answer, refused",
            Refused,
            Talk::negotiated(),
            bob,
            Action::Answer { sdp: description(), offer: None },
        ),
        request("ice, held", Changed, Talk::accepted(), bob, two()),
        request("ice, forwarded", Changed, Talk::negotiated(), bob, two()),
        request("connected, the first", Changed, Talk::negotiated(), alice, Action::Connected),
        request("connected, the second", Changed, Talk::half_connected(), bob, Action::Connected),
        input("seen", Talk::connected(), Talk::bob_has_seen),
        input("device lost", Talk::connected(), Talk::bob_drops),
        input("device back", Talk::left(), Talk::bob_returns),
        input("deadline, call goes on", Talk::connected(), Talk::deadline),
        input("deadline, no answer", Talk::ringing(), Talk::deadline),
        request("end", Changed, Talk::connected(), bob, Action::End(EndRequest::Hangup)),
    ]
}

fn time(cases: &[Case]) {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut group = criterion.benchmark_group("decide");
    for case in cases {
        group.bench_function(case.name, |b| b.iter(&case.decide));
    }
    group.finish();
    criterion.final_summary();
}

const TIMES: u32 = 100;

fn count(cases: &[Case]) {
    for case in cases {
        println!("decision\t{}\tinstructions\t{TIMES}", case.name);
        counted(&case.decide);
    }
}

/// Callgrind counts in here, and nowhere else: `scripts/count-instructions` looks for the name. What a decision
/// gives is thrown away in here too, as in the gateway. The first one, with which a program pays for being started,
/// was when the case was made.
#[inline(never)]
fn counted(decide: &dyn Fn() -> Result<Decision, Rejection>) {
    for _ in 0..TIMES {
        drop(black_box(decide()));
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "--count") {
        count(&cases());
    } else {
        time(&cases());
    }
}

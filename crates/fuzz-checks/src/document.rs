//! A call's document as it is stored: what can be read means the same once it is written, and can be decided on, whatever
//! it says.

use ringback_call::{
    Action, Admission, Attendance, Call, Candidate, Command, ConnectionId, DeviceId, EndRequest, Input, Leg,
    Link, NodeId, Origin, PerSide, RejectReason, RequestId, Rules, Sdp, SessionId, Side, Stats, Terms,
    Timestamp, UserId,
};
use ringback_store::{
    Version,
    record::{self, Document},
};

/// More entries and notes than a call has in a thousand years.
const MANY: u64 = 1 << 50;

/// Takes a document.
pub fn check(bytes: &[u8]) {
    let Ok(document) = record::decode_call(bytes) else { return };
    let call = &document.call;
    comes_back(&document);
    can_be_read(call);
    // Nobody ever gets near the greatest number there may be.
    if Side::BOTH.into_iter().any(|side| call.mailboxes[side].last > MANY)
        || call.notes.max(call.reports) > MANY
    {
        return;
    }
    let version = Version::NONE.next(bytes);
    let rules = Rules::default();
    for command in commands(call) {
        let Ok(decision) = rules.decide(call, &command) else { continue };
        let Some(next) = decision.next else { continue };
        let before = bytes.len();
        let size = comes_back(&document.succeeded_by(version, next));
        assert!(size <= 2 * before + 16 * 1024, "{before} bytes became {size} by one command");
    }
}

/// Written and read again it is the same. Returns its size.
fn comes_back(document: &Document) -> usize {
    let written = record::encode_call(document).expect("what was read can be written");
    let again = record::decode_call(&written).expect("what was written can be read");
    assert!(again == *document, "it does not mean what it did");
    written.len()
}

/// What is asked of a call apart from its rules.
fn can_be_read(call: &Call) {
    for side in Side::BOTH {
        for leg in call.legs(side) {
            let fresh = call.fresh_start(side, &leg.device);
            for (seen, bound) in [(fresh, true), (leg.joined_after, false), (0, true), (u64::MAX, true)] {
                let unread = call.mailboxes[side].unread(seen, bound);
                assert!(unread.is_none_or(|ranges| ranges.iter().all(|range| *range.start() > seen)));
            }
        }
        let _device = call.final_device(side);
    }
    assert!(call.phases().count() <= 4);
    let _deadline = Rules::default().deadline(call);
}

/// One of each kind, by whoever is in the call and by a stranger.
fn commands(call: &Call) -> Vec<Command> {
    let mut inputs = vec![Input::Terminate];
    let node = || NodeId::new("gw-9").expect("a node");
    let stranger = Leg::present(
        DeviceId::new("of-a-stranger").expect("a device"),
        Link { node: node(), connection: ConnectionId(1 << 40) },
    );
    for side in Side::BOTH {
        let leg = call.legs(side).first().unwrap_or(&stranger);
        of_a_device(&mut inputs, call, call.user(side), leg);
    }
    let mallory = UserId::new("mallory").expect("a user");
    of_a_device(&mut inputs, call, &mallory, &stranger);
    let link = |side| call.bound(side).map(|leg| leg.link.clone());
    let attendance: Attendance = PerSide { caller: link(Side::Caller), callee: link(Side::Callee) };
    let terms = Terms { ringing_ms: Some(1_000), duration_ms: None };
    inputs.extend([
        Input::Admission(Admission::Denied { detail: None }),
        Input::Admission(Admission::Allowed { legs: vec![stranger], others: Vec::new(), terms }),
        Input::Deadline { attendance, away_until: None },
        Input::Deadline {
            attendance: PerSide { caller: None, callee: None },
            away_until: Some(call.created_at),
        },
        Input::Rewritten {
            lost: PerSide { caller: Some(1..=2), callee: Some(1..=call.mailboxes[Side::Callee].last) },
            outcome: call.outcome().cloned(),
        },
    ]);
    // At once, after each time limit, and at the end of time.
    let times = [call.created_at, call.created_at.after(100_000), Timestamp(u64::MAX)];
    inputs.into_iter().zip(times.into_iter().cycle()).map(|(input, at)| Command { at, input }).collect()
}

fn of_a_device(inputs: &mut Vec<Input>, call: &Call, user: &UserId, leg: &Leg) {
    let session = SessionId::new("s-1").expect("a session");
    let newest = call.mailboxes[Side::Caller].last;
    let Leg { device, link, .. } = leg;
    let sdp = || Sdp::new("v=0");
    let actions = [
        Action::Init,
        Action::Ringing,
        Action::Accept,
        Action::Reject(RejectReason::Busy),
        Action::End(EndRequest::Hangup),
        Action::Offer(sdp()),
        Action::Answer { sdp: sdp(), offer: Some(newest) },
        Action::Ice(vec![Candidate::new("{}"), Candidate::new("null")]),
        Action::Connected,
        Action::Report(Stats::new("{}")),
    ];
    for (n, action) in (1..).zip(actions) {
        let from = Origin {
            user: user.clone(),
            device: device.clone(),
            session: session.clone(),
            link: link.clone(),
            seen: newest,
        };
        inputs.push(Input::Request { from, id: Some(RequestId(n)), action });
    }
    let newer =
        Link { node: link.node.clone(), connection: ConnectionId(link.connection.0.saturating_add(1)) };
    let (user, device) = (user.clone(), device.clone());
    inputs.extend([
        Input::Dropped {
            user: user.clone(),
            device: device.clone(),
            connection: link.connection,
            closed: true,
        },
        Input::Attached { user: user.clone(), device: device.clone(), link: newer, fresh: true },
        Input::Seen { user, device, seq: newest },
    ]);
}

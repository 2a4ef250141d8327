//! The calls, as a store keeps them, and the devices.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ringback_call::{
    Action, Admission, Call, CallId, Command, Detail, Input, Leg, Opening, PerSide, Rejection, RequestId,
    Rules, Terms, Timestamp,
};
use ringback_session::Step as Asked;
use ringback_store::{
    Pair, Partitions, Version,
    record::{self, Document, Envelope},
};
use ringback_wire::{Ack, ClientFrame, ErrorFrame, Format, Init, Request, Seen, SeenMap, ServerFrame};

use super::{Ask, Fate, How, Step, device::Device, short, words::body};
use crate::writer;

/// Calls there may be: more are not placed.
const CALLS: usize = 6;

/// A call in the store.
pub(super) struct Held {
    /// As it is read from the store.
    pub(super) document: Document,
    pub(super) version: Version,
    /// As it was before.
    pub(super) before: Option<Document>,
    pub(super) mailboxes: PerSide<BTreeMap<u64, Bytes>>,
}

/// All of it.
pub(super) struct World {
    pub(super) rules: Rules,
    pub(super) now: Timestamp,
    pub(super) devices: [Device; 3],
    /// In the order in which they were placed.
    pub(super) ids: Vec<CallId>,
    pub(super) calls: BTreeMap<CallId, Held>,
    /// What came to pass, by its name.
    pub(super) passed: BTreeSet<&'static str>,
}

/// Writes a document, which is the same once it is read.
fn store(document: &Document) -> Bytes {
    let written = record::encode_call(document).expect("it is stored");
    let read = record::decode_call(&written).expect("what was stored can be read");
    assert!(read == *document, "it is not stored as it is");
    written
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            rules: Rules::default(),
            // Long after the devices came.
            now: Timestamp(1_000_000),
            devices: [
                Device::new("alice", "a-1", Format::Json),
                Device::new("bob", "b-1", Format::MsgPack),
                Device::new("bob", "b-2", Format::Json),
            ],
            ids: Vec::new(),
            calls: BTreeMap::new(),
            passed: BTreeSet::new(),
        }
    }

    pub(super) fn take(&mut self, step: Step<'_>) {
        self.now = self.now.after(1);
        match step {
            Step::Say { who, what, how } => self.say(usize::from(who) % 3, &what, &how),
            Step::Babble { who, bytes } => self.receive(usize::from(who) % 3, bytes, false),
            Step::Admit { call, found, limit } => {
                let legs = self.devices.iter().enumerate().filter(|(n, _)| found >> n & 1 == 1);
                let legs = legs.map(|(_, device)| device.identity());
                let legs: Vec<_> =
                    legs.map(|id| (id.user.clone(), id.device.clone(), id.link.clone())).collect();
                self.happens(call, |call| {
                    let of_callee = legs.into_iter().filter(|(user, ..)| *user == call.callee);
                    let legs = of_callee.map(|(_, device, link)| Leg::present(device, link)).collect();
                    let limit = limit.map(|seconds| u64::from(seconds) * 1_000);
                    let terms = Terms { ringing_ms: limit, duration_ms: limit };
                    Input::Admission(Admission::Allowed { legs, others: Vec::new(), terms })
                });
            }
            Step::Deny { call, why } => self.happens(call, |_| {
                let detail = why.then(|| Detail::new("not today").expect("a detail"));
                Input::Admission(Admission::Denied { detail })
            }),
            Step::Hear { who, fate } => self.hear(usize::from(who) % 3, &fate),
            Step::Return { who, fresh } => self.reconnect(usize::from(who) % 3, fresh),
            Step::Drop { who } => self.drop(usize::from(who) % 3),
            Step::Wait { seconds } => self.wait(seconds),
            Step::Terminate { call } => self.happens(call, |_| Input::Terminate),
        }
    }

    /// Everything that is on its way arrives, and all is as it should be. Returns what came to pass.
    pub(super) fn finish(mut self) -> BTreeSet<&'static str> {
        for who in 0..3 {
            while !self.devices[who].inbox.is_empty() {
                self.hear(who, &Fate::Arrives);
            }
            let calls = self.ids.len();
            self.devices[who].is_sound(calls);
        }
        self.passed
    }

    fn id(&self, call: u8) -> Option<&CallId> {
        self.ids.get(usize::from(call) % self.ids.len().max(1))
    }

    fn happens(&mut self, call: u8, input: impl FnOnce(&Call) -> Input) {
        let Some(id) = self.id(call).cloned() else { return };
        let input = input(&self.calls[&id].document.call);
        let _answer = self.apply(&id, &input, false);
    }

    fn say(&mut self, who: usize, what: &Ask, how: &How) {
        let call = self.id(how.call).cloned();
        let call = call.filter(|_| how.call < 200).unwrap_or_else(|| CallId::new("p0-none").expect("an id"));
        let device = &mut self.devices[who];
        device.asked += u64::from(how.step % 4);
        let id = RequestId(device.asked.max(1));
        let seen: SeenMap = how.seen.map(|seq| (call.clone(), u64::from(seq))).into_iter().collect();
        let frame = match what {
            Ask::Seen { seq, missed } => ClientFrame::Seen(Seen {
                calls: [(call, u64::from(*seq))].into(),
                missed: missed.map(|at| Timestamp(u64::from(at))),
            }),
            _ => ClientFrame::Request(Request { id, seen, body: body(what, call) }),
        };
        let mut bytes = writer::write(device.format, &frame);
        if let Some((at, byte)) = how.damage {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        } else {
            let limits = ringback_wire::Limits::default();
            let read = device.format.decode(&bytes, &limits);
            assert!(read.is_ok(), "{} is refused: {read:?}", short(&frame));
        }
        self.receive(who, &bytes, how.stale);
    }

    /// A frame reaches the gateway.
    fn receive(&mut self, who: usize, bytes: &[u8], stale: bool) {
        let device = &mut self.devices[who];
        if !device.is_there {
            return;
        }
        let calls = self.ids.len();
        let asked = device.session.receive(bytes, self.now);
        device.is_sound(calls);
        match asked {
            Asked::Seen => {}
            Asked::Reply(frame) => device.send(&frame),
            Asked::Renew(id, _) => device.send(&ServerFrame::Ack(Ack::done(id))),
            Asked::Close(_) => self.drop(who),
            Asked::Place(id, init) => self.place(who, id, init),
            Asked::Act(id, call, input) => {
                let answer = self.apply(&call, &input, stale);
                self.answer(who, id, answer);
            }
        }
    }

    fn answer(&mut self, who: usize, id: RequestId, answer: Result<ringback_call::Ack, Rejection>) {
        let frame = match answer {
            Ok(ack) => ServerFrame::Ack(Ack::of(id, ack)),
            Err(rejection) => ServerFrame::Error(ErrorFrame::of(id, rejection)),
        };
        self.devices[who].send(&frame);
    }

    fn place(&mut self, who: usize, request: RequestId, init: Init) {
        let from = self.devices[who].identity().origin();
        let pair = Pair::of(&from.user, &init.to);
        let id = Partitions::DEFAULT.call_id(&pair, &from.session, request);
        let live = |id: &&CallId| {
            let call = &self.calls[*id].document.call;
            !call.has_ended() && Pair::of(&call.caller, &call.callee) == pair
        };
        let known = self.calls.contains_key(&id).then_some(&id);
        if let Some(other) = known.or_else(|| self.ids.iter().find(live)).cloned() {
            let input = Input::Request { from, id: Some(request), action: Action::Init };
            let answer = self.apply(&other, &input, false);
            self.name(who, request, answer, true);
            return;
        }
        if self.ids.len() >= CALLS {
            return;
        }
        let Init { to, media, metadata, traceparent } = init;
        let at = self.now;
        let opening =
            Opening { id: id.clone(), from, request, to, media, metadata, traceparent, granted: true, at };
        let decision = match self.rules.open(&opening) {
            Ok(decision) => decision,
            Err(rejection) => return self.answer(who, request, Err(rejection)),
        };
        let call = decision.next.expect("a call that is opened is there");
        let document = Document { call, ancestors: Vec::new() };
        let version = Version::NONE.next(&store(&document));
        let mailboxes = PerSide { caller: BTreeMap::new(), callee: BTreeMap::new() };
        self.calls.insert(id.clone(), Held { document, version, before: None, mailboxes });
        self.ids.push(id);
        self.name(who, request, Ok(decision.ack), false);
    }

    /// The reply to `call:init`, by which the device knows the call.
    fn name(
        &mut self,
        who: usize,
        request: RequestId,
        answer: Result<ringback_call::Ack, Rejection>,
        before: bool,
    ) {
        let named = match &answer {
            Ok(ringback_call::Ack::Placed(call) | ringback_call::Ack::Merged(call)) => Some(call.clone()),
            _ => None,
        };
        self.answer(who, request, answer);
        if let Some(call) = named
            && self.devices[who].session.introduce(&call, before)
        {
            self.catch_up(who, &call);
        }
    }

    /// Decides, stores and publishes.
    pub(super) fn apply(
        &mut self,
        id: &CallId,
        input: &Input,
        stale: bool,
    ) -> Result<ringback_call::Ack, Rejection> {
        let Some(held) = self.calls.get_mut(id) else { return Err(Rejection::NoSuchCall) };
        let command = Command { at: self.now, input: input.clone() };
        if let Some(before) = held.before.as_ref().filter(|_| stale) {
            // What is decided on it is not stored: the store has another version.
            self.passed.insert("stale");
            let _conflict = self.rules.decide(&before.call, &command);
        }
        let decision = self.rules.decide(&held.document.call, &command)?;
        let Some(next) = decision.next else { return Ok(decision.ack) };
        let next = held.document.succeeded_by(held.version, next);
        self.passed.insert(next.call.state_name().as_str());
        held.version = held.version.next(&store(&next));
        held.before = Some(std::mem::replace(&mut held.document, next));
        let call = &held.document.call;
        for delivery in decision.deliveries {
            let (side, seq) = (delivery.side, delivery.seq);
            let user = call.user(side);
            let envelope = Envelope::of(call, held.version, self.now, delivery);
            let body = record::encode("an envelope", &envelope).expect("it is stored");
            let read = record::decode_envelope(&body).expect("what was stored can be read");
            assert!(read.as_ref() == Some(&envelope), "an entry is not stored as it is");
            for device in self.devices.iter_mut().filter(|device| device.is_there && device.user == *user) {
                device.inbox.push_back(body.clone());
            }
            assert!(held.mailboxes[side].insert(seq, body).is_none(), "a number was used twice");
        }
        for trim in decision.trims {
            held.mailboxes[trim.side].retain(|seq, _| !trim.entries.contains(seq));
        }
        Ok(decision.ack)
    }
}

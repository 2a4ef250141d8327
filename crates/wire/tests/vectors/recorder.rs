//! Plays a call by the rules and keeps a log for each device: what it asked, with the reply, and what it was told.

use std::collections::BTreeMap;

use ringback_call::{
    Action, Call, CallId, Command, Decision, EndRequest, Event, Input, RejectReason, Rejection, RequestId,
    Rules, State, StateName, Timestamp,
};
use ringback_wire::{Ack, Body, ClientFrame, ErrorFrame, EventFrame, Format, Limits, Request};
use serde::Serialize;
use serde_json::{Value, json};

use crate::common::{ALICE, BOB, BOB_TABLET, Device, ask};

/// The devices that have a part in the call.
pub(crate) const DEVICES: [(&str, Device); 3] =
    [("caller", ALICE), ("callee", BOB), ("callee-2", BOB_TABLET)];

const START: u64 = 1_000_000;

#[derive(Clone)]
pub(crate) struct Recorder {
    pub(crate) rules: Rules,
    pub(crate) call: Call,
    pub(crate) now: u64,
    logs: BTreeMap<&'static str, Vec<Value>>,
    /// Devices that know of the call from before the log begins.
    known: Vec<&'static str>,
    next_id: u64,
}

impl Recorder {
    /// The caller has asked for it, and nobody else knows.
    pub(crate) fn placed() -> Self {
        let rules = Rules::default();
        let decision = rules.open(&ask::opening(ALICE, BOB, 1, START)).unwrap();
        let call = decision.next.clone().unwrap();
        let mut recorder =
            Self { rules, call, now: START, logs: BTreeMap::new(), known: Vec::new(), next_id: 1 };
        recorder.log("caller", json!({ "asked": init(1, "bob"), "reply": ack(1, decision.ack.clone()) }));
        recorder.hand_out(&decision);
        recorder
    }

    /// The same call, with its logs beginning here.
    pub(crate) fn later(&self) -> Self {
        let known = DEVICES.into_iter().map(|(name, _)| name).filter(|name| self.knows(name)).collect();
        Self { logs: BTreeMap::new(), known, ..self.clone() }
    }

    pub(crate) fn logs(&self) -> Value {
        json!(self.logs)
    }

    /// Whether this device has heard of the call.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.logs.contains_key(name) || self.known.contains(&name)
    }

    /// Asks, and logs it as the device sees it: the reply comes first. Returns the request's number.
    pub(crate) fn ask(&mut self, name: &'static str, device: Device, action: &Action) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        let asked = match action {
            Action::Init => init(id, "alice"),
            action => request(id, action),
        };
        let result = self.decide(ask::request(device, id, action.clone()));
        let reply = match &result {
            Ok(decision) => ack(id, decision.ack.clone()),
            Err(rejection) => json!(ErrorFrame::of(RequestId(id), *rejection)),
        };
        self.log(name, json!({ "asked": asked, "reply": typed(&reply) }));
        if let Ok(decision) = result {
            self.apply(&decision);
        }
        id
    }

    /// As `ask`, for what is allowed.
    pub(crate) fn must(&mut self, name: &'static str, action: &Action) -> &mut Self {
        let (_, device) = DEVICES.into_iter().find(|(other, _)| *other == name).unwrap();
        self.ask(name, device, action);
        let log = &self.logs[name];
        let done = log.iter().rfind(|entry| entry["asked"]["id"] == self.next_id).unwrap();
        assert_eq!(done["reply"]["type"], "ack", "{done}");
        self
    }

    pub(crate) fn happens(&mut self, input: Input) -> &mut Self {
        if let Ok(decision) = self.decide(input) {
            self.apply(&decision);
        }
        self
    }

    /// Where each device that knows of the call stands, by the call itself and not by what it was told.
    pub(crate) fn stands(&self) -> Value {
        let stands = DEVICES.into_iter().filter(|(name, _)| self.knows(name));
        stands
            .map(|(name, device)| (name.to_owned(), self.stand(device)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn stand(&self, device: Device) -> Value {
        let call = &self.call;
        let side = call.side_of(&device.user()).unwrap();
        let has_it = call.final_device(side).is_none_or(|winner| *winner == device.device());
        match &call.state {
            _ if !has_it => json!({ "state": "ended", "reason": "answered_elsewhere" }),
            State::Ended(outcome) => json!({ "state": "ended", "reason": outcome.reason.as_str() }),
            State::Idle { .. } => json!({ "state": StateName::Ringing.as_str() }),
            state => {
                let peer = call.bound(side.other()).filter(|_| state.dialog().is_some());
                let peer_away = peer.is_some_and(|leg| leg.absent_since.is_some());
                json!({ "state": state.name().as_str(), "peer_away": peer_away })
            }
        }
    }

    fn decide(&self, input: Input) -> Result<Decision, Rejection> {
        self.rules.decide(&self.call, &Command { at: Timestamp(self.now), input })
    }

    fn apply(&mut self, decision: &Decision) {
        self.hand_out(decision);
        if let Some(next) = &decision.next {
            self.call = next.clone();
        }
    }

    fn hand_out(&mut self, decision: &Decision) {
        for delivery in &decision.deliveries {
            let frame = EventFrame {
                call: self.call.id.clone(),
                seq: delivery.seq,
                at: Timestamp(self.now),
                event: delivery.event.clone(),
            };
            let told = json!({ "told": typed(&frame) });
            let user = self.call.user(delivery.side).clone();
            for (name, device) in DEVICES {
                let is_rung = matches!(delivery.event, Event::Incoming { .. });
                let takes_part =
                    self.call.legs(delivery.side).iter().any(|leg| leg.device == device.device());
                if device.user() == user && (takes_part || is_rung) && delivery.to.includes(&device.device())
                {
                    self.log(name, told.clone());
                }
            }
        }
    }

    fn log(&mut self, name: &'static str, entry: Value) {
        self.logs.entry(name).or_default().push(entry);
    }
}

/// As it is on the wire.
fn typed(frame: &impl Serialize) -> Value {
    serde_json::to_value(frame).unwrap()
}

fn ack(id: u64, ack: ringback_call::Ack) -> Value {
    typed(&Ack::of(RequestId(id), ack))
}

fn init(id: u64, to: &str) -> Value {
    json!({ "type": "call:init", "id": id, "to": to, "media": { "audio": true, "video": false } })
}

/// The frame that asks for this: it is read back, so that it is what it says.
pub(crate) fn request(id: u64, action: &Action) -> Value {
    let call = CallId::new("p7-call").unwrap();
    let of = |kind: &str| json!({ "type": kind, "id": id, "call": call.as_str() });
    let with = |kind: &str, field: &str, value: Value| {
        let mut frame = of(kind);
        frame[field] = value;
        frame
    };
    let frame = match action {
        Action::Init => panic!("it names no call"),
        Action::Ringing => of("call:ringing"),
        Action::Accept => of("call:accept"),
        Action::Reject(RejectReason::Rejected) => of("call:reject"),
        Action::Reject(RejectReason::Busy) => with("call:reject", "reason", json!("busy")),
        Action::End(EndRequest::Hangup) => of("call:end"),
        Action::End(EndRequest::IceFailed) => with("call:end", "reason", json!("ice_failed")),
        Action::End(EndRequest::MediaDenied) => with("call:end", "reason", json!("media_denied")),
        Action::Offer(sdp) => with("webrtc:offer", "sdp", json!(sdp.as_str())),
        Action::Answer { sdp, offer } => {
            let mut frame = with("webrtc:answer", "sdp", json!(sdp.as_str()));
            if let Some(offer) = offer {
                frame["offer"] = json!(offer);
            }
            frame
        }
        Action::Ice(list) => {
            let list = list.iter().map(|one| serde_json::from_str::<Value>(one.as_str()).unwrap()).collect();
            with("webrtc:ice", "candidates", Value::Array(list))
        }
        Action::Connected => of("call:connected"),
        Action::Report(stats) => with("call:report", "stats", serde_json::from_str(stats.as_str()).unwrap()),
    };
    let read = Format::Json.decode(frame.to_string().as_bytes(), &Limits::default()).unwrap();
    let body = Body::Act(call, action.clone());
    assert_eq!(read, ClientFrame::Request(Request { id: RequestId(id), seen: BTreeMap::new(), body }));
    frame
}

//! What happened to a call, step by step, for those who want to know afterwards. Each change of a call comes with one
//! [`Step`], which is kept in the call's own log. No rule depends on it, and nothing that a client says is in it.

use serde::{Deserialize, Serialize};

use crate::{
    Action, Admission, Audience, Call, Candidate, Decision, DeviceId, EndReason, EndRequest, Event, Input,
    PeerStatus, RejectReason, Side, StateName,
};

/// One change of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Step {
    /// What happened.
    pub what: What,
    /// Whose doing it was, unless it was the server's.
    pub by: Option<(Side, DeviceId)>,
    /// The entry of its mailbox up to which that device says it has everything; 0 where it says nothing.
    pub seen: u64,
    /// Where the call stood afterwards.
    pub state: StateName,
    /// Who was told what.
    pub told: Vec<Told>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// `call:init`; of the callee, where two calls crossed.
    Init,
    /// `call:ringing`
    Alert,
    /// `call:accept`
    Accept,
    /// `call:reject`
    Reject(RejectReason),
    /// `call:end`
    HangUp(EndRequest),
    /// `webrtc:offer`
    Offer,
    /// `webrtc:answer`
    Answer,
    /// `webrtc:ice`
    Ice(Gathered),
    /// `call:connected`
    Media,
    /// The policy and the look-up of the callee let it ring on so many devices.
    Admitted {
        /// How many.
        devices: u64,
    },
    /// They did not.
    NotAdmitted,
    /// A device lost its connection.
    Dropped,
    /// A device came, or came back.
    Attached {
        /// Having forgotten everything it knew of the call.
        fresh: bool,
    },
    /// A device said what it has.
    Seen,
    /// Time passed.
    Deadline,
    /// The store had lost a part of the call's history.
    Rewritten,
    /// An operator ended it.
    Terminated,
}

/// Candidates of one request, by their types (RFC 8839, section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gathered {
    /// Addresses of the device's own.
    pub host: u64,
    /// As a STUN server, or the peer, sees it.
    pub reflexive: u64,
    /// Of a TURN server.
    pub relay: u64,
    /// Whether they are the last.
    pub last: bool,
}

impl Gathered {
    fn of(candidates: &[Candidate]) -> Self {
        let mut gathered = Self::default();
        for candidate in candidates {
            let text = candidate.as_str();
            let kind = text
                .split("typ ")
                .nth(1)
                .and_then(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next());
            match kind {
                Some("host") => gathered.host += 1,
                Some("srflx" | "prflx") => gathered.reflexive += 1,
                Some("relay") => gathered.relay += 1,
                None if text == "null" || text.contains(r#""candidate":"""#) => gathered.last = true,
                None | Some(_) => {}
            }
        }
        gathered
    }
}

/// One entry of a mailbox, without what it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Told {
    /// Whose mailbox.
    pub side: Side,
    /// Its number there.
    pub seq: u64,
    /// Which devices.
    pub to: Audience,
    /// What.
    pub event: News,
}

/// What is told, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// `call:incoming`
    Incoming,
    /// `call:ringing`
    Ringing,
    /// `call:accepted`
    Accepted,
    /// `webrtc:offer`
    Offer,
    /// `webrtc:answer`
    Answer,
    /// `webrtc:ice`
    Ice,
    /// `call:connected`
    Connected,
    /// `call:peer`
    Peer(PeerStatus),
    /// `call:ended`
    Ended(EndReason),
}

impl News {
    /// Its name in the protocol.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Incoming => "call:incoming",
            Self::Ringing => "call:ringing",
            Self::Accepted => "call:accepted",
            Self::Offer => "webrtc:offer",
            Self::Answer => "webrtc:answer",
            Self::Ice => "webrtc:ice",
            Self::Connected => "call:connected",
            Self::Peer(_) => "call:peer",
            Self::Ended(_) => "call:ended",
        }
    }

    const fn of(event: &Event) -> Self {
        match event {
            Event::Incoming { .. } => Self::Incoming,
            Event::Ringing => Self::Ringing,
            Event::Accepted { .. } => Self::Accepted,
            Event::Offer(_) => Self::Offer,
            Event::Answer(_) => Self::Answer,
            Event::Ice(_) => Self::Ice,
            Event::Connected { .. } => Self::Connected,
            Event::Peer(status) => Self::Peer(*status),
            Event::Ended { reason, .. } => Self::Ended(*reason),
        }
    }
}

impl Step {
    /// The step that a decision is. A report is a note of its own.
    pub(crate) fn of(call: &Call, input: &Input, decision: &Decision) -> Option<Self> {
        let device = |user, device: &DeviceId| Some((call.side_of(user)?, device.clone()));
        let (what, by, seen) = match input {
            Input::Request { from, action, .. } => {
                (What::of(action)?, device(&from.user, &from.device), from.seen)
            }
            Input::Admission(Admission::Allowed { legs, .. }) => {
                (What::Admitted { devices: legs.len() as u64 }, None, 0)
            }
            Input::Admission(Admission::Denied { .. }) => (What::NotAdmitted, None, 0),
            Input::Dropped { user, device: dropped, .. } => (What::Dropped, device(user, dropped), 0),
            Input::Attached { user, device: came, fresh, .. } => {
                (What::Attached { fresh: *fresh }, device(user, came), 0)
            }
            Input::Seen { user, device: said, seq } => (What::Seen, device(user, said), *seq),
            Input::Deadline { .. } => (What::Deadline, None, 0),
            Input::Rewritten { .. } => (What::Rewritten, None, 0),
            Input::Terminate => (What::Terminated, None, 0),
        };
        Some(Self::told_by(call, decision, what, by, seen))
    }

    /// The first step of a call.
    pub(crate) fn opening(call: &Call, decision: &Decision) -> Self {
        let by = Some((Side::Caller, call.caller_leg.device.clone()));
        Self::told_by(call, decision, What::Init, by, 0)
    }

    fn told_by(
        before: &Call,
        decision: &Decision,
        what: What,
        by: Option<(Side, DeviceId)>,
        seen: u64,
    ) -> Self {
        let told = decision.deliveries.iter().map(|delivery| Told {
            side: delivery.side,
            seq: delivery.seq,
            to: delivery.to.clone(),
            event: News::of(&delivery.event),
        });
        let state = decision.next.as_ref().unwrap_or(before).state_name();
        Self { what, by, seen, state, told: told.collect() }
    }
}

impl What {
    /// Its name: of what a client asks for, the protocol's.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Init => "call:init",
            Self::Alert => "call:ringing",
            Self::Accept => "call:accept",
            Self::Reject(_) => "call:reject",
            Self::HangUp(_) => "call:end",
            Self::Offer => "webrtc:offer",
            Self::Answer => "webrtc:answer",
            Self::Ice(_) => "webrtc:ice",
            Self::Media => "call:connected",
            Self::Admitted { .. } => "admitted",
            Self::NotAdmitted => "not admitted",
            Self::Dropped => "dropped",
            Self::Attached { .. } => "attached",
            Self::Seen => "seen",
            Self::Deadline => "deadline",
            Self::Rewritten => "rewritten",
            Self::Terminated => "terminated",
        }
    }

    fn of(action: &Action) -> Option<Self> {
        Some(match action {
            Action::Init => Self::Init,
            Action::Ringing => Self::Alert,
            Action::Accept => Self::Accept,
            Action::Reject(reason) => Self::Reject(*reason),
            Action::End(reason) => Self::HangUp(*reason),
            Action::Offer(_) => Self::Offer,
            Action::Answer { .. } => Self::Answer,
            Action::Ice(candidates) => Self::Ice(Gathered::of(candidates)),
            Action::Connected => Self::Media,
            Action::Report(_) => return None,
        })
    }
}

//! A call in a user's log, as one of its users is told of it.

use ringback_call::{
    CallId, CallRecord, Detail, DeviceId, EndReason, Endpoint, Media, Millis, Side, Timestamp,
};
use serde::Serialize;

use crate::{PeerRef, party};

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedCall {
    /// Which.
    pub call: CallId,
    /// The side of the user whose log it is.
    pub role: Side,
    /// The other side; its device, unless it was the callee and none answered.
    pub peer: PeerRef,
    /// What the caller proposed.
    pub media: Media,
    /// When it was placed.
    pub at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why.
    pub reason: EndReason,
    /// Whether a device of the callee answered.
    pub answered: bool,
    /// Whether the user whose log it is missed it.
    pub missed: bool,
    /// Who ended it, unless it was the server.
    #[serde(serialize_with = "party::device", skip_serializing_if = "Option::is_none")]
    pub by: Option<Endpoint>,
    /// The device that answered, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<DeviceId>,
    /// Milliseconds until both had media, if it came to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_ms: Option<Millis>,
    /// Milliseconds of media, if it came to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<Millis>,
    /// Why, in more detail: what the policy says to a caller is not for the callee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
}

impl LoggedCall {
    /// A call as this side of it sees it.
    pub fn of(record: &CallRecord, side: Side) -> Self {
        let (peer, device) = match side {
            Side::Caller => (&record.callee, record.callee_device.as_ref()),
            Side::Callee => (&record.caller, Some(&record.caller_device)),
        };
        Self {
            call: record.call.clone(),
            role: side,
            peer: PeerRef { user: peer.clone(), device: device.cloned() },
            media: record.media,
            at: record.created_at,
            ended_at: record.ended_at,
            reason: record.reason,
            answered: record.answered(),
            missed: record.missed_by(side),
            by: record.by.clone(),
            answered_by: record.callee_device.clone(),
            setup_ms: record.setup_ms,
            duration_ms: record.duration_ms,
            detail: record
                .detail
                .clone()
                .filter(|_| side == Side::Caller || record.reason != EndReason::Denied),
        }
    }
}

#[cfg(test)]
mod tests {
    use ringback_call::{Phase, UserId};
    use serde_json::json;

    use super::*;

    fn device(name: &str) -> DeviceId {
        DeviceId::new(name).unwrap()
    }

    fn missed() -> CallRecord {
        CallRecord {
            call: CallId::new("p3-42").unwrap(),
            caller: UserId::new("alice").unwrap(),
            caller_device: device("desk"),
            callee: UserId::new("bob").unwrap(),
            callee_device: None,
            media: Media { audio: true, video: false },
            created_at: Timestamp(1_000),
            accepted_at: None,
            connected_at: None,
            ended_at: Timestamp(9_000),
            reason: EndReason::NoAnswer,
            by: None,
            phase: Phase::Ring,
            missed: true,
            setup_ms: None,
            duration_ms: None,
            detail: None,
        }
    }

    #[test]
    fn each_side_is_told_its_own() {
        let told = |side| serde_json::to_value(LoggedCall::of(&missed(), side)).unwrap();
        let mut expected = json!({
            "call": "p3-42", "role": "callee", "peer": {"user": "alice", "device": "desk"},
            "media": {"audio": true, "video": false}, "at": 1_000, "ended_at": 9_000, "reason": "no_answer",
            "answered": false, "missed": true
        });
        assert_eq!(told(Side::Callee), expected);
        expected["role"] = json!("caller");
        expected["peer"] = json!({"user": "bob"});
        expected["missed"] = json!(false);
        assert_eq!(told(Side::Caller), expected, "of who did not answer no device is known");
    }

    #[test]
    fn one_that_was_answered_says_by_whom_and_for_how_long() {
        let by = Endpoint { user: UserId::new("bob").unwrap(), device: device("phone") };
        let answered = CallRecord {
            callee_device: Some(device("phone")),
            reason: EndReason::Hangup,
            by: Some(by),
            missed: false,
            setup_ms: Some(700),
            duration_ms: Some(7_300),
            ..missed()
        };
        let told = serde_json::to_value(LoggedCall::of(&answered, Side::Caller)).unwrap();
        let expected = json!({
            "call": "p3-42", "role": "caller", "peer": {"user": "bob", "device": "phone"},
            "media": {"audio": true, "video": false}, "at": 1_000, "ended_at": 9_000, "reason": "hangup",
            "answered": true, "missed": false, "by": {"user": "bob", "device": "phone"},
            "answered_by": "phone", "setup_ms": 700, "duration_ms": 7_300
        });
        assert_eq!(told, expected);
    }
}

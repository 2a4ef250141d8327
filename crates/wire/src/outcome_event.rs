//! What the application's own servers are told of a call: the body of a webhook, and a call detail record.
//!
//! Always JSON. It is written once, with the change of the call, and its bytes are not touched any more: they are signed,
//! and an event that is sent twice is the same twice.

use std::fmt;

use ringback_call::{
    Call, CallId, CallRecord, Detail, EndReason, Endpoint, Media, Millis, OutcomeEvent, Phase, Side,
    Timestamp, TraceParent,
};
use serde::{Deserialize, Serialize};

use crate::{
    json_text::JsonValue,
    party::{self, Party},
};

#[derive(Serialize)]
struct Body<'a> {
    id: String,
    r#type: OutcomeEvent,
    at: Timestamp,
    call: &'a CallId,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    caller: Party<'a>,
    callee: Party<'a>,
    media: Media,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<JsonValue<'a>>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_ms: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(flatten)]
    end: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
}

#[derive(Serialize)]
struct End {
    ended_at: Timestamp,
    reason: EndReason,
    #[serde(serialize_with = "party::device", skip_serializing_if = "Option::is_none")]
    by: Option<Endpoint>,
    phase: Phase,
    missed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Detail>,
}

impl End {
    fn of(record: CallRecord) -> Self {
        Self {
            ended_at: record.ended_at,
            reason: record.reason,
            by: record.by,
            phase: record.phase,
            missed: record.missed,
            duration_ms: record.duration_ms,
            detail: record.detail,
        }
    }
}

/// The body of an event that a call has come to; `None` if it has not. The same from every later document of the call.
/// A wake-up is of no use any more `waking_ms` later. `traceparent` is of the call's trace, in which a receiver can go on.
///
/// # Errors
/// When a value can't be written: a mistake of ours.
pub fn write_outcome_event(
    event: OutcomeEvent,
    call: &Call,
    waking_ms: Millis,
    traceparent: Option<&str>,
) -> Result<Option<Vec<u8>>, serde_json::Error> {
    let Some(at) = event.at(call) else { return Ok(None) };
    let reached = |at: Option<Timestamp>, by: OutcomeEvent| at.filter(|_| event >= by);
    let answered_by = call.final_device(Side::Callee).filter(|_| event >= OutcomeEvent::Answered);
    let connected_at = reached(call.milestones.connected_at, OutcomeEvent::Connected);
    let end = CallRecord::of(call).filter(|_| event == OutcomeEvent::Ended).map(End::of);
    let body = Body {
        id: event_id(event, &call.id),
        r#type: event,
        at,
        call: &call.id,
        tenant: call.caller.tenant(),
        caller: Party { user: &call.caller, device: Some(&call.caller_leg.device) },
        callee: Party { user: &call.callee, device: answered_by },
        media: call.media,
        metadata: call.metadata.as_ref().map(|metadata| JsonValue(metadata.as_str())),
        created_at: call.created_at,
        accepted_at: reached(call.milestones.accepted_at, OutcomeEvent::Answered),
        connected_at,
        setup_ms: connected_at.map(|connected_at| connected_at.since(call.created_at)),
        expires_at: (event == OutcomeEvent::Wake).then(|| at.after(waking_ms)),
        end,
        traceparent,
    };
    serde_json::to_vec(&body).map(Some)
}

/// Its name: the same whenever it is told. Without a full stop, which ends it in what is signed.
fn event_id(event: OutcomeEvent, call: &CallId) -> String {
    let name = event.as_str();
    format!("{}_{}", call.as_str(), name.strip_prefix("call.").unwrap_or(name))
}

/// What of an event's body who delivers it has to know.
#[derive(Clone, Deserialize)]
pub struct OutcomeEventHead {
    /// Its name.
    pub id: String,
    /// Of which call.
    pub call: CallId,
    /// What happened; a newer gateway may write what this one does not know.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of the call's trace.
    pub traceparent: Option<TraceParent>,
}

impl fmt::Debug for OutcomeEventHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutcomeEventHead({} of {:?})", self.kind, self.call)
    }
}

impl OutcomeEventHead {
    /// Reads it.
    ///
    /// # Errors
    /// When it is no event.
    pub fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }
}

#[cfg(test)]
mod tests;

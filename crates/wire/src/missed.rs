//! What a client is told of calls that it missed.

use ringback_call::{CallId, CallRecord, EndReason, Media, Timestamp};
use serde::Serialize;

use crate::PeerRef;

/// Calls to the client's user that nobody answered, and of which this device has not confirmed to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "missed")]
pub struct MissedFrame {
    /// The newest first.
    pub calls: Vec<MissedCall>,
    /// What the client confirms.
    pub until: Timestamp,
    /// Whether there are older ones.
    pub more: bool,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissedCall {
    /// Which.
    pub call: CallId,
    /// Who called.
    pub from: PeerRef,
    /// What the caller proposed.
    pub media: Media,
    /// When it was placed.
    pub at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why.
    pub reason: EndReason,
}

impl MissedCall {
    /// Of a call that its callee missed.
    pub fn of(record: &CallRecord) -> Self {
        Self {
            call: record.call.clone(),
            from: PeerRef { user: record.caller.clone(), device: Some(record.caller_device.clone()) },
            media: record.media,
            at: record.created_at,
            ended_at: record.ended_at,
            reason: record.reason,
        }
    }
}

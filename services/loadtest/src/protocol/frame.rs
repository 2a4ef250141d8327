//! What a server says.

use std::sync::Arc;

use serde::Deserialize;

use super::{Kind, request::Candidate};

/// One frame from the server: the fields that this tool looks at; all others are passed over.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Frame {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) id: Option<u64>,
    pub(crate) call: Option<Arc<str>>,
    pub(crate) seq: Option<u64>,
    pub(crate) code: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) glare: Option<bool>,
    pub(crate) sdp: Option<String>,
    pub(crate) candidates: Option<Vec<Option<Candidate>>>,
    pub(crate) session: Option<Arc<str>>,
    pub(crate) resumed: Option<bool>,
    pub(crate) heartbeat_ms: Option<u64>,
    pub(crate) retry_after_ms: Option<u64>,
    pub(crate) reconnect_after_ms: Option<u64>,
}

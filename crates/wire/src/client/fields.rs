//! The fields of each kind of frame, as they are written. Unknown ones are skipped.

use std::collections::BTreeMap;

use ringback_call::{EndRequest, Media, RejectReason};
use serde::Deserialize;

use crate::{ClientInfo, json_text::JsonText};

#[derive(Deserialize)]
pub(super) struct Hello {
    pub(super) id: u64,
    pub(super) token: String,
    pub(super) device: Option<String>,
    pub(super) session: Option<String>,
    #[serde(default)]
    pub(super) seen: BTreeMap<String, u64>,
    pub(super) missed: Option<u64>,
    pub(super) client: Option<ClientInfo>,
}

#[derive(Deserialize)]
pub(super) struct Seen {
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) missed: Option<u64>,
}

/// What every request may have.
#[derive(Deserialize)]
pub(super) struct Common {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) seen: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) token: String,
}

#[derive(Deserialize)]
pub(super) struct Init {
    pub(super) to: String,
    pub(super) media: Option<Media>,
    pub(super) metadata: Option<JsonText>,
    pub(super) traceparent: Option<JsonText>,
}

#[derive(Deserialize)]
pub(super) struct OfCall {
    pub(super) call: String,
}

#[derive(Deserialize)]
pub(super) struct Reject {
    pub(super) call: String,
    pub(super) reason: Option<RejectReason>,
}

#[derive(Deserialize)]
pub(super) struct End {
    pub(super) call: String,
    pub(super) reason: Option<EndRequest>,
}

#[derive(Deserialize)]
pub(super) struct Description {
    pub(super) call: String,
    pub(super) sdp: String,
}

#[derive(Deserialize)]
pub(super) struct Ice {
    pub(super) call: String,
    pub(super) candidates: Vec<JsonText>,
}

#[derive(Deserialize)]
pub(super) struct Report {
    pub(super) call: String,
    pub(super) stats: JsonText,
}

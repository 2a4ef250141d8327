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
    pub(super) warn_expiry_ms: Option<u64>,
    pub(super) client: Option<ClientInfo>,
}

#[derive(Deserialize)]
pub(super) struct Seen {
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) missed: Option<u64>,
}

/// What every request may have.
pub(super) struct Common {
    pub(super) id: u64,
    pub(super) seen: BTreeMap<String, u64>,
}

/// The fields of a request.
pub(super) trait OfRequest {
    /// Takes out those that every request may have. They are read with the others: each reading goes through a whole frame.
    fn common(&mut self) -> Common;
}

macro_rules! requests {
    ($($name:ident { $($field:ident: $of:ty),* })+) => {$(
        #[derive(Deserialize)]
        pub(super) struct $name {
            id: u64,
            #[serde(default)]
            seen: BTreeMap<String, u64>,
            $(pub(super) $field: $of),*
        }

        impl OfRequest for $name {
            fn common(&mut self) -> Common {
                Common { id: self.id, seen: std::mem::take(&mut self.seen) }
            }
        }
    )+};
}

requests! {
    Plain {}
    Token { token: String }
    Init { to: String, media: Option<Media>, metadata: Option<JsonText>, traceparent: Option<JsonText> }
    OfCall { call: String }
    Reject { call: String, reason: Option<RejectReason> }
    End { call: String, reason: Option<EndRequest> }
    Offer { call: String, sdp: String }
    Answer { call: String, sdp: String, offer: Option<u64> }
    Ice { call: String, candidates: Vec<JsonText> }
    Report { call: String, stats: JsonText }
}

//! What a client says.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Kind;

/// One frame to the server. What is absent is left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Request {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) media: Option<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sdp: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) candidates: Option<Vec<Candidate>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<Arc<str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) seen: BTreeMap<Arc<str>, u64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) calls: BTreeMap<Arc<str>, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<Program>,
}

/// What is to flow.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Media {
    pub(crate) audio: bool,
    pub(crate) video: bool,
}

/// What an application would say about a call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Metadata {
    pub(crate) note: String,
}

/// What connects.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

/// An `RTCIceCandidateInit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate {
    pub(crate) candidate: String,
    pub(crate) sdp_mid: String,
    #[serde(rename = "sdpMLineIndex")]
    pub(crate) sdp_m_line_index: u32,
}

impl Request {
    /// One with nothing in it.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            id: None,
            call: None,
            to: None,
            media: None,
            metadata: None,
            sdp: None,
            candidates: None,
            reason: None,
            token: None,
            device: None,
            session: None,
            seen: BTreeMap::new(),
            calls: BTreeMap::new(),
            client: None,
        }
    }

    /// One about a call.
    pub(crate) fn about(kind: Kind, call: &Arc<str>) -> Self {
        Self { call: Some(Arc::clone(call)), ..Self::new(kind) }
    }
}

//! What the policy says of one call, beside yes or no.

use serde::{Deserialize, Serialize};

use crate::{Millis, stored::is_default};

/// What the policy changes for one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Terms {
    /// How long it may ring, in milliseconds, instead of [`Timeouts::ringing_ms`](crate::Timeouts::ringing_ms).
    #[serde(default, skip_serializing_if = "is_default")]
    pub ringing_ms: Option<Millis>,
    /// How long the two may talk, in milliseconds from media on both sides; then `ended_by_server`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub duration_ms: Option<Millis>,
}

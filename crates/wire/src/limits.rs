//! How large things may be.

/// Bounds on what a client sends, in bytes (protocol section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A whole frame.
    pub frame_bytes: usize,
    /// A session description.
    pub sdp_bytes: usize,
    /// The metadata of a call, as JSON text.
    pub metadata_bytes: usize,
    /// One candidate, as JSON text. A real one has some 200 bytes.
    pub candidate_bytes: usize,
    /// A report, as JSON text.
    pub report_bytes: usize,
    /// A token.
    pub token_bytes: usize,
    /// Calls in one `seen` that are taken note of.
    pub seen_calls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 64 * 1024,
            sdp_bytes: 32 * 1024,
            metadata_bytes: 2 * 1024,
            candidate_bytes: 2 * 1024,
            report_bytes: 8 * 1024,
            token_bytes: 8 * 1024,
            seen_calls: 256,
        }
    }
}

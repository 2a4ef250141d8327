//! What has to hold for any input. Each function takes one, and panics where something does not hold: `fuzz/targets` hands them
//! to libFuzzer, `tests/corpus.rs` replays what it has found.
//!
//! docs/fuzzing.md lists the targets and what they check.
#![expect(clippy::panic, clippy::expect_used, reason = "a check says what it expects by failing")]

mod document;
mod envelope;
mod frame;
mod session;
mod writer;

pub use document::check as document;
pub use envelope::check as envelope;
pub use frame::{json, msgpack};
pub use session::{check as session, play};

/// Takes an input.
pub type Check = fn(&[u8]);

/// Each target, with the name of its folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Check); 5] = [
    ("json", json),
    ("msgpack", msgpack),
    ("document", document),
    ("envelope", envelope),
    ("session", session),
];

//! What a node takes from its machine: names, and the time before the store has told it. A simulation gives its own, so
//! that a run can be repeated.

use std::time::{SystemTime, UNIX_EPOCH};

use ringback_call::Timestamp;
use uuid::Uuid;

/// Where names and time come from.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// A name of 1–32 of `A-Za-z0-9` that nobody can guess: who knows a session's can resume it.
    pub unguessable: fn() -> String,
    /// The machine's clock, which may be anywhere.
    pub now: fn() -> Timestamp,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            unguessable: || Uuid::new_v4().simple().to_string(),
            now: || {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
            },
        }
    }
}

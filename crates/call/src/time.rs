//! Time, always given from outside.

use serde::{Deserialize, Serialize};

/// A duration in milliseconds.
pub type Millis = u64;

/// Milliseconds since the Unix epoch, by the store's clock, which all gateways share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This much later.
    #[must_use]
    pub const fn after(self, ms: Millis) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to here; 0 when the clocks of two gateways disagree on the order.
    pub const fn since(self, earlier: Self) -> Millis {
        self.0.saturating_sub(earlier.0)
    }
}

//! What of a body may be printed.

use std::fmt;

use bytes::Bytes;

/// Prints how long it is: bodies are of people, and none of them belongs into a log.
pub(crate) struct Size(usize);

impl Size {
    pub(crate) const fn of(body: &Bytes) -> Self {
        Self(body.len())
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

//! What can go wrong with a store.

use std::error::Error;

/// A store's failure. Whether it is worth trying again is in the kind, and its cause is kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be reached, did not answer in time or is failing over. Whether the operation was applied is
    /// unknown; trying again later may succeed.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// It holds something this program can't read, or answered what it never should. Trying again does not help.
    #[error("the store holds what can't be read: {what}")]
    Corrupt {
        /// What was being read.
        what: &'static str,
        /// Why it could not be.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// A failure that may pass.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// A failure that will not.
    pub fn corrupt(what: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Corrupt { what, source: source.into() }
    }

    /// Whether it may pass.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

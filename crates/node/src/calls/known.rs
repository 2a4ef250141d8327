//! A document as a gateway knows it.

use bytes::Bytes;
use ringback_call::Call;
use ringback_store::{
    StoreError, Stored, Version,
    record::{self, Document},
};

/// A document as it was seen.
#[derive(Clone)]
pub struct Known {
    /// Which one.
    pub version: Version,
    /// What it says.
    pub document: Document,
    /// The same as it is stored.
    pub bytes: Bytes,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({:?}, version {})", self.document.call.id, self.version)
    }
}

impl Known {
    /// Reads what the store holds now.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(stored: &Stored) -> Result<Self, StoreError> {
        let document = record::decode_call(&stored.document)?;
        Ok(Self { version: stored.version, document, bytes: stored.document.clone() })
    }

    /// The call.
    pub const fn call(&self) -> &Call {
        &self.document.call
    }

    /// Whether this may be what `older` has become: it is, or that is too long ago for anybody to tell.
    pub(super) fn may_descend_from(&self, older: Version) -> bool {
        let too_old = older.count + (self.document.ancestors.len() as u64) < self.version.count;
        older == self.version || too_old || self.descends_from(older)
    }

    /// Whether this is what `older` has become, as far as that can be told.
    pub(super) fn descends_from(&self, older: Version) -> bool {
        self.document.descends_from(self.version, older)
    }
}

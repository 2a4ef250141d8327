//! Records that this gateway can't read, and goes on without: a newer one may write what this one does not know.

use ringback_store::StoreError;
use ringback_telemetry::{Metrics, Unreadable};

/// What came of reading a record; one that can't be read is counted.
///
/// # Errors
/// When it can't.
pub(crate) fn counted<T>(
    metrics: &Metrics,
    kind: Unreadable,
    read: Result<T, StoreError>,
) -> Result<T, StoreError> {
    read.inspect_err(|_| metrics.unreadable.inc((kind,)))
}

/// The same of one among others, which is left out if it can't be read.
pub(crate) fn readable<T>(metrics: &Metrics, kind: Unreadable, read: Result<T, StoreError>) -> Option<T> {
    match counted(metrics, kind, read) {
        Ok(record) => Some(record),
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "a record was left out");
            None
        }
    }
}

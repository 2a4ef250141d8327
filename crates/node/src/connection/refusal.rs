//! A hello that could not be served.

use ringback_session::Departure;
use ringback_store::StoreError;
use ringback_wire::{CloseCode, ErrorCode, ErrorFrame, Hello, ServerFrame};

use super::{Transport, socket::Socket};

/// When a client should try again that could not be served, in milliseconds.
pub(super) const RETRY_MS: u64 = 500;

/// Tells its client that it may try again.
pub(super) async fn unavailable<T: Transport>(
    socket: &mut Socket<T>,
    hello: &Hello,
    error: &StoreError,
) -> Departure {
    tracing::warn!(error = error as &dyn std::error::Error, "hello could not be served");
    let reply = ErrorFrame::new(Some(hello.id.0), ErrorCode::Unavailable, "try again").retry_after(RETRY_MS);
    match socket.send(&ServerFrame::Error(reply)).await {
        Ok(()) => CloseCode::GoingAway.into(),
        Err(departure) => departure,
    }
}

//! From the store's bus to the connections.

use std::sync::Arc;

use bytes::Bytes;
use ringback_store::{
    BusEvent, Stored, Subscription,
    record::{self, Direct, Envelope},
};
use ringback_wire::CloseCode;
use tokio_util::sync::CancellationToken;

use crate::{calls::Calls, registry::Registry};

/// Passes on what reaches this node until the gateway stops.
pub async fn run(
    mut subscription: Subscription,
    registry: Arc<Registry>,
    calls: Arc<Calls>,
    stop: CancellationToken,
) {
    while let Some(Some(event)) = stop.run_until_cancelled(subscription.recv()).await {
        let handled = match event {
            BusEvent::Entry { body, document } => entry(&registry, &calls, &body, document),
            BusEvent::Direct(body) => direct(&registry, &body),
            BusEvent::Interrupted => {
                tracing::warn!("the subscription was interrupted: messages may be missing");
                Ok(())
            }
        };
        // A newer gateway may send what this one does not know.
        if let Err(error) = handled {
            tracing::warn!(error = &error as &dyn std::error::Error, "a message was skipped");
        }
    }
}

fn entry(
    registry: &Registry,
    calls: &Arc<Calls>,
    body: &[u8],
    document: Option<Bytes>,
) -> Result<(), ringback_store::StoreError> {
    let envelope: Envelope = record::decode("an envelope", body)?;
    if let Some(document) = document {
        calls.learn(&envelope.call, &Stored { version: envelope.version(), document });
    }
    let envelope = Arc::new(envelope);
    let reached = registry.deliver(&envelope);
    tracing::debug!(call = ?envelope.call, side = envelope.side.as_str(), seq = envelope.seq, reached, "entry");
    Ok(())
}

fn direct(registry: &Registry, body: &[u8]) -> Result<(), ringback_store::StoreError> {
    match record::decode("a message", body)? {
        Direct::Replaced { user, device, connection } => {
            registry.close(&user, &device, connection, CloseCode::Replaced);
        }
    }
    Ok(())
}

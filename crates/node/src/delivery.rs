//! From the store's bus to the connections.

use std::sync::Arc;

use bytes::Bytes;
use ringback_store::{
    BusEvent, StoreError, Stored, Subscription,
    record::{self, Direct, Envelope},
};
use ringback_telemetry::{Gap, Unreadable};
use ringback_wire::CloseCode;

use crate::{Node, recovery, registry::Mail, unreadable::counted};

/// Passes on what reaches this node until it stops.
pub async fn run(node: Arc<Node>, mut subscription: Subscription) {
    while let Some(Some(event)) = node.stop.run_until_cancelled(subscription.recv()).await {
        let handled = match event {
            BusEvent::Entry { body, document } => entry(&node, &body, document),
            BusEvent::Direct(body) => direct(&node, &body),
            BusEvent::Missed(calls) => {
                node.metrics.gaps.inc((Gap::MessageLost,));
                recovery::missed(&node, calls);
                Ok(())
            }
            BusEvent::Interrupted(partitions) => {
                node.metrics.gaps.inc((Gap::Interrupted,));
                recovery::interrupted(&node, partitions).await;
                Ok(())
            }
            BusEvent::Regressed(partitions) => {
                node.metrics.gaps.inc((Gap::DataLost,));
                recovery::regressed(&node, partitions).await;
                Ok(())
            }
        };
        // A newer gateway may send what this one does not know.
        if let Err(error) = handled {
            tracing::warn!(error = &error as &dyn std::error::Error, "a message was skipped");
        }
    }
}

fn entry(node: &Arc<Node>, body: &Bytes, document: Option<Bytes>) -> Result<(), StoreError> {
    let envelope: Envelope =
        counted(&node.metrics, Unreadable::Envelope, record::decode("an envelope", body))?;
    let stored = document.map(|document| Stored { version: envelope.version, document });
    let agrees = node.calls.learn(&envelope, body, stored.as_ref());
    node.metrics.bus_delay.observe_ms((), node.clock.now().since(envelope.at));
    // Its number may be the next one all the same: what was lost may have given out the ones before it too.
    if !agrees {
        tracing::debug!(call = ?envelope.call, side = envelope.side.as_str(), seq = envelope.seq, "an entry of another history");
        recovery::contradicted(node, envelope.call);
        return Ok(());
    }
    let envelope = Arc::new(envelope);
    let reached = node.registry.deliver(&envelope.user, &Mail::Entry(Arc::clone(&envelope)));
    tracing::debug!(call = ?envelope.call, side = envelope.side.as_str(), seq = envelope.seq, reached, "entry");
    Ok(())
}

fn direct(node: &Node, body: &[u8]) -> Result<(), StoreError> {
    match counted(&node.metrics, Unreadable::Message, record::decode("a message", body))? {
        Direct::Replaced { user, device, connection } => {
            node.registry.close(&user, &device, connection, CloseCode::Replaced);
        }
        Direct::Returned { user, call } => {
            node.registry.deliver(&user, &Mail::CatchUp(call));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use ringback_call::{Action, EndReason, Event, Stats};

    use super::*;
    use crate::stage::Stage;

    #[tokio::test(start_paused = true)]
    async fn an_entry_of_a_history_that_contradicts_ours_is_not_passed_on_before_the_store_has_told() {
        let stage = Stage::new();
        let ((alice, inbox), (bob, _)) = (stage.device("alice", 1), stage.device("bob", 1));
        let call = stage.answered(&alice, &bob).await;
        let before = stage.stored(&call).await;
        stage.ask(&call, &alice, 2, Action::Report(Stats::new("{}"))).await;
        // What is known here is lost with a primary, and another gateway goes on from what was before.
        let other = Stage::succeeded(&before, 0xbad);
        entry(&stage.node, &Stage::told(&other), Some(other.bytes)).unwrap();
        assert!(matches!(inbox.mail().await, Mail::CatchUp(read) if read == call));
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_that_follows_what_is_known_is_passed_on_at_once() {
        let stage = Stage::new();
        let ((alice, inbox), (bob, _)) = (stage.device("alice", 1), stage.device("bob", 1));
        let call = stage.answered(&alice, &bob).await;
        let next = Stage::succeeded(&stage.stored(&call).await, 0x600d);
        entry(&stage.node, &Stage::told(&next), Some(next.bytes)).unwrap();
        assert!(matches!(inbox.mail().now_or_never(), Some(Mail::Entry(entry)) if entry.seq == 2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_be_read_is_left_out_and_counted() {
        let stage = Stage::new();
        let unread = |kind| stage.node.metrics.unreadable.get((kind,));
        let body = Bytes::from_static(b"?");
        assert!(entry(&stage.node, &body, None).is_err() && direct(&stage.node, &body).is_err());
        assert_eq!((unread(Unreadable::Envelope), unread(Unreadable::Message)), (1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn so_is_a_document_that_comes_with_an_event_which_is_passed_on() {
        let stage = Stage::new();
        let ((alice, inbox), (bob, _)) = (stage.device("alice", 1), stage.device("bob", 1));
        let call = stage.answered(&alice, &bob).await;
        let next = Stage::succeeded(&stage.stored(&call).await, 0x600d);
        entry(&stage.node, &Stage::told(&next), Some(Bytes::from_static(b"?"))).unwrap();
        assert_eq!(stage.node.metrics.unreadable.get((Unreadable::Document,)), 1);
        assert!(matches!(inbox.mail().now_or_never(), Some(Mail::Entry(entry)) if entry.seq == 2));
        let over = Envelope {
            event: Event::Ended {
                reason: EndReason::Hangup,
                by: None,
                setup_ms: None,
                duration_ms: None,
                detail: None,
            },
            ..record::decode("an envelope", &Stage::told(&next)).unwrap()
        };
        let over = record::encode("an envelope", &over).unwrap();
        entry(&stage.node, &over, Some(Bytes::from_static(b"?"))).unwrap();
        assert_eq!(stage.node.metrics.unreadable.get((Unreadable::Document,)), 2);
    }
}

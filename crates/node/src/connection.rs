//! One client's connection, from the first frame to the goodbye.

mod driver;
mod handshake;
mod jobs;
mod owed;
mod presence;
mod refusal;
mod registration;
mod socket;

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use ringback_session::Departure;
use ringback_telemetry::Greeting;
use ringback_wire::{CloseCode, ErrorCode, ErrorFrame, Format, ServerFrame};

use crate::{Node, admission::Place};
use socket::Socket;

/// What comes in.
#[derive(Debug)]
pub enum Incoming {
    /// A frame of the protocol.
    Frame(Bytes),
    /// The answer to the ping of this number: what was sent before it has arrived.
    Pong(u64),
    /// A sign of life, no more.
    Life,
    /// The connection is over, or has to be.
    End(Departure),
}

/// Carries the frames of one client: a WebSocket, or what stands for one in a simulation.
pub trait Transport: Send {
    /// What comes next. Can be dropped and called again without losing anything.
    fn receive(&mut self) -> impl Future<Output = Incoming> + Send;

    /// Takes a frame, which leaves with the next flush at the latest. Where that has to wait, those taken before have left
    /// by then. An error says that the client is gone.
    fn send(&mut self, frame: Vec<u8>) -> impl Future<Output = Result<(), Departure>> + Send;

    /// Has everything leave that was taken. Can be dropped and called again.
    fn flush(&mut self) -> impl Future<Output = Result<(), Departure>> + Send;

    /// Asks for a sign of life, as a frame: the answer carries the number.
    fn ping(&mut self, number: u64) -> impl Future<Output = Result<(), Departure>> + Send;

    /// Says why the connection is closed, and waits for the client to have heard it.
    fn close(&mut self, code: CloseCode) -> impl Future<Output = ()> + Send;
}

/// Serves one client to its end.
pub fn serve(
    node: Arc<Node>,
    transport: impl Transport,
    format: Format,
    mut place: Place,
) -> impl Future<Output = ()> + Send {
    // Before the future begins: it would keep room for what it is made from beside what is made.
    let mut socket = Socket::new(transport, format, &node);
    async move {
        if node.draining.is_cancelled() {
            let error =
                ErrorFrame::new(None, ErrorCode::Draining, "this gateway is going away: connect anew");
            let _ = socket.send(&ServerFrame::Error(error)).await;
            socket.close(CloseCode::GoingAway).await;
            return;
        }
        // Boxed: it is larger than all that a connection needs later, and would be kept as long as that.
        let greeted = Box::pin(handshake::greet(&node, &mut socket)).await;
        place.greeted();
        let departure = match greeted {
            Ok(welcome) => {
                let departure = driver::drive(&node, &mut socket, welcome).await;
                place.broken_off(departure);
                departure
            }
            Err(departure) => {
                place.refused(departure);
                node.metrics.hellos.inc((Greeting::Refused,));
                tracing::debug!(reason = departure.label(), "no session");
                departure
            }
        };
        node.metrics.disconnects.inc((departure,));
        if let Departure::Closed(code) = departure {
            socket.close(code).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Newcomer;
    use crate::stage::Stage;

    struct Silent;

    impl Transport for Silent {
        async fn receive(&mut self) -> Incoming {
            std::future::pending().await
        }

        async fn send(&mut self, _frame: Vec<u8>) -> Result<(), Departure> {
            Ok(())
        }

        async fn flush(&mut self) -> Result<(), Departure> {
            Ok(())
        }

        async fn ping(&mut self, _number: u64) -> Result<(), Departure> {
            Ok(())
        }

        async fn close(&mut self, _code: CloseCode) {}
    }

    #[tokio::test]
    async fn an_idle_connection_is_small() {
        let node = Stage::new().node;
        let place = node.admission.enter(Newcomer::default()).unwrap();
        let size = size_of_val(&serve(node, Silent, Format::Json, place));
        // With a socket and tokio's part it fits into what jemalloc gives for 2,560 bytes.
        assert!(size < 2_000, "what is rare has to be boxed: {size} bytes");
    }
}

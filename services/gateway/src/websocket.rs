//! One client's WebSocket.

use std::{error::Error, future::ready, panic::AssertUnwindSafe, sync::Arc};

use axum::{
    extract::{
        Extension, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{FutureExt as _, SinkExt};
use ringback_node::{
    Incoming, Node, Transport,
    admission::{Crowded, Full},
};
use ringback_session::Departure;
use ringback_telemetry::NoRoom;
use ringback_wire::{CloseCode, Format};
use tracing::Instrument;
use tungstenite::error::{CapacityError, ProtocolError};

use crate::{http::too_many, visitors::Visitor};

/// A frame this many times the limit is not even read: the connection is closed while it arrives.
const UNREADABLE: usize = 4;
/// Bytes that are read at once, and kept room for: a connection that says nothing has that room too.
const READ: usize = 2_048;
/// Bytes of frames that may wait for more to leave with.
const WRITTEN: usize = 4_096;
/// When a client that found no place should try again, in seconds; spread, so that they do not come back together.
const SOON: std::ops::RangeInclusive<u32> = 1..=3;
const LATER: std::ops::RangeInclusive<u32> = 5..=15;

/// `GET /v1/ws`
pub async fn upgrade(
    State(node): State<Arc<Node>>,
    Extension(Visitor(address)): Extension<Visitor>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let place = match node.admission.enter(address) {
        Ok(place) => place,
        Err(full) => return no_place(&node, full),
    };
    let limit = node.config.frames.frame_bytes;
    upgrade
        .protocols([Format::Json.subprotocol(), Format::MsgPack.subprotocol()])
        // Small buffers: an idle connection should cost kilobytes, not a hundred of them.
        .read_buffer_size(READ)
        .write_buffer_size(WRITTEN)
        .max_message_size(limit * UNREADABLE)
        .max_frame_size(limit * UNREADABLE)
        .on_upgrade(move |socket| {
            let tasks = node.tasks.clone();
            let span = tracing::info_span!("connection", id = tracing::field::Empty);
            let client = Client::new(socket);
            let format = client.format;
            let served = ringback_node::serve(node, client, format, place).instrument(span);
            let served = AssertUnwindSafe(served).catch_unwind().map(|ended| {
                if ended.is_err() {
                    tracing::error!("a connection's task failed");
                }
            });
            // On the tracker, so that a stopping gateway waits for it; and on its own, so that nothing is kept of what has
            // made it.
            tasks.spawn(served);
            ready(())
        })
}

fn no_place(node: &Node, full: Full) -> Response {
    tracing::debug!(?full, "a connection was turned away");
    let (wait, reason) = match full {
        Full::Connections => (fastrand::u32(LATER), NoRoom::Connections),
        Full::Greetings => (fastrand::u32(SOON), NoRoom::Greetings),
        Full::Address(crowded) => return not_from_there(node, crowded),
    };
    node.metrics.turned_away.inc((reason,));
    let headers = [(header::RETRY_AFTER, wait.to_string())];
    (StatusCode::SERVICE_UNAVAILABLE, headers, "no place for another connection: try again\n").into_response()
}

/// Its address has had its share.
pub fn not_from_there(node: &Node, crowded: Crowded) -> Response {
    let (wait, reason) = match crowded {
        Crowded::Connections(wait) => (wait, NoRoom::AddressConnections),
        Crowded::Rate(wait) => (wait, NoRoom::AddressRate),
        Crowded::Failures(wait) => (wait, NoRoom::AddressFailures),
    };
    node.metrics.turned_away.inc((reason,));
    too_many(wait)
}

/// The socket, and what may go over it.
struct Client {
    socket: WebSocket,
    format: Format,
}

impl Client {
    fn new(socket: WebSocket) -> Self {
        let protocol = socket.protocol().and_then(|name| name.to_str().ok());
        let format = protocol.and_then(Format::of_subprotocol).unwrap_or_default();
        Self { socket, format }
    }

    async fn write(&mut self, message: Message) -> Result<(), Departure> {
        self.socket.feed(message).await.map_err(|_| Departure::Client)
    }
}

impl Transport for Client {
    async fn receive(&mut self) -> Incoming {
        match (self.socket.recv().await, self.format) {
            (None | Some(Ok(Message::Close(_))), _) => Incoming::End(Departure::Client),
            (Some(Err(error)), _) => Incoming::End(broken(error)),
            (Some(Ok(Message::Pong(number))), _) => match <[u8; 8]>::try_from(&*number) {
                Ok(number) => Incoming::Pong(u64::from_be_bytes(number)),
                Err(_) => Incoming::Life,
            },
            (Some(Ok(Message::Ping(_))), _) => Incoming::Life,
            (Some(Ok(Message::Text(text))), Format::Json) => Incoming::Frame(Bytes::from(text)),
            (Some(Ok(Message::Binary(bytes))), Format::MsgPack) => Incoming::Frame(bytes),
            (Some(Ok(Message::Text(_) | Message::Binary(_))), _) => Incoming::End(CloseCode::BadFrame.into()),
        }
    }

    async fn send(&mut self, frame: Vec<u8>) -> Result<(), Departure> {
        match self.format {
            Format::MsgPack => self.write(Message::Binary(frame.into())).await,
            Format::Json => match String::from_utf8(frame) {
                Ok(text) => self.write(Message::Text(text.into())).await,
                Err(error) => {
                    tracing::error!(%error, "a frame is no text");
                    Ok(())
                }
            },
        }
    }

    async fn flush(&mut self) -> Result<(), Departure> {
        SinkExt::flush(&mut self.socket).await.map_err(|_| Departure::Client)
    }

    async fn ping(&mut self, number: u64) -> Result<(), Departure> {
        self.write(Message::Ping(Bytes::copy_from_slice(&number.to_be_bytes()))).await
    }

    /// Waits for the client to have heard it: a connection that is torn down with data unread resets, and the reason
    /// is lost.
    async fn close(&mut self, code: CloseCode) {
        let frame = CloseFrame { code: code.code(), reason: code.reason().into() };
        if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = self.socket.recv().await {}
        }
    }
}

fn broken(error: axum::Error) -> Departure {
    let error = error.into_inner();
    match error.downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })) => {
            CloseCode::FrameTooLarge.into()
        }
        Some(tungstenite::Error::Utf8(_)) => CloseCode::BadFrame.into(),
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Departure::Client,
        Some(tungstenite::Error::Protocol(_)) => CloseCode::BadFrame.into(),
        _ => {
            tracing::debug!(error = &*error as &dyn Error, "connection broken");
            Departure::Client
        }
    }
}

#[cfg(test)]
mod tests;

//! One client's WebSocket.

mod inflow;
mod upgrade;

use std::{
    error::Error,
    future::poll_fn,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{FutureExt as _, SinkExt, StreamExt as _};
use ringback_node::{
    Incoming, Node, Transport,
    admission::{Crowded, Full, Newcomer},
};
use ringback_session::Departure;
use ringback_telemetry::{NoRoom, Unwelcome};
use ringback_wire::{CloseCode, Format};
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::Instrument;
use tungstenite::{
    Message,
    error::{CapacityError, ProtocolError},
    protocol::{CloseFrame, frame::coding::CloseCode as Code},
};

use crate::{http::too_many, visitors::Visitor};

pub use inflow::Pace;
pub use upgrade::{Asked, Socket, upgraded};

/// When a client that found no place should try again, in seconds; spread, so that they do not come back together.
const SOON: std::ops::RangeInclusive<u32> = 1..=3;
const LATER: std::ops::RangeInclusive<u32> = 5..=15;
/// What a client adds to the address that comes back to a session: `/v1/ws?resume`.
const RESUMES: &str = "resume";
/// So late it can be noticed that a message took too long, and not be because nobody read.
const UNNOTICED: Duration = Duration::from_secs(1);

/// `GET /v1/ws`
pub async fn upgrade(State(node): State<Arc<Node>>, request: Request) -> Response {
    let visitor: Visitor = request.extensions().get().copied().unwrap_or_default();
    let resumes = request.uri().query().is_some_and(|query| query.split('&').any(|word| word == RESUMES));
    let Asked { answer, format, upgrade } = match Asked::read(request) {
        Ok(asked) => asked,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let newcomer = Newcomer { address: visitor.address, resumes };
    let place = match node.admission.enter(newcomer) {
        Ok(place) => place,
        Err(full) => return no_place(&node, full),
    };
    tokio::spawn(async move {
        let Some(socket) = upgraded(upgrade, node.config.frames.frame_bytes, visitor.pace).await else {
            return;
        };
        let tasks = node.tasks.clone();
        let span = tracing::info_span!("connection", id = tracing::field::Empty);
        let client = Client::new(socket, format, visitor.pace.message, Arc::clone(&node));
        let served = ringback_node::serve(node, client, format, place).instrument(span);
        let served = AssertUnwindSafe(served).catch_unwind().map(|ended| {
            if ended.is_err() {
                tracing::error!("a connection's task failed");
            }
        });
        // On the tracker, so that a stopping gateway waits for it; and on its own, so that nothing is kept of what has
        // made it.
        tasks.spawn(served);
    });
    answer
}

fn no_place(node: &Node, full: Full) -> Response {
    tracing::debug!(?full, "a connection was turned away");
    let (wait, reason) = match full {
        Full::Connections => (fastrand::u32(LATER), NoRoom::Connections),
        Full::Greetings => (fastrand::u32(SOON), NoRoom::Greetings),
        Full::Overloaded => (fastrand::u32(LATER), NoRoom::Overloaded),
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
    socket: Socket,
    format: Format,
    message: Duration,
    /// For what takes too long, or comes too fast. Few need it.
    alarm: Option<Pin<Box<Sleep>>>,
    node: Arc<Node>,
    /// The client has sent its close frame: ours leaves while what is left is read.
    closing: bool,
    /// What it broke WebSocket with, in WebSocket's own words.
    violation: Option<Code>,
}

impl Client {
    const fn new(socket: Socket, format: Format, message: Duration, node: Arc<Node>) -> Self {
        Self { socket, format, message, alarm: None, node, closing: false, violation: None }
    }

    async fn write(&mut self, message: Message) -> Result<(), Departure> {
        self.socket.feed(message).await.map_err(|_| Departure::Client)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        if let Some(until) = self.socket.get_ref().rest() {
            if self.alarm.is_none() {
                self.node.metrics.unwelcome.inc((Unwelcome::Bytes,));
            }
            ready!(self.wait(until, cx));
        }
        while let Poll::Ready(received) = self.socket.poll_next_unpin(cx) {
            self.alarm = None;
            self.closing |= matches!(received, Some(Ok(Message::Close(_))));
            // The answer to a close frame leaves with what is read after it; there is nothing after the end.
            if self.closing && matches!(received, Some(Ok(_))) {
                continue;
            }
            return Poll::Ready(self.read(received));
        }
        let Some(began) = self.socket.get_ref().unfinished() else {
            self.alarm = None;
            return Poll::Pending;
        };
        let until = began + self.message;
        ready!(self.wait(until, cx));
        if until.elapsed() > UNNOTICED {
            // While the backlog is full nobody reads, and what the client sends has nowhere to go.
            self.socket.get_mut().forgive();
            self.alarm = None;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.node.metrics.unwelcome.inc((Unwelcome::SlowMessage,));
        Poll::Ready(Incoming::End(CloseCode::NoPong.into()))
    }

    fn wait(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if alarm.deadline() != until {
            alarm.as_mut().reset(until);
        }
        alarm.as_mut().poll(cx)
    }

    fn read(&mut self, received: Option<Result<Message, tungstenite::Error>>) -> Incoming {
        match (received, self.format) {
            (None | Some(Ok(Message::Close(_))), _) => Incoming::End(Departure::Client),
            (Some(Err(_)), _) if self.closing => Incoming::End(Departure::Client),
            (Some(Err(error)), _) => {
                let (departure, violation) = broken(&error);
                self.violation = violation;
                Incoming::End(departure)
            }
            (Some(Ok(Message::Pong(number))), _) => match <[u8; 8]>::try_from(&*number) {
                Ok(number) => Incoming::Pong(u64::from_be_bytes(number)),
                Err(_) => Incoming::Life,
            },
            (Some(Ok(Message::Ping(_) | Message::Frame(_))), _) => Incoming::Life,
            (Some(Ok(Message::Text(text))), Format::Json) => Incoming::Frame(Bytes::from(text)),
            (Some(Ok(Message::Binary(bytes))), Format::MsgPack) => Incoming::Frame(bytes),
            (Some(Ok(Message::Text(_) | Message::Binary(_))), _) => Incoming::End(CloseCode::BadFrame.into()),
        }
    }
}

impl Transport for Client {
    async fn receive(&mut self) -> Incoming {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    async fn send(&mut self, frame: Vec<u8>) -> Result<(), Departure> {
        match self.format {
            Format::MsgPack => self.write(Message::Binary(frame.into())).await,
            Format::Json => match String::from_utf8(frame) {
                Ok(text) => self.write(Message::text(text)).await,
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

    async fn close(&mut self, code: CloseCode) {
        close(&mut self.socket, self.violation.unwrap_or_else(|| Code::from(code.code())), code.reason())
            .await;
    }
}

/// Says why, and waits for the client to have heard it: a connection that is torn down with data unread resets, and the
/// reason is lost.
pub async fn close(socket: &mut Socket, code: Code, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// What an error in reading is to the connection. Who breaks WebSocket itself is told so by its own code (RFC 6455, section
/// 7.4.1), not by one of ours.
pub fn broken(error: &tungstenite::Error) -> (Departure, Option<Code>) {
    use tungstenite::Error::{Capacity, Protocol, Utf8};
    match error {
        Capacity(CapacityError::MessageTooLong { .. }) => (CloseCode::FrameTooLarge.into(), None),
        Protocol(ProtocolError::ResetWithoutClosingHandshake) => (Departure::Client, None),
        Utf8(_) => (CloseCode::BadFrame.into(), Some(Code::Invalid)),
        Protocol(_) => (CloseCode::BadFrame.into(), Some(Code::Protocol)),
        _ => {
            tracing::debug!(error = error as &dyn Error, "connection broken");
            (Departure::Client, None)
        }
    }
}

#[cfg(test)]
mod tests;

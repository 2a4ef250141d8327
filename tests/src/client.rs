//! A client: one WebSocket connection of one device, in either encoding.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;

use crate::codec::Codec;
use crate::inbox::{Ending, History, Inbox};
use crate::patience::SOON;
use crate::shape::{brief, with};

/// Who connects, from where, how.
#[derive(Debug, Clone)]
pub struct Seat {
    /// The user, as in the token's `sub`.
    pub user: String,
    /// The device; `None` lets the server make one up.
    pub device: Option<String>,
    /// The client port of the gateway to connect to.
    pub port: u16,
    /// The encoding.
    pub codec: Codec,
    /// The token for `hello`.
    pub token: String,
    /// Whether the upgrade names the encoding. A client that names none gets JSON.
    pub names_protocol: bool,
}

/// One connection. Dropping it closes the socket without a word, as a network that goes away does.
#[derive(Debug)]
pub struct Client {
    /// Who this is.
    pub seat: Seat,
    /// What has been received.
    pub inbox: Arc<Inbox>,
    /// What the device knows; shared with the device's later connections.
    pub history: Arc<Mutex<History>>,
    welcome: OnceLock<Value>,
    sink: tokio::sync::Mutex<SplitSink<WebSocketStream<TcpStream>, Message>>,
    reader: JoinHandle<()>,
    next_id: AtomicU64,
}

impl Client {
    /// Opens the WebSocket; says nothing yet.
    pub async fn open(seat: Seat) -> Result<Self> {
        Self::start(seat, Arc::default(), 1).await
    }

    /// Opens the WebSocket for a device that comes back. Its requests go on counting: ids grow within a session, and
    /// one used before would be taken for a repetition.
    pub async fn reopen(left: &Left, port: u16) -> Result<Self> {
        let seat = Seat { port, ..left.seat.clone() };
        Self::start(seat, Arc::clone(&left.history), left.next_id).await
    }

    /// Opens the WebSocket over a connection that somebody else has made.
    pub async fn open_over(seat: Seat, stream: TcpStream) -> Result<Self> {
        let socket =
            timeout(SOON, upgrade_over(&seat, stream)).await.context("no answer to the upgrade")??;
        Ok(Self::speak(seat, socket, Arc::default(), 1))
    }

    async fn start(seat: Seat, history: Arc<Mutex<History>>, next_id: u64) -> Result<Self> {
        let socket = timeout(SOON, upgrade(&seat)).await.context("no answer to the upgrade")??;
        Ok(Self::speak(seat, socket, history, next_id))
    }

    fn speak(
        seat: Seat,
        socket: WebSocketStream<TcpStream>,
        history: Arc<Mutex<History>>,
        next_id: u64,
    ) -> Self {
        let (sink, stream) = socket.split();
        let device = seat.device.as_deref().unwrap_or("-");
        let inbox = Arc::new(Inbox::new(format!("{}/{device}@{}", seat.user, seat.port)));
        let reader = tokio::spawn(read(stream, seat.codec, Arc::clone(&inbox), Arc::clone(&history)));
        Self {
            seat,
            inbox,
            history,
            welcome: OnceLock::new(),
            sink: tokio::sync::Mutex::new(sink),
            reader,
            next_id: AtomicU64::new(next_id),
        }
    }

    /// Says `hello`, with `more` fields in or over the usual ones, and keeps the ack.
    pub async fn hello(&self, more: Value) -> Result<Value, Value> {
        let mut fields = json!({
            "token": self.seat.token,
            "client": {"name": "ringback-tests", "version": "1.0.0"},
        });
        if let Some(device) = &self.seat.device {
            fields["device"] = json!(device);
        }
        let ack = self.request("hello", with(fields, more)).await?;
        Ok(self.welcome.get_or_init(|| ack).clone())
    }

    /// The ack of `hello`.
    pub fn welcome(&self) -> &Value {
        self.welcome.get().expect("hello has been said")
    }

    /// The session's id.
    pub fn session(&self) -> String {
        self.welcome()["session"].as_str().expect("a session in the hello's ack").to_owned()
    }

    /// This device, as it stands in `by` and `from`.
    pub fn who(&self) -> Value {
        json!({"user": self.seat.user, "device": self.welcome()["device"]})
    }

    /// Sends a request and gives its one reply, the ack or the error. Panics if none comes in time.
    pub async fn request(&self, kind: &str, fields: Value) -> Result<Value, Value> {
        let id = self.post(kind, fields).await;
        self.reply(id).await
    }

    /// Sends a request and returns its id without waiting for the reply.
    pub async fn post(&self, kind: &str, fields: Value) -> u64 {
        // The id is taken under the sink's lock: ids must grow in the order in which the frames go out.
        let mut sink = self.sink.lock().await;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let map = with(json!({"type": kind, "id": id}), fields);
        self.inbox.note_sent(Some(id), &brief(&map));
        // A socket that is gone shows when the reply does not come.
        let _ = sink.send(self.seat.codec.frame(self.seat.codec.bytes(&map))).await;
        id
    }

    /// Sends a map as it stands. A positive whole `id` in it is remembered as a request's.
    pub async fn post_map(&self, map: &Value) {
        self.inbox.note_sent(map["id"].as_u64().filter(|id| *id > 0), &brief(map));
        let frame = self.seat.codec.frame(self.seat.codec.bytes(map));
        let _ = self.sink.lock().await.send(frame).await;
    }

    /// Sends any frame; what comes back is the caller's business. Returns whether the socket took it.
    pub async fn post_frame(&self, frame: Message) -> bool {
        self.inbox.note_sent(None, &format!("a raw frame of {} bytes", frame.len()));
        self.sink.lock().await.send(frame).await.is_ok()
    }

    /// The reply to request `id`. Panics if none comes in time.
    pub async fn reply(&self, id: u64) -> Result<Value, Value> {
        let found = self.inbox.wait(SOON, |received| {
            let reply = received.replies.get_mut(&id).and_then(|replies| replies.pop_front());
            match (reply, &received.ending) {
                (Some(reply), _) => Some(Ok(reply)),
                (None, Some(ending)) => Some(Err(ending.clone())),
                (None, None) => None,
            }
        });
        let reply = match found.await {
            Some(Ok(reply)) => reply,
            Some(Err(ending)) => panic!("{}: request {id} has no reply, but {ending:?}", self.seat.user),
            None => panic!("{}: request {id} has no reply", self.seat.user),
        };
        if reply["type"] == "ack" { Ok(reply) } else { Err(reply) }
    }

    /// How the connection ended; panics if it does not end within `limit`.
    pub async fn ending(&self, limit: Duration) -> Ending {
        let ending = self.inbox.wait(limit, |received| received.ending.clone()).await;
        ending.unwrap_or_else(|| panic!("{}: the connection is still open", self.seat.user))
    }

    /// The code of the close frame that ended the connection, if there was one.
    pub async fn close_code(&self) -> Option<u16> {
        match self.ending(SOON).await {
            Ending::Closed(code, _) => Some(code),
            Ending::Dropped(_) => None,
        }
    }

    /// What this device has seen of its calls, for a `hello` that resumes.
    pub fn seen(&self) -> Value {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).seen()
    }

    /// Says goodbye with a close frame, waits for the server's, and lets go of the socket.
    pub async fn close(self) {
        let _ = self.sink.lock().await.close().await;
        self.ending(SOON).await;
    }

    /// What the device needs to come back on another connection.
    pub fn left(&self) -> Left {
        Left {
            seat: self.seat.clone(),
            session: self.session(),
            history: Arc::clone(&self.history),
            next_id: self.next_id.load(Ordering::Relaxed),
        }
    }

    /// Loses the network: the socket is gone, no close frame is sent.
    pub async fn cut(mut self) -> Left {
        let left = self.left();
        self.reader.abort();
        // The reader owns half of the socket; it is closed when both halves are gone.
        let _ = (&mut self.reader).await;
        self.inbox.note_sent(None, "(the connection is cut)");
        left
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// What a device keeps when its connection is lost.
#[derive(Debug, Clone)]
pub struct Left {
    /// Who it was.
    pub seat: Seat,
    /// The session it had.
    pub session: String,
    /// What it has seen.
    pub history: Arc<Mutex<History>>,
    /// The id of its next request.
    pub next_id: u64,
}

pub(crate) async fn upgrade(seat: &Seat) -> Result<WebSocketStream<TcpStream>> {
    upgrade_over(seat, TcpStream::connect(("127.0.0.1", seat.port)).await?).await
}

async fn upgrade_over(seat: &Seat, stream: TcpStream) -> Result<WebSocketStream<TcpStream>> {
    let mut request = format!("ws://127.0.0.1:{}/v1/ws", seat.port).into_client_request()?;
    let protocol = HeaderValue::from_static(seat.codec.subprotocol());
    if seat.names_protocol {
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol.clone());
    }
    stream.set_nodelay(true)?;
    let (socket, answer) = tokio_tungstenite::client_async(request, stream).await?;
    let chosen = answer.headers().get(SEC_WEBSOCKET_PROTOCOL);
    anyhow::ensure!(
        !seat.names_protocol || chosen == Some(&protocol),
        "the server chose the subprotocol {chosen:?}"
    );
    Ok(socket)
}

async fn read(
    mut stream: SplitStream<WebSocketStream<TcpStream>>,
    codec: Codec,
    inbox: Arc<Inbox>,
    history: Arc<Mutex<History>>,
) {
    while let Some(frame) = stream.next().await {
        match frame {
            Ok(Message::Close(None)) => inbox.end(Ending::Closed(1005, String::new())),
            Ok(Message::Close(Some(close))) => {
                inbox.end(Ending::Closed(close.code.into(), close.reason.to_string()));
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(frame) => match codec.decode(&frame) {
                Ok(value) => inbox.take_in(value, &history),
                Err(error) => inbox.fault(format!("a frame that can't be read: {error:#}")),
            },
            Err(error) => inbox.end(Ending::Dropped(error.to_string())),
        }
    }
    inbox.end(Ending::Dropped("end of stream".to_owned()));
}

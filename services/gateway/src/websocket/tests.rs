//! A client with a socket of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use ringback_auth::Verifier;
use ringback_node::Node;
use ringback_store::{Partitions, memory::MemoryStore};
use ringback_telemetry::{Metrics, Telemetry};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;
use tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::{
    http,
    settings::Settings,
    visitors::{Knock, Visitors},
};

/// For a frame to leave.
const WRITE: Duration = Duration::from_secs(1);
/// What the systems on both sides hold of what is on its way: less than one of the frames here, so that it leaves only as it
/// is read.
const BUFFER: u32 = 8 * 1024;

/// A gateway on its own, with sockets that hold little.
async fn gateway() -> (Arc<Node>, SocketAddr) {
    gateway_with(&[]).await
}

async fn gateway_with(more: &[(&'static str, &str)]) -> (Arc<Node>, SocketAddr) {
    let overrides = [("auth.dev", "true"), ("timeouts.write_ms", "1000"), ("timeouts.message_ms", "1000")];
    let overrides = overrides.iter().chain(more).map(|(key, value)| (*key, (*value).to_owned())).collect();
    let settings = Settings::load(None, overrides).unwrap();
    let visitors = Arc::new(Visitors::new(settings.manners));
    assert_eq!(settings.node.connection.write, WRITE);
    let store = Arc::new(MemoryStore::new(Partitions::DEFAULT));
    let telemetry = Telemetry { metrics: Arc::new(Metrics::new().unwrap()), tracer: None };
    let node = Node::new(settings.node, store, Verifier::TakesAnyName, CancellationToken::new(), telemetry);
    node.start();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(BUFFER).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let address = listener.local_addr().unwrap();
    node.essential(
        "client port",
        http::serve(
            listener,
            None,
            http::client_port(Arc::clone(&node), visitors),
            |_| Some(Knock::default()),
            node.stop.clone(),
        ),
    );
    while node.not_ready().is_some() {
        sleep(Duration::from_millis(10)).await;
    }
    (node, address)
}

struct Client {
    socket: WebSocketStream<TcpStream>,
    requests: u64,
}

impl Client {
    /// A user's device, and the reply to its hello.
    async fn connect(address: SocketAddr, user: &str, more: Value) -> (Self, Value) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(BUFFER).unwrap();
        let stream = socket.connect(address).await.unwrap();
        let (socket, _) = client_async(format!("ws://{address}/v1/ws"), stream).await.unwrap();
        let mut client = Self { socket, requests: 0 };
        let mut hello = json!({"type": "hello", "token": user, "device": "phone"});
        hello.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let ack = client.ask(hello).await;
        (client, ack)
    }

    async fn hears(&mut self) -> Value {
        loop {
            match timeout(Duration::from_secs(10), self.socket.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn hears_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.hears().await;
            assert_ne!(frame["type"], "error", "{frame}");
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The reply.
    async fn ask(&mut self, mut frame: Value) -> Value {
        self.requests += 1;
        frame["id"] = self.requests.into();
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
        self.hears_of("ack").await
    }
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_steadily_is_told_all_it_has_missed() {
    let (node, address) = gateway().await;
    let (mut alice, _) = Client::connect(address, "alice", json!({})).await;
    let (mut bob, hello) = Client::connect(address, "bob", json!({})).await;
    let call = alice.ask(json!({"type": "call:init", "to": "bob"})).await["call"].clone();
    bob.hears_of("call:incoming").await;
    bob.ask(json!({"type": "call:accept", "call": call})).await;
    alice.hears_of("call:accepted").await;
    alice.ask(json!({"type": "webrtc:offer", "call": call, "sdp": "offer"})).await;
    let seen = bob.hears_of("webrtc:offer").await["seq"].clone();
    bob.ask(json!({"type": "webrtc:answer", "call": call, "sdp": "answer"})).await;
    drop(bob);

    let candidate = json!({"candidate": "c".repeat(2_000)});
    let missed = 60;
    for _ in 0..missed {
        let candidates = vec![candidate.clone(); 25];
        alice.ask(json!({"type": "webrtc:ice", "call": call, "candidates": candidates})).await;
    }
    let call = call.as_str().unwrap();
    let more = json!({"session": hello["session"], "seen": {call: seen}});
    let (mut bob, again) = Client::connect(address, "bob", more).await;
    assert_eq!(again["resumed"], true);
    let began = Instant::now();
    for _ in 0..missed {
        bob.hears_of("webrtc:ice").await;
        // No condition stands behind this: it is how slow the client is.
        sleep(WRITE / 20).await;
    }
    assert!(began.elapsed() > WRITE * 2);
    bob.ask(json!({"type": "ping"})).await;
    node.end().await;
}

/// Its close frame, and that the connection is over then.
async fn is_closed_by(mut client: Client) -> Option<u16> {
    let mut code = None;
    let closed = async {
        while let Some(message) = client.socket.next().await {
            if let Message::Close(frame) = message.unwrap() {
                code = frame.map(|frame| u16::from(frame.code));
            }
        }
    };
    timeout(Duration::from_secs(10), closed).await.unwrap();
    code
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let (node, address) = gateway().await;
    let (mut alice, _) = Client::connect(address, "alice", json!({})).await;
    let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    alice.socket.send(Message::Close(Some(frame))).await.unwrap();
    assert_eq!(is_closed_by(alice).await, Some(1000));
    node.end().await;
}

#[tokio::test]
async fn who_breaks_websocket_is_told_so_in_its_own_words() {
    let (node, address) = gateway().await;
    // A frame without a mask, one with a reserved bit, and text that is no UTF-8.
    let frames: [(&[u8], u16); 3] = [
        (&[0x81, 0x01, b'x'], 1002),
        (&[0xc1, 0x81, 0, 0, 0, 0, b'x'], 1002),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
    ];
    for (frame, code) in frames {
        let (mut mallory, _) = Client::connect(address, "mallory", json!({})).await;
        mallory.socket.get_mut().write_all(frame).await.unwrap();
        assert_eq!(is_closed_by(mallory).await, Some(code), "{frame:x?}");
    }
    node.end().await;
}

mod senders;

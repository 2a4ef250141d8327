//! The floor: the least relay possible. A WebSocket, a channel in Redis for each user, and nothing else: no tokens, no
//! calls, no checks, no acks, nothing stored. What Ringback costs beyond this, its guarantees cost.
//!
//! `GET /v1/ws?user=<name>`. The first frame to the client is `{"type":"ready"}`, once it can be reached. A text frame from
//! it is the name of whom it is for, a line feed, and what that one gets.
//!
//! One that *keeps* does in addition the least that any server must which acknowledges nothing before it is safe: one script
//! stores the message in a stream of whom it is for, and publishes it, and then the sender is told `{"type":"kept"}`. It
//! parts what the promise itself costs from what is made of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Router,
    extract::{
        RawQuery, State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes, WebSocket},
    },
    response::Response,
    routing::get,
    serve::ListenerExt as _,
};
use fred::{
    clients::Client,
    interfaces::{EventInterface as _, PubsubInterface as _},
    types::scripts::Script,
};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

/// What waits for one client; more is dropped, since the floor promises nothing.
const OUTBOX: usize = 256;
/// How long one frame may take to leave.
const LEAVING: std::time::Duration = std::time::Duration::from_secs(10);

/// KEYS: a stream, the newest messages to one user. ARGV: that user's channel, the message.
const KEEP: &str = "redis.call('XADD', KEYS[1], 'MAXLEN', '~', '32', '*', 'm', ARGV[2])
redis.call('PEXPIRE', KEYS[1], '60000')
return redis.call('PUBLISH', ARGV[1], ARGV[2])";
const KEPT: &str = r#"{"type":"kept"}"#;

struct Floor {
    /// What stores a message and publishes it, if messages are kept.
    keeps: Option<Script>,
    publisher: Client,
    subscriber: Client,
    here: Mutex<HashMap<String, mpsc::Sender<String>>>,
}

/// Serves until it is told to stop.
pub(crate) async fn serve(
    listen: &str,
    redis: &str,
    keeps: bool,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let publisher = crate::redis::connect(redis).await?;
    let keeps = keeps.then(|| Script::from_lua(KEEP));
    if let Some(script) = &keeps {
        script.load(&publisher).await.context("a script")?;
    }
    let floor = Arc::new(Floor {
        keeps,
        publisher,
        subscriber: crate::redis::connect(redis).await?,
        here: Mutex::default(),
    });
    let pump = tokio::spawn(pump(Arc::clone(&floor)));
    let app =
        Router::new().route("/v1/ws", get(upgrade)).route("/readyz", get(async || "ok\n")).with_state(floor);
    let listener = TcpListener::bind(listen).await.with_context(|| format!("can't listen on {listen}"))?;
    let listener = listener.tap_io(|tcp| {
        // Without it, frames wait for the ack of those before them.
        let _ = tcp.set_nodelay(true);
    });
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        () = stop.cancelled() => {}
    }
    pump.abort();
    Ok(())
}

/// As the gateway has it: the same buffers, or else not Ringback would be compared.
async fn upgrade(
    State(floor): State<Arc<Floor>>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let query = query.unwrap_or_default();
    let user = query.strip_prefix("user=").unwrap_or_default().to_owned();
    let upgrade = upgrade.read_buffer_size(2_048).write_buffer_size(4_096);
    upgrade.on_upgrade(move |socket| async move { floor.attend(user, socket).await })
}

fn channel(user: &str) -> String {
    format!("floor:{user}")
}

impl Floor {
    fn here(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<String>>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn attend(&self, user: String, mut socket: WebSocket) {
        let channel = channel(&user);
        let (sender, mut inbox) = mpsc::channel(OUTBOX);
        self.here().insert(channel.clone(), sender);
        if self.subscriber.subscribe(channel.clone()).await.is_ok() {
            let ready = Message::text(r#"{"type":"ready"}"#);
            if socket.send(ready).await.is_ok() {
                self.relay(&mut socket, &mut inbox).await;
            }
        }
        self.here().remove(&channel);
        // One that stays subscribed costs Redis a little, and nobody a message.
        let _ = self.subscriber.unsubscribe(channel).await;
    }

    async fn relay(&self, socket: &mut WebSocket, inbox: &mut mpsc::Receiver<String>) {
        loop {
            tokio::select! {
                frame = socket.recv() => match frame {
                    Some(Ok(Message::Text(text))) => {
                        let Some((to, what)) = text.split_once('\n') else { return };
                        if self.pass(to, what).await.is_err() {
                            return;
                        }
                        if self.keeps.is_some() && !leaves(socket, KEPT.into()).await {
                            return;
                        }
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => return,
                },
                told = inbox.recv() => {
                    let Some(told) = told else { return };
                    if !leaves(socket, told.into()).await {
                        return;
                    }
                }
            }
        }
    }

    async fn pass(&self, to: &str, what: &str) -> Result<(), fred::error::Error> {
        match &self.keeps {
            Some(script) => {
                let args = vec![channel(to), what.to_owned()];
                script.evalsha(&self.publisher, vec![format!("kept:{to}")], args).await
            }
            None => self.publisher.publish(channel(to), what).await,
        }
    }
}

async fn leaves(socket: &mut WebSocket, text: Utf8Bytes) -> bool {
    matches!(timeout(LEAVING, socket.send(Message::Text(text))).await, Ok(Ok(())))
}

/// Gives what Redis publishes to whom it is for.
async fn pump(floor: Arc<Floor>) {
    let mut messages = floor.subscriber.message_rx();
    loop {
        let message = match messages.recv().await {
            Ok(message) => message,
            // What was missed is lost.
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => continue,
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        };
        let sender = floor.here().get(&*message.channel).cloned();
        if let (Some(sender), Some(text)) = (sender, message.value.into_string()) {
            let _ = sender.try_send(text);
        }
    }
}

//! One story's place in a shared world: users nobody else has, and a record of every connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::client::{Client, Left, Seat};
use crate::codec::Codec;
use crate::inbox::Inbox;
use crate::patience::{SOON, eventually};
use crate::token;
use crate::world::World;

/// Who speaks which encoding.
#[derive(Debug, Clone, Copy)]
pub struct Cast {
    /// The part of the trial's name.
    pub name: &'static str,
    /// What callers speak.
    pub caller: Codec,
    /// What callees speak.
    pub callee: Codec,
}

impl Cast {
    /// Both JSON, both MessagePack, one of each.
    pub const ALL: [Self; 3] = [
        Self { name: "json", caller: Codec::Json, callee: Codec::Json },
        Self { name: "msgpack", caller: Codec::MessagePack, callee: Codec::MessagePack },
        Self { name: "mixed", caller: Codec::Json, callee: Codec::MessagePack },
    ];
}

static STORIES: AtomicU64 = AtomicU64::new(1);

/// Where a story plays.
#[derive(Debug)]
pub struct Stage {
    /// The running parts.
    pub world: Arc<World>,
    /// The encodings.
    pub cast: Cast,
    tag: String,
    inboxes: Mutex<Vec<Arc<Inbox>>>,
}

impl Stage {
    /// A new stage in `world`.
    pub fn new(world: Arc<World>, cast: Cast) -> Self {
        let tag = format!("{}", STORIES.fetch_add(1, Ordering::Relaxed));
        Self { world, cast, tag, inboxes: Mutex::default() }
    }

    /// The full name of a user of this story.
    pub fn user(&self, name: &str) -> String {
        format!("{name}-{}", self.tag)
    }

    /// A seat at the `n`th gateway.
    pub fn seat(&self, name: &str, device: &str, gateway: usize, codec: Codec) -> Seat {
        let user = self.user(name);
        let token = token::good(&user);
        let port = self.world.gateway(gateway).port();
        Seat { user, device: Some(device.to_owned()), port, codec, token, names_protocol: true }
    }

    /// A caller's seat: the first gateway, the caller's encoding.
    pub fn caller_seat(&self, name: &str) -> Seat {
        self.seat(name, "desk", 0, self.cast.caller)
    }

    /// A callee's seat: the second gateway, the callee's encoding.
    pub fn callee_seat(&self, name: &str) -> Seat {
        self.seat(name, "phone", 1, self.cast.callee)
    }

    /// A caller, connected and greeted.
    pub async fn caller(&self, name: &str) -> Client {
        self.join(self.caller_seat(name)).await
    }

    /// A callee, connected and greeted.
    pub async fn callee(&self, name: &str) -> Client {
        self.join(self.callee_seat(name)).await
    }

    /// A further device of a callee, at the `n`th gateway.
    pub async fn callee_device(&self, name: &str, device: &str, gateway: usize) -> Client {
        self.join(self.seat(name, device, gateway, self.cast.callee)).await
    }

    /// Two users, each with one device.
    pub async fn pair(&self) -> (Client, Client) {
        (self.caller("alice").await, self.callee("bob").await)
    }

    /// A connection that has said nothing yet.
    pub async fn open(&self, seat: Seat) -> Client {
        self.record(Client::open(seat).await)
    }

    fn record(&self, client: anyhow::Result<Client>) -> Client {
        let client = client.expect("the gateway takes a connection");
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&client.inbox));
        client
    }

    /// A connection that has been greeted.
    pub async fn join(&self, seat: Seat) -> Client {
        let client = self.open(seat).await;
        greet(&client, json!({})).await;
        client
    }

    /// A lost device comes back at the `n`th gateway with its session and what it has seen.
    pub async fn resume(&self, left: &Left, gateway: usize) -> Client {
        let client = self.record(Client::reopen(left, self.world.gateway(gateway).port()).await);
        greet(&client, json!({"session": left.session, "seen": client.seen()})).await;
        client
    }

    /// The same, saying that it has seen something else than it has. Returns the client and what hello was answered.
    pub async fn resume_with(&self, left: &Left, gateway: usize, seen: Value) -> (Client, Value) {
        let client = self.record(Client::reopen(left, self.world.gateway(gateway).port()).await);
        let ack = client.hello(json!({"session": left.session, "seen": seen})).await;
        (client, ack.expect("its hello is taken"))
    }

    /// A lost device comes back at the `n`th gateway as one that has forgotten everything but its name.
    pub async fn start_over(&self, left: &Left, gateway: usize) -> Client {
        self.join(Seat { port: self.world.gateway(gateway).port(), ..left.seat.clone() }).await
    }

    /// Puts a line into what is printed when the story fails.
    pub fn note(&self, line: &str) {
        let inbox = Inbox::new("note".to_owned());
        inbox.note_sent(None, line);
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(inbox));
    }

    /// Waits until every gateway is ready; `false` if one is not.
    pub async fn all_ready(&self) -> bool {
        for gateway in &self.world.gateways {
            let ready = eventually(SOON, async || gateway.ready().await.then_some(())).await;
            if ready.is_none() {
                return false;
            }
        }
        true
    }

    /// The invariants broken on any connection of this story.
    pub fn faults(&self) -> Vec<String> {
        self.each_inbox(Inbox::faults).into_iter().flatten().collect()
    }

    /// All that went over any connection of this story.
    pub fn transcript(&self) -> String {
        self.each_inbox(Inbox::transcript).concat()
    }

    fn each_inbox<T>(&self, look: impl Fn(&Inbox) -> T) -> Vec<T> {
        let inboxes = self.inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        inboxes.iter().map(|inbox| look(inbox)).collect()
    }
}

async fn greet(client: &Client, more: Value) {
    match client.hello(more).await {
        Ok(ack) => check_welcome(client, &ack),
        Err(error) => panic!("{}: hello was refused: {error}", client.seat.user),
    }
}

/// What every hello's ack must say, whatever the story is about.
fn check_welcome(client: &Client, ack: &Value) {
    assert_eq!(ack["user"], client.seat.user, "the token's sub is the user");
    if let Some(device) = &client.seat.device {
        assert_eq!(ack["device"], **device, "the device keeps its name");
    }
    assert!(ack["session"].as_str().is_some_and(|id| !id.is_empty()), "a session: {ack}");
    assert!(ack["resumed"].is_boolean(), "resumed or not: {ack}");
    assert!(ack["node"].is_string(), "the node's name: {ack}");
    assert!(ack["heartbeat_ms"].as_u64().is_some_and(|ms| ms > 0), "a heartbeat: {ack}");
    assert!(
        ack["token_expires_at"].as_u64().is_some_and(|at| at > 1_700_000_000_000),
        "in milliseconds: {ack}"
    );
    assert!(ack["ice_servers"].is_array() && ack["calls"].is_array(), "two lists: {ack}");
}

//! A webhook's receiver: a real HTTP server that checks signatures, remembers everything, and can be told to misbehave.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::runtime::Runtime;

use crate::patience::eventually;
use crate::ports::free_port;
use crate::server::serve;

/// What the receiver knows senders by, as the gateway's setting has it.
pub const SECRET: &str = "whsec_cmluZ2JhY2stdGVzdHMtb2Ytd2ViaG9va3M=";

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes the event.
    Takes,
    /// Takes it, but not at once.
    TakesAfter(Duration),
    /// Answers with this JSON, as a policy does.
    Says(&'static str),
    /// The same, but not at once.
    SaysAfter(&'static str, Duration),
    /// Answers with another status.
    Answers(u16),
    /// Does not answer.
    Hangs,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Got {
    /// The event's name.
    pub id: String,
    /// The event.
    pub event: Value,
    /// The trace it was said to belong to.
    pub traceparent: Option<String>,
    /// Whether it was taken.
    pub taken: bool,
}

impl Got {
    /// Of which call.
    pub fn call(&self) -> &str {
        self.event["call"].as_str().unwrap_or_default()
    }

    /// Which event.
    pub fn kind(&self) -> &str {
        self.event["type"].as_str().unwrap_or_default()
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Those that begin with `webhook-`.
    pub headers: BTreeMap<String, String>,
    /// The event.
    pub body: Vec<u8>,
}

type Choose = Arc<dyn Fn(&Value) -> Mood + Send + Sync>;

struct Desk {
    mood: Choose,
    got: Vec<Got>,
    last: Option<Raw>,
    /// What was wrong with requests.
    faults: Vec<String>,
}

/// One receiver.
pub struct Receiver {
    port: u16,
    desk: Arc<Mutex<Desk>>,
    server: Option<Runtime>,
}

impl Receiver {
    /// One that listens and takes everything.
    pub fn start() -> Self {
        let desk = Desk { mood: Arc::new(|_| Mood::Takes), got: Vec::new(), last: None, faults: Vec::new() };
        let mut receiver = Self { port: free_port(), desk: Arc::new(Mutex::new(desk)), server: None };
        receiver.go_on();
        receiver
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks", self.port)
    }

    /// Ends it with all its connections.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown_background();
        }
    }

    /// Starts it again at the same port.
    pub fn go_on(&mut self) {
        let router = Router::new().fallback(take).with_state(Arc::clone(&self.desk));
        self.server = Some(serve(self.port, router));
    }

    /// Does something else with requests from now on.
    pub fn is(&self, mood: Mood) {
        self.chooses(move |_| mood);
    }

    /// Looks at each event first.
    pub fn chooses(&self, mood: impl Fn(&Value) -> Mood + Send + Sync + 'static) {
        self.desk().mood = Arc::new(mood);
    }

    /// Every request so far.
    pub fn got(&self) -> Vec<Got> {
        self.desk().got.clone()
    }

    /// The last request, as it came.
    pub fn last_request(&self) -> Option<Raw> {
        self.desk().last.clone()
    }

    /// The events it has taken, each as often as it was sent, by call.
    pub fn taken(&self) -> BTreeMap<String, Vec<Got>> {
        let mut calls: BTreeMap<String, Vec<Got>> = BTreeMap::new();
        for got in self.got().into_iter().filter(|got| got.taken) {
            calls.entry(got.call().to_owned()).or_default().push(got);
        }
        calls
    }

    /// The types of the events of a call that it has taken, each at its first time.
    pub fn story_of(&self, call: &str) -> Vec<String> {
        let mut kinds: Vec<String> = Vec::new();
        for got in self.taken().remove(call).unwrap_or_default() {
            if !kinds.iter().any(|kind| kind == got.kind()) {
                kinds.push(got.kind().to_owned());
            }
        }
        kinds
    }

    /// Waits until it has taken these of a call, in this order.
    pub async fn hears(&self, limit: Duration, call: &str, kinds: &[&str]) {
        let all = eventually(limit, async || (self.story_of(call).len() >= kinds.len()).then_some(()));
        let came = all.await.is_some();
        let story = self.story_of(call);
        assert!(came && story == kinds, "of {call} it has heard {story:?}, not {kinds:?}");
    }

    /// What was wrong with requests: there must never be anything.
    pub fn faults(&self) -> Vec<String> {
        self.desk().faults.clone()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        lock(&self.desk)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn take(
    State(desk): State<Arc<Mutex<Desk>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let event: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = header("webhook-id").unwrap_or_default();
    let mood = {
        let mut desk = lock(&desk);
        if let Err(fault) = verify(&id, &header("webhook-timestamp"), &header("webhook-signature"), &body) {
            desk.faults.push(format!("{id}: {fault}"));
        }
        if event["id"] != *id {
            desk.faults.push(format!("{id} is not the name of {event}"));
        }
        let same = desk.got.iter().find(|got| got.id == id).map(|got| got.event == event);
        if same == Some(false) {
            desk.faults.push(format!("{id} says something else than before: {event}"));
        }
        let signed = headers.iter().filter(|(name, _)| name.as_str().starts_with("webhook-"));
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = signed.map(|(name, value)| (name.to_string(), text(value))).collect();
        desk.last = Some(Raw { headers, body: body.to_vec() });
        Arc::clone(&desk.mood)
    };
    let mood = mood(&event);
    let (taken, status, says, pause) = match mood {
        Mood::Takes => (true, 200, "", None),
        Mood::TakesAfter(pause) => (true, 204, "", Some(pause)),
        Mood::Says(says) => (true, 200, says, None),
        Mood::SaysAfter(says, pause) => (true, 200, says, Some(pause)),
        Mood::Answers(status) => (false, status, "", None),
        Mood::Hangs => (false, 0, "", None),
    };
    let got = Got { id, event, traceparent: header("traceparent"), taken };
    // What is asked is known while it is thought about; what is told, once it is taken.
    let asks = matches!(mood, Mood::SaysAfter(..));
    if asks {
        lock(&desk).got.push(got.clone());
    }
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    if !asks {
        lock(&desk).got.push(got);
    }
    if status == 0 {
        std::future::pending::<()>().await;
    }
    (StatusCode::from_u16(status).expect("a status"), says)
}

/// As the page for receivers says it.
fn verify(
    id: &str,
    timestamp: &Option<String>,
    signatures: &Option<String>,
    body: &[u8],
) -> Result<(), String> {
    let timestamp = timestamp.as_deref().ok_or("no timestamp")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let age = timestamp.parse::<u64>().map_err(|_| "no time")?.abs_diff(now);
    if age > 300 {
        return Err(format!("{age} seconds off"));
    }
    let key = BASE64.decode(SECRET.trim_start_matches("whsec_")).map_err(|_| "our secret")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| "our secret")?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let expected = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
    match signatures.as_deref().unwrap_or_default().split(' ').any(|signature| signature == expected) {
        true => Ok(()),
        false => Err("wrongly signed".to_owned()),
    }
}

//! Keys that tokens are signed with, and a server that publishes them: a real one, which can be told to misbehave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::ports::free_port;
use crate::server::serve;
use crate::token::now;

/// A key pair.
#[derive(Clone)]
pub struct Pair {
    /// What tokens call it.
    pub kid: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Pair {
    /// Ed25519.
    pub fn ed25519(kid: &'static str) -> Self {
        let key = include_bytes!("../../crates/auth/tests/keys/ed25519.der");
        Self { kid, algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(key) }
    }

    /// P-256.
    pub fn p256(kid: &'static str) -> Self {
        let key = include_bytes!("../../crates/auth/tests/keys/ec-p256.der");
        Self { kid, algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(key) }
    }

    /// RSA.
    pub fn rsa(kid: &'static str) -> Self {
        let key = include_bytes!("../../crates/auth/tests/keys/rsa-2048.der");
        Self { kid, algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_der(key) }
    }

    /// A token for an hour that this key vouches for, with these claims too.
    pub fn token(&self, user: &str, more: Value) -> String {
        self.token_of(self.kid, user, more)
    }

    /// The same, by a name that is not this key's.
    pub fn token_of(&self, kid: &str, user: &str, more: Value) -> String {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(self.algorithm) };
        let mut claims = json!({"sub": user, "exp": now() + 3_600});
        for (name, value) in more.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        encode(&header, &claims, &self.key).expect("it signs")
    }

    fn public(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("it has a public half");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk["kid"] = json!(self.kid);
        jwk
    }
}

/// Publishes keys.
pub struct KeyServer {
    port: u16,
    desk: Arc<Desk>,
    server: Option<Runtime>,
}

#[derive(Default)]
struct Desk {
    says: Mutex<(u16, String)>,
    asked: AtomicUsize,
}

impl KeyServer {
    /// One that is not there yet.
    pub fn away() -> Self {
        Self { port: free_port(), desk: Arc::default(), server: None }
    }

    /// One that publishes these.
    pub fn start(keys: &[&Pair]) -> Self {
        let mut server = Self::away();
        server.publishes(keys);
        server.go_on();
        server
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/jwks.json", self.port)
    }

    /// Publishes these from now on.
    pub fn publishes(&self, keys: &[&Pair]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        self.says(200, json!({"keys": keys}).to_string());
    }

    /// Says something else.
    pub fn says(&self, status: u16, body: String) {
        *self.desk.says.lock().unwrap_or_else(PoisonError::into_inner) = (status, body);
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.desk.asked.load(Ordering::Relaxed)
    }

    /// Ends it with all its connections.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown_background();
        }
    }

    /// Starts it at its port.
    pub fn go_on(&mut self) {
        let router = Router::new().fallback(answer).with_state(Arc::clone(&self.desk));
        self.server = Some(serve(self.port, router));
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn answer(State(desk): State<Arc<Desk>>) -> (StatusCode, String) {
    desk.asked.fetch_add(1, Ordering::Relaxed);
    let (status, body) = desk.says.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (StatusCode::from_u16(status).unwrap_or_default(), body)
}

//! Sends requests to the application's servers.
//!
//! Connections are kept and shared. Redirects are not followed: what is signed for one address is not for another.

use std::{
    error::Error,
    fmt, io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::http::{Request, Response, StatusCode, Uri, header, uri::Scheme};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use ringback_call::TraceParent;
use tokio::time::timeout;

use super::signature::{Secret, sign};

const AGENT: &str = concat!("ringback/", env!("CARGO_PKG_VERSION"));
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(30);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// What is read of a body that nobody wants, and for how long.
const DISCARDED: usize = 65_536;
const SOON: Duration = Duration::from_millis(100);

/// Sends requests to one address.
#[derive(Clone)]
pub struct Line {
    connections: Connections,
    url: Uri,
}

/// Posts signed requests to one address.
#[derive(Clone)]
pub struct HookClient {
    line: Line,
    secrets: Vec<Secret>,
}

/// Kept apart: a machine without certificates can still reach a receiver in its own network.
#[derive(Clone)]
enum Connections {
    Plain(Client<HttpConnector>),
    Tls(Client<HttpsConnector<HttpConnector>>),
}

type Client<C> = legacy::Client<C, Full<Bytes>>;

/// The address may name what is private.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

impl fmt::Debug for HookClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookClient")
    }
}

/// What is sent.
pub struct Message<'a> {
    /// Its name: the same whenever it is sent.
    pub id: &'a str,
    /// JSON.
    pub body: Bytes,
    /// The trace that it belongs to.
    pub traceparent: Option<&'a TraceParent>,
}

impl Line {
    /// To this address, which begins with `http://` or `https://`. The machine's certificates say whom to trust
    /// (`SSL_CERT_FILE` names others).
    ///
    /// # Errors
    /// When certificates are needed, and the machine has none.
    pub fn new(url: Uri) -> io::Result<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT));
        let mut client = legacy::Client::builder(TokioExecutor::new());
        client.pool_idle_timeout(IDLE).pool_timer(TokioTimer::new());
        let connections = if url.scheme() == Some(&Scheme::HTTPS) {
            let https = HttpsConnectorBuilder::new().with_native_roots()?.https_only().enable_http1();
            Connections::Tls(client.build(https.wrap_connector(http)))
        } else {
            Connections::Plain(client.build(http))
        };
        Ok(Self { connections, url })
    }

    /// Asks for what is there. Takes as long as it takes.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self) -> Result<Response<Incoming>, HookError> {
        let request = Request::get(self.url.clone())
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, AGENT);
        self.send(request.body(Full::default())?).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, HookError> {
        let answer = match &self.connections {
            Connections::Plain(client) => client.request(request).await,
            Connections::Tls(client) => client.request(request).await,
        };
        Ok(answer?)
    }
}

impl HookClient {
    /// To this address, with these secrets.
    ///
    /// # Errors
    /// As [`Line::new`].
    pub fn new(url: Uri, secrets: Vec<Secret>) -> io::Result<Self> {
        Ok(Self { line: Line::new(url)?, secrets })
    }

    /// Sends it once. Takes as long as it takes.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, message: Message<'_>) -> Result<Response<Incoming>, HookError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let signature = sign(&self.secrets, message.id, now, &message.body);
        let mut request = Request::post(self.line.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, AGENT)
            .header("webhook-id", message.id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature);
        if let Some(traceparent) = message.traceparent {
            request = request.header("traceparent", traceparent.as_str());
        }
        self.line.send(request.body(Full::new(message.body))?).await
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// It can't be asked for.
    #[error("the request can't be written")]
    Request(#[from] axum::http::Error),
    /// The way there, or back, broke.
    #[error("no answer")]
    Connection(#[from] legacy::Error),
}

/// The body of an answer that has to be 200 and no longer than this, in bytes.
///
/// # Errors
/// What is wrong with it instead, for people.
pub async fn body_of(answer: Response<Incoming>, most: usize) -> Result<Bytes, String> {
    if answer.status() != StatusCode::OK {
        return Err(format!("status {}", answer.status().as_u16()));
    }
    let body = Limited::new(answer.into_body(), most).collect().await;
    Ok(body.map_err(|_| "the answer broke off, or is too long")?.to_bytes())
}

/// Reads the rest of an answer whose body nobody wants, if that is soon done: then its connection can be used again.
pub async fn discard(answer: Response<Incoming>) {
    let rest = Limited::new(answer.into_body(), DISCARDED).collect();
    let _ = timeout(SOON, rest).await;
}

/// An error with what led to it.
pub fn causes(error: &HookError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

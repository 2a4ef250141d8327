//! From a request to a WebSocket. No extension is agreed on: what is compressed can be a thousand times as long as what comes in.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Response, header},
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use ringback_wire::Format;
use tokio_tungstenite::WebSocketStream;
use tungstenite::{
    handshake::server::create_response_with_body,
    protocol::{Role, WebSocketConfig},
};

use super::inflow::{Inflow, Pace};

/// A frame this many times the limit is not even read: the connection is closed while it arrives.
const UNREADABLE: usize = 4;
/// Bytes that are read at once, and kept room for: a connection that says nothing has that room too.
const READ: usize = 2_048;
/// Bytes of frames that may wait for more to leave with.
const WRITTEN: usize = 4_096;

/// A client's WebSocket.
pub type Socket = WebSocketStream<Inflow<TokioIo<Upgraded>>>;

/// A request that may become one.
pub struct Asked {
    /// What it is answered.
    pub answer: Response<Body>,
    /// What the client speaks.
    pub format: Format,
    /// What becomes of its connection.
    pub upgrade: OnUpgrade,
}

impl Asked {
    /// Of this request.
    ///
    /// # Errors
    /// What it lacks.
    pub fn read(mut request: Request) -> Result<Self, tungstenite::Error> {
        let mut answer = create_response_with_body(&request, Body::empty)?;
        let format = format_of(request.headers());
        if let Some(format) = format {
            let name = HeaderValue::from_static(format.subprotocol());
            answer.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
        }
        let upgrade = hyper::upgrade::on(&mut request);
        Ok(Self { answer, format: format.unwrap_or_default(), upgrade })
    }
}

/// The first of ours that the client names.
fn format_of(headers: &HeaderMap) -> Option<Format> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    let named: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    [Format::Json, Format::MsgPack].into_iter().find(|format| named.contains(&format.subprotocol()))
}

/// Waits for the connection to be one, if it ever is: the client may have gone.
pub async fn upgraded(upgrade: OnUpgrade, frame_bytes: usize, pace: Pace) -> Option<Socket> {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "no WebSocket came of it");
            return None;
        }
    };
    let inflow = Inflow::new(TokioIo::new(upgraded), pace);
    Some(WebSocketStream::from_raw_socket(inflow, Role::Server, Some(config(frame_bytes))).await)
}

/// Small buffers: an idle connection should cost kilobytes, not a hundred of them.
fn config(frame_bytes: usize) -> WebSocketConfig {
    let most = Some(frame_bytes.saturating_mul(UNREADABLE));
    WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(WRITTEN)
        .max_message_size(most)
        .max_frame_size(most)
}

//! The two ports.

mod admin;
mod assets;
mod calls;
mod operations;
mod steps;

use std::sync::Arc;

use axum::{Router, routing::get, serve::ListenerExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use ringback_node::Node;

use crate::websocket;

pub use admin::admin_port;

/// For clients: the WebSocket, what became of their calls, and the demo page.
pub fn client_port(node: Arc<Node>) -> Router {
    Router::new()
        .route("/v1/ws", get(websocket::upgrade))
        .route("/v1/calls/{call}", get(calls::of_party))
        .fallback(assets::serve)
        .with_state(node)
}

/// Serves a port until the gateway stops.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    // Small messages that wait for an acknowledgement of the one before would come 40 ms late.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
    });
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "a port is no longer served");
    }
}

//! The two ports.

mod assets;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use ringback_node::Node;
use ringback_telemetry as telemetry;

use crate::websocket;

/// For clients: the WebSocket and the demo page.
pub fn client_port(node: Arc<Node>) -> Router {
    Router::new().route("/v1/ws", get(websocket::upgrade)).fallback(assets::serve).with_state(node)
}

/// For operators and probes.
pub fn admin_port(node: Arc<Node>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
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

/// The process runs.
async fn healthz(State(node): State<Arc<Node>>) -> Response {
    let body = serde_json::json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "node": node.cluster.name().as_str(),
        "connections": node.registry.len(),
    });
    json(StatusCode::OK, &body)
}

/// It should be sent clients.
async fn readyz(State(node): State<Arc<Node>>) -> Response {
    match node.not_ready() {
        None => json(StatusCode::OK, &serde_json::json!({"status": "ready"})),
        Some(reason) => json(
            StatusCode::SERVICE_UNAVAILABLE,
            &serde_json::json!({"status": "not ready", "reason": reason}),
        ),
    }
}

/// What Prometheus scrapes.
async fn metrics(State(node): State<Arc<Node>>) -> Response {
    match node.scrape().await {
        Ok(text) => ([(header::CONTENT_TYPE, telemetry::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(error, "metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

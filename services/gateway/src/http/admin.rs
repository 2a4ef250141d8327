//! What operators and probes ask. To be kept off the public network.

use std::sync::Arc;

use axum::{
    Router,
    extract::{FromRef, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ringback_node::Node;

use super::{call_log, calls, events, operations, reply::json};
use crate::{
    logging::LogFilter,
    version::{COMMIT, VERSION},
};

/// What the port's answers are made of.
#[derive(Clone, FromRef)]
struct Admin {
    node: Arc<Node>,
    log: LogFilter,
}

/// For operators and probes.
pub fn admin_port(node: Arc<Node>, log: LogFilter) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/log", get(log_filter).put(set_log_filter))
        .route("/", get(operations::page))
        .route("/operations.css", get(operations::style))
        .route("/operations.js", get(operations::script))
        .route("/v1/calls", get(calls::live))
        .route("/v1/calls/{call}", get(calls::call))
        .route("/v1/calls/{call}/timeline", get(calls::timeline))
        .route("/v1/users/{user}/calls", get(calls::of_user))
        .route("/v1/users/{user}/log", get(call_log::of_user))
        .route("/v1/events", get(events::list))
        .route("/v1/events/dead", get(events::dead))
        .route("/v1/events/dead/redeliver", post(events::redeliver))
        .with_state(Admin { node, log })
}

/// The process runs.
async fn healthz(State(node): State<Arc<Node>>) -> Response {
    let body = serde_json::json!({
        "status": "ok",
        "version": VERSION,
        "commit": COMMIT,
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
        Ok(text) => ([(header::CONTENT_TYPE, ringback_telemetry::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(error, "metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What is logged.
async fn log_filter(State(log): State<LogFilter>) -> String {
    log.get() + "\n"
}

/// Logs something else from now on, until the gateway is started anew.
async fn set_log_filter(State(log): State<LogFilter>, filter: String) -> Response {
    match log.set(&filter) {
        Ok(()) => (log.get() + "\n").into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

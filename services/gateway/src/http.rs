//! The two ports.

mod admin;
mod assets;
mod call_log;
mod calls;
mod events;
mod operations;
mod port;
mod steps;

use std::sync::Arc;

use axum::{Router, routing::get};
use ringback_node::Node;

use crate::websocket;

pub use admin::admin_port;
pub use port::serve;

/// For clients: the WebSocket, what became of their calls, their logs, and the demo page.
pub fn client_port(node: Arc<Node>) -> Router {
    Router::new()
        .route("/v1/ws", get(websocket::upgrade))
        .route("/v1/calls/{call}", get(calls::of_party))
        .route("/v1/log", get(call_log::of_token).options(call_log::preflight))
        .fallback(assets::serve)
        .with_state(node)
}

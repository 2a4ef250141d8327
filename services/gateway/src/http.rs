//! The two ports.

mod admin;
mod asking;
mod assets;
mod call_log;
mod calls;
mod events;
mod named;
mod operations;
mod port;
mod reply;
mod steps;

use std::sync::Arc;

use axum::{Router, middleware::map_response, routing::get};
use ringback_node::Node;

use crate::websocket;

pub use admin::admin_port;
pub use port::serve;

/// For clients: the WebSocket, what became of their calls, their logs, and the demo page.
pub fn client_port(node: Arc<Node>) -> Router {
    let asked = Router::new()
        .route("/v1/calls/{call}", get(calls::of_party).options(asking::preflight))
        .route("/v1/log", get(call_log::of_token).options(asking::preflight))
        .layer(map_response(asking::from_anywhere));
    Router::new()
        .route("/v1/ws", get(websocket::upgrade))
        .merge(asked)
        .fallback(assets::serve)
        .with_state(node)
}

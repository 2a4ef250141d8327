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

use axum::{
    Router,
    middleware::{from_fn_with_state, map_response},
    routing::get,
};
use ringback_node::Node;

use crate::{
    visitors::{self, Visitors},
    websocket,
};

pub use admin::admin_port;
pub use port::serve;
pub(crate) use reply::too_many;

/// For clients: the WebSocket, what became of their calls, their logs, and the demo page.
pub fn client_port(node: Arc<Node>, visitors: Arc<Visitors>) -> Router {
    let asked = Router::new()
        .route("/v1/calls/{call}", get(calls::of_party).options(asking::preflight))
        .route("/v1/log", get(call_log::of_token).options(asking::preflight))
        .layer(map_response(asking::from_anywhere));
    Router::new()
        .route("/v1/ws", get(websocket::upgrade))
        .merge(asked)
        .route_layer(from_fn_with_state((visitors, Arc::clone(&node)), visitors::receive))
        .fallback(assets::serve)
        .with_state(node)
}

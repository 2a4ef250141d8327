//! One client's connection, from the upgrade to the goodbye.

mod driver;
mod handshake;
mod jobs;
mod socket;

use std::sync::Arc;

use axum::{
    extract::{State, WebSocketUpgrade, ws::WebSocket},
    response::Response,
};
use ringback_session::Departure;
use ringback_wire::{CloseCode, ErrorCode, ErrorFrame, Format, ServerFrame};
use tracing::Instrument;

use crate::app::App;
use socket::Socket;

/// A frame this many times the limit is not even read: the connection is closed while it arrives.
const UNREADABLE: usize = 4;

/// `GET /v1/ws`
pub async fn upgrade(State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    let limit = app.settings.frames.frame_bytes;
    upgrade
        .protocols([Format::Json.subprotocol(), Format::MsgPack.subprotocol()])
        // Small buffers: an idle connection should cost kilobytes, not a hundred of them.
        .read_buffer_size(4_096)
        .write_buffer_size(0)
        .max_message_size(limit * UNREADABLE)
        .max_frame_size(limit * UNREADABLE)
        .on_upgrade(move |socket| {
            let tasks = app.tasks.clone();
            let span = tracing::info_span!("connection", id = tracing::field::Empty);
            async move {
                // On the tracker, so that a stopping gateway waits for it.
                if let Err(error) = tasks.spawn(serve(app, socket).instrument(span)).await {
                    tracing::error!(%error, "a connection's task failed");
                }
            }
        })
}

async fn serve(app: Arc<App>, socket: WebSocket) {
    let format = socket
        .protocol()
        .and_then(|name| name.to_str().ok())
        .and_then(Format::of_subprotocol)
        .unwrap_or_default();
    let mut socket = Socket::new(socket, format, &app.settings);
    if app.draining.is_cancelled() {
        let error = ErrorFrame::new(None, ErrorCode::Draining, "this gateway is going away: connect anew");
        let _ = socket.send(&ServerFrame::Error(error)).await;
        socket.close(CloseCode::GoingAway).await;
        return;
    }
    let departure = match handshake::greet(&app, &mut socket).await {
        Ok(welcome) => driver::drive(&app, &mut socket, welcome).await,
        Err(departure) => {
            tracing::debug!(reason = departure.label(), "no session");
            departure
        }
    };
    if let Departure::Closed(code) = departure {
        socket.close(code).await;
    }
}

//! A gateway's WebSockets without a gateway: what comes is sent back. The Autobahn suite talks to it (`make autobahn`), since
//! it wants an echo of whatever it says, which is no frame of ours.
//!
//! The port, the upgrade, the limits and what is done about errors are the gateway's.
#![expect(clippy::print_stdout, reason = "the port goes to whoever has started it")]

use std::{future::ready, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::{SinkExt as _, StreamExt as _};
use ringback_gateway::{
    http,
    settings::Settings,
    visitors::Knock,
    websocket::{self, Asked, Pace, Socket, upgraded},
};
use ringback_session::Departure;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;
use tungstenite::{Message, protocol::frame::coding::CloseCode};

/// As long as the gateway waits for the answer to its close frame.
const GOODBYE: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::load(None, vec![("auth.dev", "true".to_owned())])?;
    let frame_bytes = settings.node.frames.frame_bytes;
    let upgrade = move |request: Request| ready(echoing(request, frame_bytes));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let router = Router::new().route("/", get(upgrade));
    http::serve(listener, None, router, |_| Some(Knock::default()), CancellationToken::new()).await;
    Ok(())
}

fn echoing(request: Request, frame_bytes: usize) -> Response {
    let Asked { answer, format: _, upgrade } = match Asked::read(request) {
        Ok(asked) => asked,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    tokio::spawn(async move {
        let Some(mut socket) = upgraded(upgrade, frame_bytes, Pace::default()).await else { return };
        if let (Departure::Closed(code), violation) = echo(&mut socket).await {
            let number = violation.unwrap_or_else(|| CloseCode::from(code.code()));
            let _heard = timeout(GOODBYE, websocket::close(&mut socket, number, code.reason())).await;
        }
    });
    answer
}

async fn echo(socket: &mut Socket) -> (Departure, Option<CloseCode>) {
    loop {
        let message = match socket.next().await {
            None => return (Departure::Client, None),
            Some(Ok(Message::Close(_))) => {
                // The answer leaves with what is read after it.
                while let Some(Ok(_)) = socket.next().await {}
                return (Departure::Client, None);
            }
            Some(Err(error)) => return websocket::broken(&error),
            Some(Ok(message)) => message,
        };
        let is_frame = matches!(message, Message::Text(_) | Message::Binary(_));
        if is_frame && socket.send(message).await.is_err() {
            return (Departure::Client, None);
        }
    }
}

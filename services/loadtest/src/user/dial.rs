//! How a connection is made.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Error, client::IntoClientRequest as _, http::HeaderValue, http::header, protocol::WebSocketConfig,
    },
};

use crate::protocol::codec::Codec;

/// One client's WebSocket.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long one try may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoWay {
    /// 503: no place now; try again after that time.
    TurnedAway(Duration),
    /// It could not be reached, or did not answer.
    NotReached(String),
    /// Trying again would not help.
    Never(String),
}

/// Opens a WebSocket.
pub(crate) async fn dial(url: &str, user: &Arc<str>, codec: Codec) -> Result<Socket, NoWay> {
    let url = if codec == Codec::Floor { format!("{url}?user={user}") } else { url.to_owned() };
    let mut request = url.into_client_request().map_err(|error| NoWay::Never(error.to_string()))?;
    if let Some(name) = codec.subprotocol() {
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    // Small buffers: there are thousands of these.
    let config = WebSocketConfig::default().read_buffer_size(4_096).write_buffer_size(0);
    match timeout(LIMIT, connect_async_with_config(request, Some(config), true)).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(Error::Http(answer))) if answer.status() == 503 => {
            let after = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = after.and_then(|value| value.parse().ok()).unwrap_or(1);
            Err(NoWay::TurnedAway(Duration::from_secs(seconds)))
        }
        Ok(Err(Error::Http(answer))) if answer.status().is_client_error() => {
            Err(NoWay::Never(format!("the upgrade was answered with {}", answer.status())))
        }
        Ok(Err(error)) => Err(NoWay::NotReached(error.to_string())),
        Err(_) => Err(NoWay::NotReached("no answer".to_owned())),
    }
}

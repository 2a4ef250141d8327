//! Takes connections, and speaks HTTP on them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    tls::Tls,
    visitors::{Knock, Peer},
};

/// How long a client may take to say what it wants, and a connection may stay that nobody asks anything on.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may live that does not become a WebSocket: one that does not read holds nobody's place for longer.
const LIFE: Duration = Duration::from_secs(60);
/// How long an answer may take to leave once the gateway stops, or the connection has lived long enough.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// Before a connection is taken again after one could not be: there are too many files open, most likely.
const AGAIN: Duration = Duration::from_millis(100);
/// Connections at once that are no WebSockets (yet): one more waits until it is taken.
const PLACES: usize = 4_096;

/// Serves a port until the gateway stops, but not those to whom nobody opens: they are closed without a word, which costs
/// the least. A connection that becomes a WebSocket is no longer this one's to count.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    open: impl Fn(SocketAddr) -> Option<Knock>,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(PLACES));
    let connections = TaskTracker::new();
    let take = async || {
        let place = Arc::clone(&places).acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, open(peer)?, place)),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                sleep(AGAIN).await;
                None
            }
        }
    };
    while let Some(taken) = stop.run_until_cancelled(take()).await {
        if let Some((stream, peer, knock, place)) = taken {
            let (tls, router, stop) = (tls.clone(), router.clone(), stop.clone());
            connections.spawn(async move {
                welcome(stream, peer, tls, router, stop).await;
                drop((knock, place));
            });
        }
    }
    connections.close();
    connections.wait().await;
}

async fn welcome(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Tls>,
    router: Router,
    stop: CancellationToken,
) {
    // Small messages that wait for an acknowledgement of the one before would come 40 ms late.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    match tls {
        None => speak(stream, peer, router, stop).await,
        Some(tls) => {
            if let Some(Some(stream)) = stop.run_until_cancelled(tls.accept(stream)).await {
                speak(stream, peer, router, stop).await;
            }
        }
    }
}

async fn speak<S>(stream: S, peer: SocketAddr, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection.with_upgrades());
    let told = async {
        let _ = timeout(LIFE, stop.cancelled()).await;
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = told => {
            connection.as_mut().graceful_shutdown();
            timeout(LAST_ANSWERS, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "an HTTP connection broke");
    }
}

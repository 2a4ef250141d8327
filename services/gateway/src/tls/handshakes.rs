//! The handshakes of a port: so many at once, each in so much time.

use std::{sync::Arc, time::Duration};

use ringback_telemetry::{Handshake, Metrics, TlsPort};
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
    server::TlsStream,
};

use super::Live;

/// How long a handshake may take, the wait for its turn included.
const LIMIT: Duration = Duration::from_secs(10);
/// How many may be under way at once; one more waits. Half of the connections that a port takes which are no WebSockets yet.
const UNFINISHED: usize = 2_048;

/// What a port needs to speak TLS.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    turns: Arc<Semaphore>,
    port: TlsPort,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Tls {
    /// TLS 1.2 and 1.3 with this certificate, and HTTP/1.1 in it.
    ///
    /// # Errors
    /// When rustls was built without what it needs.
    pub fn new(certificate: Arc<Live>, port: TlsPort, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let turns = Arc::new(Semaphore::new(UNFINISHED));
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), turns, port, metrics })
    }

    /// The connection, once it is a safe one; `None` when it does not get there.
    pub async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let handshake = async {
            let _turn = self.turns.acquire().await;
            self.acceptor.accept(stream).await
        };
        let (result, stream) = match timeout(LIMIT, handshake).await {
            Ok(Ok(stream)) => (Handshake::Done, Some(stream)),
            Ok(Err(error)) => {
                tracing::debug!(port = ?self.port, %error, "a TLS handshake failed");
                (Handshake::Failed, None)
            }
            Err(_) => (Handshake::TimedOut, None),
        };
        self.metrics.tls_handshakes.inc((self.port, result));
        stream
    }
}

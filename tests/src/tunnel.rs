//! A way to a port that speaks TLS, for clients that do not: it trusts one authority, and notes which certificates it was shown.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::patience::SOON;

/// A tunnel. It ends when this is dropped, and all that goes through it.
#[derive(Debug)]
pub struct Tunnel {
    port: u16,
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
    task: JoinHandle<()>,
}

impl Tunnel {
    /// To this port, whose certificate has to be of the authority in `ca.crt` of this folder.
    pub async fn start(dir: &Path, port: u16) -> Result<Self> {
        let dir = dir.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = listener.local_addr()?.port();
        let shown: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let notes = Arc::clone(&shown);
        let task = tokio::spawn(async move {
            // All of them end with this task.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let (dir, notes) = (dir.clone(), Arc::clone(&notes));
                connections.spawn(async move {
                    let Ok(mut far) = connect(&dir, port, &["http/1.1"]).await else { return };
                    let leaf = leaf(&far);
                    notes.lock().unwrap_or_else(PoisonError::into_inner).push(leaf);
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Ok(Self { port: own, shown, task })
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificates that were shown, one for each connection.
    pub fn shown(&self) -> Vec<Vec<u8>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, for one of these protocols.
pub async fn connect(dir: &Path, port: u16, protocols: &[&str]) -> Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dir.join("ca.crt")).context("ca.crt")?)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("127.0.0.1")?;
    let connected = timeout(SOON, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    Ok(connected.context("no handshake in time")??)
}

/// The server's own certificate.
pub fn leaf(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    chain.first().map(|first| first.to_vec()).unwrap_or_default()
}

//! Ways to a server: UDP, TCP, TLS.

use std::{io, net::SocketAddr, sync::Arc};

use hyper_rustls::ConfigBuilderExt as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket, lookup_host},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
    Tls,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) transport: Transport,
}

/// A way that is open.
pub(super) enum Wire {
    Datagrams(UdpSocket),
    Stream { stream: Box<dyn Duplex>, here: SocketAddr, there: SocketAddr },
}

pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

impl Place {
    /// Opens a way there. TLS trusts the machine's certificates, or those in the file that `SSL_CERT_FILE` names.
    pub(super) async fn open(&self) -> io::Result<Wire> {
        let Self { host, port, transport } = self;
        // An IPv6 address is in brackets in a URL.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let mut addresses = lookup_host((bare, *port)).await?;
        let there = addresses.next().ok_or_else(|| io::Error::other("the name has no address"))?;
        if *transport == Transport::Udp {
            let any = if there.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any).await?;
            socket.connect(there).await?;
            return Ok(Wire::Datagrams(socket));
        }
        let stream = TcpStream::connect(there).await?;
        let here = stream.local_addr()?;
        let stream: Box<dyn Duplex> = match transport {
            Transport::Tls => Box::new(tls(bare, stream).await?),
            _ => Box::new(stream),
        };
        Ok(Wire::Stream { stream, here, there })
    }
}

async fn tls(host: &str, stream: TcpStream) -> io::Result<impl Duplex + use<>> {
    let config = ClientConfig::builder().with_native_roots()?.with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

impl Wire {
    /// Both its ends.
    pub(super) fn ends(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        match self {
            Self::Datagrams(socket) => Ok((socket.local_addr()?, socket.peer_addr()?)),
            Self::Stream { here, there, .. } => Ok((*here, *there)),
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Datagrams(socket) => socket.send(bytes).await.map(drop),
            Self::Stream { stream, .. } => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// What comes next; an error where nothing will.
    pub(super) async fn receive(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Datagrams(socket) => socket.recv(room).await,
            Self::Stream { stream, .. } => match stream.read(room).await? {
                0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")),
                count => Ok(count),
            },
        }
    }
}

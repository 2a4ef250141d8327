//! A socket to a STUN or TURN server: a request goes out, its answer comes back.

use std::{fmt, io, net::SocketAddr, time::Duration};

use stun_types::message::{Message, MessageHeader, StunParseError, TransactionId};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket, lookup_host},
    time::timeout,
};

use super::address::{Address, Way};
use crate::doctor::tls::encrypt;

/// How long the first answer by UDP is waited for before it is asked for again; then twice as long, and so on (RFC 8489
/// section 6.2.1).
const AGAIN: Duration = Duration::from_millis(500);
/// The largest answer, in bytes.
const MOST: usize = 2_048;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The name stands for no address.
    Name(io::Error),
    /// Nothing listens there, or the connection was closed.
    Closed(io::Error),
    /// No TLS with it.
    Tls(io::Error),
    /// What answers is no STUN server.
    NotStun,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => write!(f, "its name can't be resolved: {error}"),
            Self::Closed(error) => write!(f, "no connection: {error}"),
            Self::Tls(error) => write!(f, "no TLS connection: {error}"),
            Self::NotStun => f.write_str("what answers there speaks no STUN"),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

enum Socket {
    Datagrams(UdpSocket),
    Stream(Box<dyn Stream>),
}

pub(super) struct Link {
    socket: Socket,
    /// The server.
    pub(super) peer: SocketAddr,
}

impl Link {
    pub(super) async fn open(address: &Address) -> Result<Self, Broken> {
        let found = lookup_host((address.host.as_str(), address.port)).await.map_err(Broken::Name)?;
        let found: Vec<SocketAddr> = found.collect();
        let Some(first) = found.first().copied() else {
            return Err(Broken::Name(io::ErrorKind::NotFound.into()));
        };
        if address.way == Way::Udp {
            let local: SocketAddr = if first.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
            let socket = UdpSocket::bind(local).await.map_err(Broken::Closed)?;
            // Connected, a closed port is told of.
            socket.connect(first).await.map_err(Broken::Closed)?;
            return Ok(Self { socket: Socket::Datagrams(socket), peer: first });
        }
        let stream = TcpStream::connect(&found[..]).await.map_err(Broken::Closed)?;
        let peer = stream.peer_addr().map_err(Broken::Closed)?;
        let socket = match address.way {
            Way::Tls => Socket::Stream(Box::new(encrypt(stream, &address.host).await.map_err(Broken::Tls)?)),
            Way::Tcp | Way::Udp | Way::Dtls => Socket::Stream(Box::new(stream)),
        };
        Ok(Self { socket, peer })
    }

    /// Sends a request, and reads its answer. Takes as long as it takes.
    pub(super) async fn ask(&mut self, request: &[u8], id: TransactionId) -> Result<Vec<u8>, Broken> {
        match &mut self.socket {
            Socket::Datagrams(socket) => by_datagrams(socket, request, id).await,
            Socket::Stream(stream) => by_stream(stream, request, id).await,
        }
    }
}

async fn by_datagrams(socket: &UdpSocket, request: &[u8], id: TransactionId) -> Result<Vec<u8>, Broken> {
    let mut pause = AGAIN;
    let mut buffer = [0; MOST];
    loop {
        socket.send(request).await.map_err(Broken::Closed)?;
        let answer = async {
            loop {
                let length = socket.recv(&mut buffer).await.map_err(Broken::Closed)?;
                let bytes = &buffer[..length];
                match Message::from_bytes(bytes) {
                    Ok(message) if message.is_response() && message.transaction_id() == id => {
                        return Ok(bytes.to_vec());
                    }
                    // Late, or somebody else's.
                    Ok(_) => {}
                    Err(_) => return Err(Broken::NotStun),
                }
            }
        };
        match timeout(pause, answer).await {
            Ok(answer) => return answer,
            Err(_) => pause *= 2,
        }
    }
}

async fn by_stream(stream: &mut dyn Stream, request: &[u8], id: TransactionId) -> Result<Vec<u8>, Broken> {
    stream.write_all(request).await.map_err(Broken::Closed)?;
    stream.flush().await.map_err(Broken::Closed)?;
    loop {
        let mut bytes = vec![0; MessageHeader::LENGTH];
        read(stream, &mut bytes, 0).await?;
        let header = MessageHeader::from_bytes(&bytes).map_err(|_: StunParseError| Broken::NotStun)?;
        let length = MessageHeader::LENGTH + usize::from(header.data_length());
        if length > MOST {
            return Err(Broken::NotStun);
        }
        bytes.resize(length, 0);
        read(stream, &mut bytes, MessageHeader::LENGTH).await?;
        let message = Message::from_bytes(&bytes).map_err(|_: StunParseError| Broken::NotStun)?;
        if message.is_response() && message.transaction_id() == id {
            return Ok(bytes);
        }
    }
}

/// Fills the bytes from there on. A stream of something else may be shorter than a head: the first bytes tell.
async fn read(stream: &mut dyn Stream, bytes: &mut [u8], from: usize) -> Result<(), Broken> {
    let mut at = from;
    while at < bytes.len() {
        match stream.read(&mut bytes[at..]).await.map_err(Broken::Closed)? {
            0 => return Err(Broken::Closed(io::ErrorKind::UnexpectedEof.into())),
            count => at += count,
        }
        if let Err(StunParseError::NotStun) = MessageHeader::from_bytes(&bytes[..at]) {
            return Err(Broken::NotStun);
        }
    }
    Ok(())
}

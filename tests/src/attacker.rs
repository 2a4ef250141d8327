//! A client that does not keep to anything. It works with bytes, so that what it costs is the gateway's and not the test's.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A request for a WebSocket, without its last line.
const UPGRADE: &str = "GET /v1/ws HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// What the gateway's host can't see of us.
const RECEIVE_BUFFER: u32 = 8 * 1024;

/// A connection to a port of this machine, from one of its addresses.
pub async fn dial(port: u16, from: Ipv4Addr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    Ok(socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?)
}

/// The same, of a client that has little room for what it does not read.
pub async fn dial_deaf(port: u16, from: Ipv4Addr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    Ok(socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?)
}

/// Asks for a WebSocket, with these header lines too; the head of the answer, in lower case.
pub async fn ask(stream: &mut TcpStream, more: &str) -> Result<String> {
    stream.write_all(format!("{UPGRADE}{more}\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(answer).context("no HTTP")?.to_ascii_lowercase())
}

/// A WebSocket.
pub async fn upgraded(mut stream: TcpStream) -> Result<TcpStream> {
    let answer = ask(&mut stream, "").await?;
    ensure!(answer.starts_with("http/1.1 101"), "{answer}");
    Ok(stream)
}

/// A text frame, with a mask of zeros.
pub fn frame(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match u16::try_from(text.len()).expect("a short text") {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend(long.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(text.as_bytes());
    bytes
}

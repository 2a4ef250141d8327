//! Plain HTTP: an admin port needs no more.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status and body of the answer to `GET path` on a loopback port.
pub async fn get(port: u16, path: &str) -> Result<(u16, String)> {
    ask(port, "GET", path, "").await
}

/// The same with a bearer token.
pub async fn get_as(port: u16, path: &str, token: &str) -> Result<(u16, String)> {
    send(port, "GET", path, &format!("Authorization: Bearer {token}\r\n"), "").await
}

/// The same with a body, for `PUT` and `POST`. As HTTP/1.0, in which an answer comes in one piece.
pub async fn ask(port: u16, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
    send(port, method, path, "Content-Type: text/plain\r\n", body).await
}

async fn send(port: u16, method: &str, path: &str, more: &str, body: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let length = body.len();
    let head = format!("Host: 127.0.0.1:{port}\r\n{more}Content-Length: {length}\r\n");
    let request = format!("{method} {path} HTTP/1.0\r\n{head}\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).context("not an HTTP answer")?;
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok((status, body))
}

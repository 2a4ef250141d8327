//! Asks a gateway on this machine whether it lives, or is ready.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use anyhow::Context as _;
use axum::http::{Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use crate::tls::connect_unverified;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(2);
/// What is read of an answer, in bytes.
const MOST: usize = 4_096;

/// Asks the admin port at this address, by TLS or not, `/readyz` or else `/healthz`. What it answered.
///
/// # Errors
/// When it does not answer within two seconds, or that all is not well.
pub async fn probe(admin: SocketAddr, tls: bool, ready: bool) -> anyhow::Result<String> {
    let path = if ready { "/readyz" } else { "/healthz" };
    timeout(LIMIT, ask(admin, tls, path))
        .await
        .with_context(|| format!("no answer from {admin} in {LIMIT:?}"))?
}

async fn ask(address: SocketAddr, tls: bool, path: &str) -> anyhow::Result<String> {
    let stream =
        TcpStream::connect(&*here(address)).await.with_context(|| format!("nothing listens at {address}"))?;
    if tls {
        let stream = connect_unverified(stream).await.with_context(|| format!("no TLS at {address}"))?;
        return ask_on(stream, address, path).await;
    }
    ask_on(stream, address, path).await
}

async fn ask_on<S>(stream: S, address: SocketAddr, path: &str) -> anyhow::Result<String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(header::HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    // It may end with the answer, before that has been looked at, as it does when the gateway is about to go.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MOST).collect().await;
    let body = String::from_utf8_lossy(&body.map_err(anyhow::Error::from_boxed)?.to_bytes()).into_owned();
    anyhow::ensure!(status.is_success(), "{status}: {body}");
    Ok(body)
}

/// How one reaches from here what listens there: who listens everywhere is asked by loopback. In a container one may listen on
/// all of IPv6 and have no loopback but IPv4's.
fn here(address: SocketAddr) -> Vec<SocketAddr> {
    let by = |ip: IpAddr| SocketAddr::new(ip, address.port());
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![by(Ipv4Addr::LOCALHOST.into())],
        IpAddr::V6(ip) if ip.is_unspecified() => {
            vec![by(Ipv6Addr::LOCALHOST.into()), by(Ipv4Addr::LOCALHOST.into())]
        }
        _ => vec![address],
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_by_loopback() {
        let here =
            |text: &str| here(text.parse().unwrap()).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(here("0.0.0.0:9090"), ["127.0.0.1:9090"]);
        assert_eq!(here("[::]:9090"), ["[::1]:9090", "127.0.0.1:9090"]);
        assert_eq!(here("10.0.0.7:9090"), ["10.0.0.7:9090"]);
    }

    /// Who listens on IPv4 alone is what a machine without IPv6 looks like.
    #[tokio::test]
    async fn who_is_found_at_the_second_address_is_asked_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok").await.unwrap();
        };
        let asked = probe(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port), false, false);
        let (answer, ()) = tokio::join!(asked, answers);
        assert_eq!(answer.unwrap(), "ok");
    }

    #[tokio::test]
    async fn who_says_nothing_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = probe(listener.local_addr().unwrap(), false, false).await.unwrap_err();
        assert!(format!("{error:#}").contains("no answer"), "{error:#}");
    }

    #[tokio::test]
    async fn who_is_not_there_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = probe(address, false, false).await.unwrap_err();
        assert!(format!("{error:#}").contains("nothing listens"), "{error:#}");
    }
}

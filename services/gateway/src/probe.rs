//! Asks a gateway on this machine whether it lives, or is ready.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::http::{Request, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(2);
/// What is read of an answer, in bytes.
const MOST: usize = 4_096;

/// Asks the admin port at this address, `/readyz` or else `/healthz`. What it answered.
///
/// # Errors
/// When it does not answer within two seconds, or that all is not well.
pub async fn probe(admin: SocketAddr, ready: bool) -> anyhow::Result<String> {
    let path = if ready { "/readyz" } else { "/healthz" };
    let address = here(admin);
    timeout(LIMIT, ask(address, path))
        .await
        .with_context(|| format!("no answer from {address} in {LIMIT:?}"))?
}

async fn ask(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let stream =
        TcpStream::connect(address).await.with_context(|| format!("nothing listens at {address}"))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(header::HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    let answer = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MOST).collect().await;
        let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
        anyhow::Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    let (status, body) = tokio::select! {
        answer = answer => answer?,
        ended = connection => { ended?; anyhow::bail!("the connection was closed") }
    };
    anyhow::ensure!(status.is_success(), "{status}: {body}");
    Ok(body)
}

/// How one reaches from here what listens there: who listens everywhere is asked by loopback.
fn here(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_by_loopback() {
        let here = |text: &str| here(text.parse().unwrap()).to_string();
        assert_eq!(here("0.0.0.0:9090"), "127.0.0.1:9090");
        assert_eq!(here("[::]:9090"), "[::1]:9090");
        assert_eq!(here("10.0.0.7:9090"), "10.0.0.7:9090");
    }

    #[tokio::test]
    async fn who_is_not_there_is_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = probe(address, false).await.unwrap_err();
        assert!(format!("{error:#}").contains("nothing listens"), "{error:#}");
    }
}

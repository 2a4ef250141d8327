//! Whether there is a connection to the servers that a gateway sends something to. Nothing is sent: a receiver of events would
//! take it for one. The addresses may name what is private, and are not shown.

use std::io;

use axum::http::Uri;
use tokio::{net::TcpStream, time::timeout};

use super::{Finding, LIMIT, tls::encrypt};
use crate::settings::Settings;

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let webhooks = settings.webhooks.as_ref().map(|webhooks| webhooks.url.clone());
    let policy = settings.policy.as_ref().map(|policy| policy.url.clone());
    let traces = settings.traces.as_ref().map(|traces| traces.endpoint.parse());
    let (webhooks, policy, traces) = tokio::join!(
        async {
            match webhooks {
                None => Finding::note("webhooks", "no receiver of events is set (webhooks.url)"),
                Some(url) => reach("webhooks", "webhooks.url", &url).await,
            }
        },
        async {
            match policy {
                None => Finding::note("policy", "nobody is asked about calls (policy.url)"),
                Some(url) => reach("policy", "policy.url", &url).await,
            }
        },
        async {
            match traces {
                None => Finding::note("traces", "no collector is set (telemetry.otlp_endpoint)"),
                Some(Ok(url)) => reach("traces", "telemetry.otlp_endpoint", &url).await,
                Some(Err(_)) => Finding::failure("traces", "telemetry.otlp_endpoint is no address"),
            }
        }
    );
    vec![webhooks, policy, traces]
}

async fn reach(subject: &str, key: &str, url: &Uri) -> Finding {
    let why = match timeout(LIMIT, connect(url)).await {
        Ok(Ok(())) => return Finding::ok(subject, format!("{key} takes connections; nothing was sent")),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    Finding::failure(subject, format!("{key} can't be reached: {why}"))
        .hint("whether its name is known here, its port open from here, and its certificate trusted here (SSL_CERT_FILE)")
}

async fn connect(url: &Uri) -> io::Result<()> {
    let secure = url.scheme_str() == Some("https");
    let host = url.host().ok_or(io::ErrorKind::InvalidInput)?.trim_matches(['[', ']']);
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    if secure {
        encrypt(stream, host).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::doctor::Level;

    #[tokio::test]
    async fn who_listens_is_told_from_who_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Uri = format!("http://{}/secret-path", listener.local_addr().unwrap()).parse().unwrap();
        let there = reach("webhooks", "webhooks.url", &url).await;
        assert_eq!(there.level, Level::Ok, "{there}");
        drop(listener);
        let gone = reach("webhooks", "webhooks.url", &url).await;
        assert_eq!(gone.level, Level::Failure);
        assert!(gone.says.contains("refused") && !gone.says.contains("secret-path"), "{gone}");
    }
}

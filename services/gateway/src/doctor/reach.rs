//! Servers that are told things: whether there is a way to them. Nothing is sent.

use axum::http::Uri;
use tokio::time::timeout;

use super::{
    PATIENCE,
    report::Report,
    wire::{Place, Transport},
};
use crate::settings::Settings;

pub(super) async fn examine(settings: &Settings, report: &mut Report) {
    if let Some(webhooks) = &settings.webhooks {
        reach("webhooks.url", &webhooks.url, report).await;
    }
    if let Some(traces) = &settings.traces {
        match traces.endpoint.parse() {
            Ok(url) => reach("telemetry.otlp_endpoint", &url, report).await,
            Err(_) => report.failure("telemetry.otlp_endpoint", "is no address", "http://host:4317"),
        }
    }
}

/// The address may name what is private: it is not told.
async fn reach(setting: &str, url: &Uri, report: &mut Report) {
    let secure = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let transport = if secure { Transport::Tls } else { Transport::Tcp };
    let place = Place { host: url.host().unwrap_or_default().to_owned(), port, transport };
    match timeout(PATIENCE, place.open()).await {
        Ok(Ok(_)) => report.ok(setting, "can be reached"),
        Ok(Err(error)) => {
            report.failure(setting, error.to_string(), "is it up, its name right, its certificate good?")
        }
        Err(_) => report.failure(setting, "does not answer", "is it up, and is there a way to it from here?"),
    }
}

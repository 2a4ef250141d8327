//! `/metrics` of a worker, for Prometheus: what it has seen so far.

use std::{fmt::Write as _, sync::Arc};

use anyhow::Context as _;
use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::measure::{
    Measures,
    count::{Count, Label},
    metric::Metric,
    summary::Summary,
};

const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Serves in the background until it is told to stop.
pub(crate) async fn serve(
    listen: &str,
    measures: Arc<Measures>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("can't listen on {listen}"))?;
    let app = Router::new().route("/metrics", get(scrape)).with_state(measures);
    tokio::spawn(async move {
        tokio::select! {
            // Without figures for Prometheus the run is as good.
            _ = axum::serve(listener, app) => {}
            () = stop.cancelled() => {}
        }
    });
    Ok(())
}

async fn scrape(State(measures): State<Arc<Measures>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], measures.look(text))
}

/// In the text format.
fn text(found: &Summary) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let mut line = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    let online = found.timeline.slots().last().map_or(0, |(_, slot)| slot.online);
    line("# HELP ringback_loadtest_connections Virtual users connected now.".to_owned());
    line("# TYPE ringback_loadtest_connections gauge".to_owned());
    line(format!("ringback_loadtest_connections {online}"));
    for count in Count::ALL {
        let name = format!("ringback_loadtest_{}_total", count.name());
        line(format!("# HELP {name} {}.", count.about()));
        line(format!("# TYPE {name} counter"));
        line(format!("{name} {}", found.count(count)));
    }
    for label in Label::ALL {
        let name = format!("ringback_loadtest_{}_total", label.name());
        line(format!("# TYPE {name} counter"));
        for (value, many) in found.labels(label) {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
            line(format!("{name}{{name=\"{value}\"}} {many}"));
        }
    }
    line("# HELP ringback_loadtest_seconds Times, by what was measured.".to_owned());
    line("# TYPE ringback_loadtest_seconds summary".to_owned());
    for metric in Metric::ALL {
        let (histogram, of) = (found.histogram(metric), metric.name());
        for quantile in QUANTILES {
            let seconds = histogram.value_at_quantile(quantile) as f64 / 1e6;
            line(format!("ringback_loadtest_seconds{{of=\"{of}\",quantile=\"{quantile}\"}} {seconds}"));
        }
        let sum = histogram.mean() * histogram.len() as f64 / 1e6;
        line(format!("ringback_loadtest_seconds_sum{{of=\"{of}\"}} {sum}"));
        line(format!("ringback_loadtest_seconds_count{{of=\"{of}\"}} {}", histogram.len()));
    }
    text
}

#[cfg(test)]
mod tests;

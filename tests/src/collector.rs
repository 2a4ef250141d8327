//! A real OpenTelemetry collector, and the spans that have come to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;

use crate::patience::eventually;
use crate::ports::free_port;
use crate::process::Process;

/// A running collector, which prints what it is sent.
#[derive(Debug)]
pub struct Collector {
    /// Where it takes OTLP over gRPC.
    pub grpc: u16,
    /// Where it takes OTLP over HTTP.
    pub http: u16,
    process: Process,
}

/// A span.
#[derive(Clone, Debug, Default)]
pub struct Span {
    /// Of which trace.
    pub trace: String,
    /// Its parent; empty for the root.
    pub parent: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it began, in nanoseconds.
    pub start: u64,
    /// When it ended, in nanoseconds.
    pub end: u64,
    /// `UNSET`, `OK` or `ERROR`.
    pub status: String,
    /// What its status says.
    pub message: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Its events: name, and attributes.
    pub events: Vec<(String, BTreeMap<String, String>)>,
}

impl Collector {
    /// Starts it. Returns once it takes connections.
    pub async fn start(dir: &Path) -> Result<Self> {
        let (grpc, http) = (free_port(), free_port());
        let mut command = Command::new("rotel-agent");
        command
            .arg("start")
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .args(["--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .arg("--pid-file")
            .arg(dir.join("collector.pid"));
        let process =
            Process::spawn("collector", command, dir).context("rotel-agent: scripts/setup rotel")?;
        let listens = async || TcpStream::connect(("127.0.0.1", grpc)).await.ok().map(drop);
        if eventually(Duration::from_secs(20), listens).await.is_none() {
            bail!("the collector does not listen: {}", process.tail(20));
        }
        Ok(Self { grpc, http, process })
    }

    /// All that has come to it.
    pub fn spans(&self) -> Vec<Span> {
        read(&self.process.output())
    }

    /// Everything it has printed.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// The spans of the traces whose root has come, by trace: the root first, the others in order of their beginning.
    pub fn traces(&self) -> Vec<Vec<Span>> {
        traces(&self.output())
    }

    /// Ends it.
    pub fn stop(&self) {
        self.process.kill9();
    }
}

/// The traces in what a collector has printed, as [`Collector::traces`] gives them.
pub fn traces(output: &str) -> Vec<Vec<Span>> {
    let spans = read(output);
    let roots = spans.iter().filter(|span| span.parent.is_empty());
    roots
        .map(|root| {
            let mut children: Vec<Span> =
                spans.iter().filter(|span| span.trace == root.trace && span.id != root.id).cloned().collect();
            children.sort_by_key(|span| (span.start, span.end));
            std::iter::once(root.clone()).chain(children).collect()
        })
        .collect()
}

fn read(output: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut in_event = false;
    for line in output.lines() {
        let line = line.trim();
        if line.starts_with("Span #") {
            spans.push(Span::default());
            in_event = false;
            continue;
        }
        let Some(span) = spans.last_mut() else { continue };
        if line.starts_with("ResourceSpans #") {
            // What follows is about another gateway, until its first span.
            spans.push(Span::default());
            continue;
        }
        if line.starts_with("SpanEvent #") {
            in_event = true;
            span.events.push(Default::default());
        } else if line == "Attributes:" {
            in_event = false;
        }
        if let Some((key, value)) = line.strip_prefix("-> ").and_then(|rest| rest.split_once(": ")) {
            let value = value.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(value);
            match (in_event, key) {
                (true, "Name") => span.events.last_mut().map(|event| event.0 = value.to_owned()),
                (true, "Timestamp" | "DroppedAttributesCount") => None,
                (true, key) => span
                    .events
                    .last_mut()
                    .map(|event| event.1.insert(key.to_owned(), value.to_owned()))
                    .map(drop),
                (false, key) => span.attributes.insert(key.to_owned(), value.to_owned()).map(drop),
            };
            continue;
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match field.trim() {
            "Trace ID" => span.trace = value.to_owned(),
            "Parent ID" => span.parent = value.to_owned(),
            "ID" => span.id = value.to_owned(),
            "Name" => span.name = value.to_owned(),
            "Start time" => span.start = value.parse().unwrap_or_default(),
            "End time" => span.end = value.parse().unwrap_or_default(),
            "Status code" => span.status = value.trim_start_matches("STATUS_CODE_").to_owned(),
            "Status message" => span.message = value.to_owned(),
            _ => {}
        }
    }
    spans.retain(|span| !span.id.is_empty());
    spans
}

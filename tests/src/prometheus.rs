//! A real Prometheus with the configuration that is shipped, pointed at the gateways of a test and made to hurry.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::http;
use crate::patience::eventually;
use crate::ports::free_port;
use crate::process::Process;

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    port: u16,
    /// `None`: somebody else started it.
    process: Option<Process>,
}

/// `deploy/`.
pub fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

impl Prometheus {
    /// One that listens on this port.
    pub fn at(port: u16) -> Self {
        Self { port, process: None }
    }

    /// Starts it. Returns once it is ready.
    pub async fn start(dir: &Path, gateways: &[Gateway]) -> Result<Self> {
        let shipped = std::fs::read_to_string(deploy().join("prometheus/prometheus.yml"))?;
        let config = dir.join("prometheus.yml");
        std::fs::write(&config, shipped.replace("15s", "1s"))?;
        // The configuration names the others by their place beside it.
        std::os::unix::fs::symlink(
            std::path::absolute(deploy().join("prometheus/rules"))?,
            dir.join("rules"),
        )?;
        let targets: Vec<String> =
            gateways.iter().map(|gateway| format!("127.0.0.1:{}", gateway.admin())).collect();
        std::fs::create_dir(dir.join("targets"))?;
        let targets = serde_json::json!([{"targets": targets}]).to_string();
        std::fs::write(dir.join("targets/gateways.yml"), targets)?;
        let port = free_port();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("prometheus").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::spawn("prometheus", command, dir).context("prometheus")?;
        let ready = async || matches!(http::get(port, "/-/ready").await, Ok((200, _))).then_some(());
        if eventually(Duration::from_secs(30), ready).await.is_none() {
            bail!("Prometheus is not ready: {}", process.tail(20));
        }
        Ok(Self { port, process: Some(process) })
    }

    /// What a PromQL expression is worth now: the values that are numbers.
    pub async fn query(&self, expr: &str) -> Result<Vec<f64>> {
        let answer = self.ask(&format!("/api/v1/query?query={}", escaped(expr))).await?;
        let result = answer["result"].as_array().context("a vector")?;
        let value = |sample: &Value| sample["value"][1].as_str()?.parse::<f64>().ok();
        Ok(result.iter().filter_map(value).filter(|value| !value.is_nan()).collect())
    }

    /// Every recording rule's expression, and every alert's; once each has been evaluated without an error.
    pub async fn rules(&self) -> Result<(Vec<String>, Vec<String>)> {
        let rules = async || self.evaluated_rules().await.transpose();
        eventually(Duration::from_secs(10), rules).await.context("rules are not evaluated")?
    }

    async fn evaluated_rules(&self) -> Result<Option<(Vec<String>, Vec<String>)>> {
        let (mut recording, mut alerting) = (Vec::new(), Vec::new());
        let mut evaluated = true;
        let answer = self.ask("/api/v1/rules").await?;
        for group in answer["groups"].as_array().context("groups")? {
            for rule in group["rules"].as_array().context("rules")? {
                let query = rule["query"].as_str().context("a query")?.to_owned();
                match rule["type"].as_str() {
                    Some("recording") => recording.push(query),
                    _ => alerting.push(query),
                }
                if rule["health"] == "err" {
                    bail!("a rule fails: {rule}");
                }
                evaluated &= rule["health"] == "ok";
            }
        }
        Ok(Some((recording, alerting)).filter(|_| evaluated))
    }

    async fn ask(&self, path: &str) -> Result<Value> {
        let (status, body) = http::get(self.port, path).await?;
        let answer: Value = serde_json::from_str(&body).with_context(|| format!("{path}: {body}"))?;
        if status != 200 {
            bail!("{path}: {status} {}", answer["error"]);
        }
        Ok(answer["data"].clone())
    }

    /// Ends it, if it was started here.
    pub fn stop(&self) {
        self.process.iter().for_each(Process::kill9);
    }
}

/// Every expression of every panel of the dashboards that are shipped, with its place; of the gateways', or of the load tool's too.
pub fn drawn(load_tool: bool) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(deploy().join("grafana/dashboards"))? {
        let path = file?.path();
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        if dashboard["uid"] == "ringback-loadtest" && !load_tool {
            continue;
        }
        let name = dashboard["title"].as_str().context("a title")?;
        for panel in dashboard["panels"].as_array().context("panels")? {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let place = format!("{name} / {}", panel["title"].as_str().context("a title")?);
                let expr = target["expr"].as_str().context("an expression")?;
                found.push((place, expr.replace("$__rate_interval", "1m")));
            }
        }
    }
    Ok(found)
}

/// The metrics that an expression names.
pub fn metrics_in(expr: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = expr.split(|c| !is_part(c));
    words
        .filter(|word| word.starts_with("ringback_") || word.starts_with("ringback:"))
        .map(str::to_owned)
        .collect()
}

fn escaped(expr: &str) -> String {
    expr.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

//! A Deployment's rolling update, with processes for pods: what the controller, the kubelet and the load balancer do, as far as a
//! gateway notices.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::gateway::{self, Gateway};
use crate::haproxy::Haproxy;
use crate::http;

/// How long it may take until a load balancer has heard that a pod goes. It takes new connections to it until then, which is what
/// `preStop` waits for.
const HEARD: Duration = Duration::from_secs(1);

/// How often it is looked whether a pod has ended.
const LOOKS: Duration = Duration::from_millis(20);

/// What the chart's rendered manifests say.
#[derive(Debug, Clone, Deserialize)]
pub struct Terms {
    /// `spec.replicas`
    pub replicas: usize,
    /// `spec.strategy.rollingUpdate.maxSurge`, in pods
    pub max_surge: usize,
    /// `spec.strategy.rollingUpdate.maxUnavailable`, in pods
    pub max_unavailable: usize,
    /// `spec.minReadySeconds`
    pub min_ready_seconds: u64,
    /// What the readiness probe asks on the admin port.
    pub ready_path: String,
    /// How long the container's `lifecycle.preStop` waits.
    pub pre_stop_seconds: u64,
    /// `terminationGracePeriodSeconds`, from the deletion on
    pub grace_seconds: u64,
    /// The `ConfigMap`'s `gateway.toml`.
    pub config: String,
}

impl Terms {
    /// Of the chart, with these values (`settings.drain.window_ms=4000`) over its own.
    pub fn of_chart(values: &[&str]) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut command = Command::new(root.join("scripts/rollout-terms"));
        for value in values {
            command.args(["--set", value]);
        }
        let output = command.output().context("scripts/rollout-terms")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).context("scripts/rollout-terms")
    }
}

/// How a pod ended.
#[derive(Debug)]
pub struct Gone {
    /// Which.
    pub node: String,
    /// Its exit code; `None`: it was killed when its time was over.
    pub code: Option<i32>,
    /// From its deletion to its end.
    pub after: Duration,
}

/// A pod.
#[derive(Debug)]
struct Pod {
    node: String,
    gateway: Arc<Gateway>,
    slot: usize,
}

/// Pods behind a load balancer.
#[derive(Debug)]
pub struct Deployment {
    terms: Terms,
    dir: PathBuf,
    store: String,
    haproxy: Arc<Haproxy>,
    pods: Vec<Pod>,
    revision: usize,
}

impl Deployment {
    /// Starts the first pods, of this program, and the load balancer before them.
    pub async fn start(terms: Terms, dir: &Path, store: &str, program: &Path) -> Result<Self> {
        let mut gateways = Vec::new();
        for n in 0..terms.replicas {
            gateways.push(pod(program, dir, &format!("gw-1-{n}"), store, &terms).await?);
        }
        let haproxy = Arc::new(Haproxy::start(dir, &gateways).await?);
        let pods = gateways.into_iter().enumerate().map(|(slot, gateway)| Pod {
            node: format!("gw-1-{slot}"),
            gateway: Arc::new(gateway),
            slot,
        });
        let pods = pods.collect();
        Ok(Self { terms, dir: dir.to_owned(), store: store.to_owned(), haproxy, pods, revision: 1 })
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.haproxy.port()
    }

    /// Replaces every pod by one of this program, and tells how those before have ended.
    pub async fn update(&mut self, program: &Path) -> Result<Vec<Gone>> {
        let terms = self.terms.clone();
        self.revision += 1;
        let mut old: Vec<Pod> = std::mem::take(&mut self.pods);
        let mut fresh: Vec<(String, Arc<Gateway>)> = Vec::new();
        let mut going = JoinSet::new();
        let mut started = 0;
        while !old.is_empty() || started < terms.replicas {
            // Pods that are on their way out do not count: the controller waits for none of them.
            while started < terms.replicas
                && old.len() + self.pods.len() + fresh.len() < terms.replicas + terms.max_surge
            {
                fresh.push(self.pod(program, started).await?);
                started += 1;
            }
            let available = old.len() + self.pods.len() + fresh.len();
            ensure!(available + terms.max_unavailable > terms.replicas, "the update can't go on: {terms:?}");
            if old.is_empty() {
                break;
            }
            let goes = old.remove(0);
            let deleted = Instant::now();
            going.spawn(retire(goes.node.clone(), Arc::clone(&goes.gateway), terms.clone(), deleted));
            // With no surge there may be none to take its place yet.
            if fresh.is_empty() {
                fresh.push(self.pod(program, started).await?);
                started += 1;
            }
            let (node, gateway) = fresh.remove(0);
            sleep(HEARD.saturating_sub(deleted.elapsed())).await;
            self.haproxy.put(goes.slot, &gateway).await?;
            self.pods.push(Pod { node, gateway, slot: goes.slot });
        }
        let mut gone = Vec::new();
        while let Some(one) = going.join_next().await {
            gone.push(one.context("a pod's end")??);
        }
        Ok(gone)
    }

    /// A new pod of this revision, which is available.
    async fn pod(&self, program: &Path, number: usize) -> Result<(String, Arc<Gateway>)> {
        let node = format!("gw-{}-{number}", self.revision);
        let gateway = pod(program, &self.dir, &node, &self.store, &self.terms).await?;
        sleep(Duration::from_secs(self.terms.min_ready_seconds)).await;
        Ok((node, Arc::new(gateway)))
    }

    /// Lines about panics in the pods' logs, and the ends of these.
    pub fn panics(&self) -> Vec<String> {
        self.pods.iter().flat_map(|pod| pod.gateway.panics()).collect()
    }

    /// Ends it all.
    pub fn stop(&self) {
        self.haproxy.stop();
        self.pods.iter().for_each(|pod| pod.gateway.kill9());
    }
}

/// A pod that is ready.
async fn pod(program: &Path, dir: &Path, node: &str, store: &str, terms: &Terms) -> Result<Gateway> {
    let config = dir.join("gateway.toml");
    std::fs::write(&config, &terms.config)?;
    let mut settings = gateway::tireless(program)?;
    settings.push(("CONFIG", config.display().to_string()));
    let gateway = Gateway::start_as(program, dir, node, store, &settings).await?;
    let (status, why) = http::get(gateway.admin(), &terms.ready_path).await?;
    ensure!(status == 200, "{node} is not ready by its probe: {status} {why}");
    Ok(gateway)
}

/// What the kubelet does with a pod that is deleted: `preStop`, SIGTERM, and SIGKILL when its time is over.
async fn retire(node: String, gateway: Arc<Gateway>, terms: Terms, deleted: Instant) -> Result<Gone> {
    let grace = Duration::from_secs(terms.grace_seconds);
    sleep(Duration::from_secs(terms.pre_stop_seconds)).await;
    gateway.sigterm()?;
    let mut status = gateway.exited();
    while status.is_none() && deleted.elapsed() < grace {
        sleep(LOOKS).await;
        status = gateway.exited();
    }
    let panics = gateway.panics();
    ensure!(panics.is_empty(), "{node} panicked: {panics:?}");
    if status.is_none() {
        gateway.kill9();
    }
    Ok(Gone { node, code: status.and_then(|status| status.code()), after: deleted.elapsed() })
}

//! A store that is reached by TLS, with an authority that the machine does not know.

use std::path::Path;

use ringback_tests::certificates;
use ringback_tests::gateway;
use ringback_tests::http;
use ringback_tests::patience::{START, eventually};
use ringback_tests::ports::free_port;
use ringback_tests::process::Process;
use ringback_tests::redis::Redis;
use ringback_tests::resp::ask;
use tempfile::TempDir;

/// A gateway on such a store.
struct Guest {
    process: Process,
    admin: u16,
}

impl Guest {
    fn start(dir: &Path, store: &str, trusted: &Path) -> Self {
        let admin = free_port();
        let mut command = gateway::command().expect("a gateway");
        command.env("SSL_CERT_FILE", trusted.join("ca.crt")).args(["--dev", "--store", store]);
        command.args(["--listen", &format!("127.0.0.1:{}", free_port())]);
        command.args(["--admin-listen", &format!("127.0.0.1:{admin}")]);
        let process = Process::spawn("gateway-tls", command, dir).expect("it starts");
        Self { process, admin }
    }

    async fn becomes_ready(&self) {
        let ready = async || matches!(http::get(self.admin, "/readyz").await, Ok((200, _))).then_some(());
        assert!(eventually(START, ready).await.is_some(), "it is not ready\n{}", self.process.tail(40));
    }
}

/// Settings of a server that speaks TLS at this port too, and with other servers.
fn settings(dir: &Path, port: u16) -> Vec<(&'static str, String)> {
    let file = |name: &str| dir.join(name).display().to_string();
    vec![
        ("tls-port", port.to_string()),
        ("tls-cert-file", file("server.crt")),
        ("tls-key-file", file("server.key")),
        ("tls-ca-cert-file", file("ca.crt")),
        ("tls-auth-clients", "no".to_owned()),
        ("tls-cluster", "yes".to_owned()),
        ("tls-replication", "yes".to_owned()),
    ]
}

async fn start(dir: &Path, port: u16, more: &[(&'static str, String)]) -> Redis {
    let all = settings(dir, port).into_iter().chain(more.iter().cloned());
    let options: Vec<String> = all.flat_map(|(key, value)| [format!("--{key}"), value]).collect();
    Redis::start_open(dir, &options).await.expect("Redis with TLS")
}

pub(super) async fn a_cluster_is_reached_by_tls() {
    let dir = TempDir::new().expect("a folder");
    certificates::issue(dir.path()).expect("certificates");
    let port = free_port();
    let cluster = [("cluster-enabled", "yes".to_owned()), ("cluster-port", free_port().to_string())];
    let redis = start(dir.path(), port, &cluster).await;
    ask(redis.port(), "CLUSTER ADDSLOTSRANGE 0 16383").await.expect("all slots are its own");
    let store = format!("rediss-cluster://127.0.0.1:{port}");
    Guest::start(dir.path(), &store, dir.path()).becomes_ready().await;
}

pub(super) async fn sentinels_are_reached_by_tls() {
    let dir = TempDir::new().expect("a folder");
    certificates::issue(dir.path()).expect("certificates");
    let (port, watcher) = (free_port(), free_port());
    let _redis = start(dir.path(), port, &[]).await;
    let config = dir.path().join("sentinel.conf");
    let lines = settings(dir.path(), watcher).into_iter().map(|(key, value)| format!("{key} {value}\n"));
    let watched = format!("{}sentinel monitor calls 127.0.0.1 {port} 1\n", lines.collect::<String>());
    std::fs::write(&config, watched).expect("a file");
    let _sentinel = Redis::start_sentinel(dir.path(), &config).await.expect("a Sentinel");
    let store = format!("rediss-sentinel://127.0.0.1:{watcher}?sentinelServiceName=calls");
    Guest::start(dir.path(), &store, dir.path()).becomes_ready().await;
}

pub(super) async fn a_store_that_is_not_trusted_is_not_used() {
    let (dir, other) = (TempDir::new().expect("a folder"), TempDir::new().expect("another"));
    certificates::issue(dir.path()).expect("certificates");
    certificates::issue(other.path()).expect("certificates");
    let port = free_port();
    let _redis = start(dir.path(), port, &[]).await;
    let guest = Guest::start(dir.path(), &format!("rediss://127.0.0.1:{port}"), other.path());
    let why = async || guest.process.output().contains("InvalidCertificate").then_some(());
    assert!(eventually(START, why).await.is_some(), "it does not say why\n{}", guest.process.tail(40));
    let (status, _) = http::get(guest.admin, "/readyz").await.expect("an answer");
    assert_eq!(status, 503);
}

pub(super) async fn certificates_that_are_not_there_are_a_wrong_setting() {
    let dir = TempDir::new().expect("a folder");
    let mut command = gateway::command().expect("a gateway");
    command.env("SSL_CERT_FILE", dir.path().join("nothing.pem"));
    command.args(["check-config", "--dev", "--store", "rediss://127.0.0.1:1"]);
    let ended = command.output().expect("it starts");
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1));
    assert!(errors.contains("store.url") && errors.contains("nothing.pem"), "{errors}");
}

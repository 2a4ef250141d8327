//! What `ringback-gateway doctor` says of real parts that are sound, and of such that are not.

use std::path::Path;
use std::time::Duration;

use ringback_tests::certificates;
use ringback_tests::cluster::{Cluster, is_synced};
use ringback_tests::coturn::Coturn;
use ringback_tests::patience::eventually;
use ringback_tests::redis::Redis;
use ringback_tests::resp::ask;
use ringback_tests::sentinel::Sentinel;
use ringback_tests::token;
use ringback_tests::users::{self, GATEWAY, PASSWORD};
use serde_json::Value;
use tempfile::TempDir;

use super::{Program, SECRET, free_port, runs};

pub(crate) const ALL: &[Program] = &[
    Program {
        name: "doctor_finds_nothing_wrong_where_nothing_is",
        run: || Box::pin(doctor_finds_nothing_wrong_where_nothing_is()),
    },
    Program {
        name: "doctor_names_what_loses_calls_in_redis",
        run: || Box::pin(doctor_names_what_loses_calls_in_redis()),
    },
    Program {
        name: "doctor_tells_why_redis_does_not_answer",
        run: || Box::pin(doctor_tells_why_redis_does_not_answer()),
    },
    Program { name: "doctor_knows_a_cluster", run: || Box::pin(doctor_knows_a_cluster()) },
    Program { name: "doctor_knows_sentinels", run: || Box::pin(doctor_knows_sentinels()) },
    Program {
        name: "doctor_tells_why_there_is_no_relay",
        run: || Box::pin(doctor_tells_why_there_is_no_relay()),
    },
    Program { name: "doctor_judges_a_token", run: || Box::pin(doctor_judges_a_token()) },
];

const TURN_SECRET: &str = "a secret of this TURN server";

/// What was found.
struct Report {
    code: Option<i32>,
    json: Value,
}

impl Report {
    /// Findings of this level, each as subject and text.
    fn of(&self, level: &str) -> Vec<String> {
        let findings = self.json["findings"].as_array().expect("findings").iter();
        let some = findings.filter(|finding| finding["level"] == level);
        some.map(|finding| format!("{}: {}", text(finding, "subject"), text(finding, "says"))).collect()
    }

    #[track_caller]
    fn has(&self, level: &str, word: &str) {
        assert!(
            self.of(level).iter().any(|finding| finding.contains(word)),
            "{level} {word}: {:#}",
            self.json
        );
    }

    #[track_caller]
    fn fails(&self) {
        assert_eq!(self.code, Some(1), "{:#}", self.json);
        assert_eq!(self.json["ok"], false);
    }
}

fn text<'a>(finding: &'a Value, field: &str) -> &'a str {
    finding[field].as_str().unwrap_or_default()
}

/// Runs it, and has it say nothing of what is secret.
async fn examined(words: &[&str], settings: &[(&str, &str)]) -> Report {
    let words = [&["doctor", "--json"], words].concat();
    let ended = runs(&words, settings).await;
    let told =
        format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    for secret in [SECRET, TURN_SECRET, PASSWORD, "sesame"] {
        assert!(!told.contains(secret), "no secret is told: {told}");
    }
    let json = serde_json::from_slice(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    Report { code: ended.status.code(), json }
}

/// One that anybody may use, unless there is more in its settings.
fn url(redis: &Redis) -> String {
    format!("redis://127.0.0.1:{}", redis.port())
}

/// With enough memory, and nothing that is thrown away when it is used up.
fn options(more: &str) -> Vec<String> {
    format!("--maxmemory 100mb {more}").split_whitespace().map(str::to_owned).collect()
}

async fn redis(dir: &Path, more: &str) -> Redis {
    Redis::start_open(dir, &options(more)).await.expect("Redis")
}

/// With the users that docs/redis.md gives.
async fn closed_redis(dir: &Path, more: &str) -> Redis {
    Redis::start_with(dir, &options(more)).await.expect("Redis")
}

async fn replica_of(primary: &Redis, dir: &Path) -> Redis {
    let port = primary.port();
    let copies = format!("--replicaof 127.0.0.1 {port} --repl-diskless-sync-delay 0");
    let replica = closed_redis(dir, &copies).await;
    // Its primary hears of it a moment later.
    let online = async || ask(port, "INFO replication").await.is_ok_and(|info| info.contains("state=online"));
    let synced = async || (is_synced(replica.port()).await && online().await).then_some(());
    assert!(eventually(Duration::from_secs(20), synced).await.is_some(), "{}", replica.tail());
    replica
}

async fn doctor_finds_nothing_wrong_where_nothing_is() {
    let dir = TempDir::new().expect("a folder");
    certificates::issue(dir.path()).expect("certificates");
    let primary = closed_redis(dir.path(), "").await;
    let _replica = replica_of(&primary, dir.path()).await;
    let coturn = Coturn::start(dir.path(), TURN_SECRET).await.expect("coturn");
    let (port, tls) = (coturn.port(), coturn.tls());
    let token = dir.path().join("token");
    std::fs::write(&token, format!("{}\n", token::good("alice"))).expect("a token");
    let store = url(&primary);
    let stun = format!("stun:127.0.0.1:{port},stuns:127.0.0.1:{tls}");
    let ways = ["turn:127.0.0.1:PORT", "turn:127.0.0.1:PORT?transport=tcp", "turns:127.0.0.1:TLS"];
    let turn = ways.join(",").replace("PORT", &port.to_string()).replace("TLS", &tls.to_string());
    let receiver = format!("https://127.0.0.1:{tls}/events");
    let collector = format!("http://127.0.0.1:{port}");
    let authority = dir.path().join("ca.crt").display().to_string();
    let settings = [
        ("STORE__URL", store.as_str()),
        ("STORE__USERNAME", GATEWAY),
        ("STORE__PASSWORD", PASSWORD),
        ("STORE__DURABILITY", "replicated"),
        ("ICE__URLS", &stun),
        ("TURN__URLS", &turn),
        ("TURN__SECRET", TURN_SECRET),
        ("WEBHOOKS__URL", &receiver),
        ("WEBHOOKS__SECRETS", "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"),
        ("TELEMETRY__OTLP_ENDPOINT", &collector),
        ("SSL_CERT_FILE", &authority),
    ];
    let file = token.display().to_string();
    let report = examined(&["--token-file", &file], &settings).await;
    assert_eq!((report.code, &report.json["ok"]), (Some(0), &Value::Bool(true)), "{:#}", report.json);
    assert_eq!(report.of("warning"), [""; 0], "nothing could be better");
    report.has("ok", "messages: heard in all 64 partitions");
    report.has("ok", "token: is accepted");
    report.has("ok", "webhooks: webhooks.url takes connections");
    report.has("ok", "traces: telemetry.otlp_endpoint takes connections");
    for url in stun.split(',') {
        report.has("ok", &format!("{url}: answers"));
    }
    for url in turn.split(',') {
        report.has("ok", &format!("{url}: gives relays at 127.0.0.1"));
    }
    let log = coturn.output();
    assert_eq!(log.matches("refreshed, realm=<ringback.test>").count(), 3, "relays are given back: {log}");
}

async fn doctor_names_what_loses_calls_in_redis() {
    let dir = TempDir::new().expect("a folder");
    let redis = redis(dir.path(), "--maxmemory-policy volatile-lru --timeout 60").await;
    let store = url(&redis);
    let report = examined(&[], &[("STORE__URL", &store), ("STORE__DURABILITY", "replicated")]).await;
    report.fails();
    report.has("failure", "maxmemory-policy is volatile-lru");
    report.has("failure", "replicas: 0");
    report.has("warning", "idle for 60 s");
    report.has("ok", "messages: heard in all 64 partitions");
}

async fn doctor_tells_why_redis_does_not_answer() {
    let dir = TempDir::new().expect("a folder");
    let locked = redis(dir.path(), "--requirepass open").await;
    let store = url(&locked);
    let wrong = examined(&[], &[("STORE__URL", &store), ("STORE__PASSWORD", "sesame")]).await;
    wrong.fails();
    wrong.has("failure", "user or password refused");
    locked.kill9();
    let down = examined(&[], &[("STORE__URL", &store), ("STORE__PASSWORD", "open")]).await;
    down.fails();
    down.has("failure", "Connection refused");
    assert_eq!(down.of("failure").len(), 1, "what can't be looked at then is no failure: {:#}", down.json);
    let user = redis(dir.path(), "--user ringback on >sesame ~rb1:* &rb1:* +@all -spublish -zadd").await;
    let store = url(&user);
    let who =
        [("STORE__URL", store.as_str()), ("STORE__USERNAME", "ringback"), ("STORE__PASSWORD", "sesame")];
    let few = examined(&[], &who).await;
    few.fails();
    few.has("failure", "rights: refused: script: SPUBLISH, script: ZADD");
    few.has("failure", "messages: ");
}

async fn doctor_knows_a_cluster() {
    let dir = TempDir::new().expect("a folder");
    let cluster = Cluster::start(dir.path()).await.expect("a Cluster");
    let store = cluster.url();
    let report = examined(&[], &[("STORE__URL", &store)]).await;
    assert_eq!(report.code, Some(0), "{:#}", report.json);
    report.has("ok", "in order; 3 primaries of 3 nodes");
    report.has("ok", "messages: heard in all 64 partitions");
    report.has("ok", "rights: every command");
    let one = users::url(cluster.ports()[0]);
    let wrong = examined(&[], &[("STORE__URL", &one)]).await;
    wrong.fails();
    wrong.has("failure", "is a node of a Cluster");
    cluster.nodes()[2].kill9();
    let broken = examined(&[], &[("STORE__URL", &store)]).await;
    broken.fails();
    broken.has("failure", "Connection refused");
    broken.has("failure", "messages: can't subscribe");
}

async fn doctor_knows_sentinels() {
    let dir = TempDir::new().expect("a folder");
    let sentinel = Sentinel::start(dir.path(), 1, 3_000).await.expect("Sentinels");
    let store = sentinel.url();
    let report = examined(&[], &[("STORE__URL", &store), ("STORE__DURABILITY", "replicated")]).await;
    assert_eq!(report.code, Some(0), "{:#}", report.json);
    report.has("ok", "replicas that are up");
    report.has("ok", "messages: heard in all 64 partitions");
}

async fn doctor_tells_why_there_is_no_relay() {
    let dir = TempDir::new().expect("a folder");
    certificates::issue(dir.path()).expect("certificates");
    let coturn = Coturn::start(dir.path(), TURN_SECRET).await.expect("coturn");
    let (port, tls, closed) = (coturn.port(), coturn.tls(), free_port());
    let turn = format!("turn:127.0.0.1:{port},turns:127.0.0.1:{tls},turn:127.0.0.1:{closed}?transport=tcp");
    let settings = [
        ("TURN__URLS", turn.as_str()),
        ("TURN__SECRET", "another secret"),
        ("ICE__URLS", "stun:nowhere.invalid"),
    ];
    let report = examined(&[], &settings).await;
    report.fails();
    report.has(
        "failure",
        &format!("turn:127.0.0.1:{port}: credentials made with turn.secret are refused (401"),
    );
    report.has("failure", &format!("turns:127.0.0.1:{tls}: no TLS connection"));
    report.has("failure", &format!("{closed}?transport=tcp: no connection: Connection refused"));
    report.has("failure", "stun:nowhere.invalid: its name can't be resolved");
}

async fn doctor_judges_a_token() {
    let dir = TempDir::new().expect("a folder");
    let file = dir.path().join("token");
    let words = ["--token-file", file.to_str().expect("a path")];
    for (token, why) in [
        (token::expired("alice"), "`exp` is over"),
        (token::forged("alice"), "another key"),
        ("nonsense".to_owned(), "no JSON Web Token"),
    ] {
        std::fs::write(&file, &token).expect("a token");
        let report = examined(&words, &[]).await;
        report.fails();
        report.has("failure", why);
        assert!(!report.json.to_string().contains(&token), "it is not told");
    }
    let wrong = examined(&[], &[("TIMEOUTS__RINGING_MS", "soon"), ("CALLS__BUSY", "maybe")]).await;
    wrong.fails();
    wrong.has("failure", "timeouts.ringing_ms");
    wrong.has("failure", "calls.busy");
}

//! The program itself: what it refuses to run with, and how it says so, and what else it does than serve. No world is
//! needed for these.

mod tls;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use ringback_tests::gateway::{self, Gateway};
use ringback_tests::http;
use ringback_tests::patience::eventually;
use ringback_tests::ports::free_port;
use ringback_tests::process::Process;
use ringback_tests::redis::Redis;
use ringback_tests::resp;
use ringback_tests::token::SECRET;
use tempfile::TempDir;
use tokio::time::timeout;

/// A story about the program alone.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Pin<Box<dyn Future<Output = ()>>>,
}

pub(crate) const ALL: &[Program] = &[
    Program {
        name: "dev_tokens_are_for_loopback_only",
        run: || Box::pin(dev_tokens_are_for_loopback_only()),
    },
    Program {
        name: "a_program_says_which_build_it_is",
        run: || Box::pin(a_program_says_which_build_it_is()),
    },
    Program { name: "dev_runs_on_loopback", run: || Box::pin(dev_runs_on_loopback()) },
    Program {
        name: "all_wrong_settings_are_told_at_once",
        run: || Box::pin(all_wrong_settings_are_told_at_once()),
    },
    Program {
        name: "check_config_tells_what_is_chosen",
        run: || Box::pin(check_config_tells_what_is_chosen()),
    },
    Program { name: "doctor_finds_what_is_wrong", run: || Box::pin(doctor_finds_what_is_wrong()) },
    Program {
        name: "redis_may_want_tls_and_a_password",
        run: || Box::pin(redis_may_want_tls_and_a_password()),
    },
    Program { name: "a_cluster_is_reached_by_tls", run: || Box::pin(tls::a_cluster_is_reached_by_tls()) },
    Program { name: "sentinels_are_reached_by_tls", run: || Box::pin(tls::sentinels_are_reached_by_tls()) },
    Program {
        name: "a_store_that_is_not_trusted_is_not_used",
        run: || Box::pin(tls::a_store_that_is_not_trusted_is_not_used()),
    },
    Program {
        name: "certificates_that_are_not_there_are_a_wrong_setting",
        run: || Box::pin(tls::certificates_that_are_not_there_are_a_wrong_setting()),
    },
    Program {
        name: "probe_asks_the_gateway_that_runs_here",
        run: || Box::pin(probe_asks_the_gateway_that_runs_here()),
    },
];

/// Longer than a program takes to see that it can't run.
const GIVES_UP: Duration = Duration::from_secs(10);

async fn dev_tokens_are_for_loopback_only() {
    let listen = format!("0.0.0.0:{}", free_port());
    let (status, errors) = refuses(&[("SERVER__LISTEN", listen.as_str()), ("AUTH__DEV", "true")]).await;
    assert!(!status.success(), "it must not run: {status}");
    assert!(named(&errors, "auth.dev"), "it says what is wrong: {errors}");
}

async fn a_program_says_which_build_it_is() {
    let said = runs(&["--version"], &[]).await;
    let dir = TempDir::new().expect("a folder");
    let gateway = Gateway::start(dir.path(), "built", "memory:", &[]).await.expect("it runs");
    let (_, body) = http::get(gateway.admin(), "/healthz").await.expect("an answer");
    let health: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let version = health["version"].as_str().expect("a version");
    // One that was built by hand does not know what from.
    let build = match health.get("commit").expect("a commit, or null").as_str() {
        Some(commit) => format!("ringback-gateway {version} ({commit})\n"),
        None => format!("ringback-gateway {version}\n"),
    };
    assert_eq!(String::from_utf8_lossy(&said.stdout), build);
}

async fn dev_runs_on_loopback() {
    let dir = TempDir::new().expect("a folder");
    let dev = [("AUTH__DEV", "true".to_owned())];
    let gateway = Gateway::start(dir.path(), "dev", "memory:", &dev).await.expect("it runs");
    assert!(gateway.panics().is_empty(), "{:?}", gateway.panics());
    let code = gateway.terminate(Duration::from_secs(20)).await.expect("a signal can be sent");
    assert_eq!(code, Some(0));
}

async fn all_wrong_settings_are_told_at_once() {
    let (status, errors) = refuses(&[
        ("SERVER__LISTEN", "nowhere"),
        ("STORE__URL", "pigeon://127.0.0.1"),
        ("TIMEOUTS__RINGING_MS", "soon"),
        ("TIMEOUTS__HELLO_MS", "-5"),
    ])
    .await;
    assert!(!status.success(), "it must not run: {status}");
    for setting in ["server.listen", "store.url", "timeouts.ringing_ms", "timeouts.hello_ms"] {
        assert!(named(&errors, setting), "{setting} is named: {errors}");
    }
    assert!(!errors.contains("panicked"), "{errors}");
}

/// Whether a setting is named, as in the file or as in the environment.
fn named(errors: &str, setting: &str) -> bool {
    errors.to_lowercase().replace("__", ".").contains(setting)
}

/// Runs the program with settings that it must refuse; gives its exit status and standard error.
async fn refuses(settings: &[(&str, &str)]) -> (ExitStatus, String) {
    let ended = runs(&[], settings).await;
    (ended.status, String::from_utf8_lossy(&ended.stderr).into_owned())
}

/// Runs the program to its end, in memory and with a secret unless `settings` say otherwise.
async fn runs(words: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = gateway::command().expect("a gateway");
    command
        .args(words)
        .env("RINGBACK_SERVER__LISTEN", format!("127.0.0.1:{}", free_port()))
        .env("RINGBACK_ADMIN__LISTEN", format!("127.0.0.1:{}", free_port()))
        .env("RINGBACK_STORE__URL", "memory:")
        .env("RINGBACK_AUTH__HS256_SECRET", SECRET)
        .stdin(Stdio::null());
    for (name, value) in settings {
        command.env(format!("RINGBACK_{name}"), value);
    }
    let ended = tokio::process::Command::from(command).kill_on_drop(true).output();
    timeout(GIVES_UP, ended).await.expect("it should have ended, but runs").expect("it starts")
}

async fn check_config_tells_what_is_chosen() {
    let url = ("STORE__URL", "redis://ringback:sesame@127.0.0.1:6379");
    let sound = runs(&["check-config"], &[url, ("DRAIN__WINDOW_MS", "4000")]).await;
    let told = String::from_utf8_lossy(&sound.stdout);
    assert!(sound.status.success(), "{told}");
    assert!(told.contains("drain.window_ms = 4000"), "{told}");
    assert!(!told.contains("ringing_ms"), "what is as by default is not told: {told}");
    assert!(!told.contains("sesame") && !told.contains(SECRET), "no secret is told: {told}");

    let wrong = runs(&["check-config"], &[("TIMEOUTS__RINGING_MS", "soon"), ("CALLS__BUSY", "maybe")]).await;
    let errors = String::from_utf8_lossy(&wrong.stderr);
    assert_eq!(wrong.status.code(), Some(1), "{errors}");
    assert!(named(&errors, "timeouts.ringing_ms") && named(&errors, "calls.busy"), "{errors}");
}

async fn probe_asks_the_gateway_that_runs_here() {
    let dir = TempDir::new().expect("a folder");
    let gateway = Gateway::start(dir.path(), "probed", "memory:", &[]).await.expect("it runs");
    let admin = format!("0.0.0.0:{}", gateway.admin());
    let probe =
        async |words: &'static [&'static str]| runs(words, &[("ADMIN__LISTEN", admin.as_str())]).await;
    for words in [&["probe"] as &[_], &["probe", "--ready"]] {
        let well = probe(words).await;
        assert!(well.status.success(), "{well:?}");
    }
    gateway.kill9();
    let gone = probe(&["probe"]).await;
    assert_eq!(gone.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("nothing listens"), "{gone:?}");
}

/// An authority of our own, and a certificate of it for loopback: `ca.crt`, `redis.crt`, `redis.key`.
fn certificates(dir: &Path) {
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    let authority = format!("{new} -subj /CN=authority -keyout ca.key -out ca.crt");
    let server = "-subj /CN=redis -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE";
    let server = format!("{new} {server} -CA ca.crt -CAkey ca.key -keyout redis.key -out redis.crt");
    for words in [authority, server] {
        let made = Command::new("openssl").args(words.split(' ')).current_dir(dir).output().expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

async fn redis_may_want_tls_and_a_password() {
    let dir = TempDir::new().expect("a folder");
    certificates(dir.path());
    let tls = free_port();
    let options = format!(
        "--tls-port {tls} --tls-cert-file redis.crt --tls-key-file redis.key --tls-ca-cert-file ca.crt \
         --tls-auth-clients no --user default off --user ringback on >sesame ~rb1:* &rb1:* +@all -@admin"
    );
    let options: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
    let _redis = Redis::start_with(dir.path(), &options).await.expect("Redis with TLS");
    let mut command = gateway::command().expect("a gateway");
    let admin = free_port();
    command
        .env("RINGBACK_SERVER__LISTEN", format!("127.0.0.1:{}", free_port()))
        .env("RINGBACK_ADMIN__LISTEN", format!("127.0.0.1:{admin}"))
        .env("RINGBACK_STORE__URL", format!("rediss://127.0.0.1:{tls}"))
        .env("RINGBACK_STORE__USERNAME", "ringback")
        .env("RINGBACK_STORE__PASSWORD", "sesame")
        .env("RINGBACK_AUTH__HS256_SECRET", SECRET)
        .env("SSL_CERT_FILE", dir.path().join("ca.crt"));
    let process = Process::spawn("gateway", command, dir.path()).expect("it starts");
    let ready = async || matches!(http::get(admin, "/readyz").await, Ok((200, _))).then_some(());
    assert!(eventually(GIVES_UP, ready).await.is_some(), "{}", process.tail(40));
    assert!(!process.output().contains("sesame"), "the password is not logged");
}

async fn doctor_finds_what_is_wrong() {
    let dir = TempDir::new().expect("a folder");
    let redis = Redis::start(dir.path()).await.expect("Redis");
    let url = format!("redis://127.0.0.1:{}", redis.port());
    let store = ("STORE__URL", url.as_str());
    let told = async |settings: &[(&str, &str)]| {
        let ended = runs(&["doctor", "--json"], settings).await;
        let report: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
        (ended.status.code(), report["findings"].to_string())
    };
    let (code, sound) = told(&[store]).await;
    assert_eq!(code, Some(0), "{sound}");
    assert!(sound.contains("all 64 partitions are heard"), "{sound}");

    let replicated = told(&[store, ("STORE__DURABILITY", "replicated")]).await;
    assert_eq!(replicated.0, Some(1));
    assert!(replicated.1.contains("has no replica"), "{}", replicated.1);

    resp::ask(redis.port(), "CONFIG SET maxmemory-policy volatile-lru").await.expect("a setting");
    let (code, evicting) = told(&[store]).await;
    assert_eq!(code, Some(1));
    assert!(evicting.contains("maxmemory-policy is volatile-lru"), "{evicting}");

    let password = ("STORE__PASSWORD", "sesame");
    let (code, stranger) = told(&[store, ("STORE__USERNAME", "nobody"), password]).await;
    assert_eq!(code, Some(1));
    assert!(stranger.contains("failure") && !stranger.contains("sesame"), "{stranger}");
}

//! The program itself: what it refuses to run with, and how it says so, and what else it does than serve. No world is
//! needed for these.

mod access;
pub(crate) mod doctor;
mod listener;
mod secrets;
mod tls;

use std::future::Future;
use std::pin::Pin;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use ringback_tests::certificates;
use ringback_tests::gateway::{self, Gateway};
use ringback_tests::http;
use ringback_tests::patience::eventually;
use ringback_tests::ports::free_port;
use ringback_tests::process::Process;
use ringback_tests::redis::Redis;
use ringback_tests::token::SECRET;
use ringback_tests::users::{GATEWAY, PASSWORD};
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
    Program {
        name: "redis_may_want_tls_and_a_password",
        run: || Box::pin(redis_may_want_tls_and_a_password()),
    },
    Program {
        name: "redis_refuses_what_gateways_do_not_do",
        run: || Box::pin(access::redis_refuses_what_gateways_do_not_do()),
    },
    Program {
        name: "sentinels_refuse_what_gateways_do_not_ask",
        run: || Box::pin(access::sentinels_refuse_what_gateways_do_not_ask()),
    },
    Program {
        name: "a_certificate_is_replaced_under_calls",
        run: || Box::pin(listener::a_certificate_is_replaced_under_calls()),
    },
    Program {
        name: "operators_are_answered_by_tls",
        run: || Box::pin(listener::operators_are_answered_by_tls()),
    },
    Program {
        name: "certificates_that_do_not_work_are_wrong_settings",
        run: || Box::pin(listener::certificates_that_do_not_work_are_wrong_settings()),
    },
    Program {
        name: "secrets_are_nowhere_to_be_seen",
        run: || Box::pin(secrets::secrets_are_nowhere_to_be_seen()),
    },
    Program { name: "a_wrong_secret_is_not_told", run: || Box::pin(secrets::a_wrong_secret_is_not_told()) },
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
        // Which authorities are trusted is no setting of ours.
        let ours = format!("RINGBACK_{name}");
        command.env(if *name == "SSL_CERT_FILE" { name } else { ours.as_str() }, value);
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

async fn redis_may_want_tls_and_a_password() {
    let dir = TempDir::new().expect("a folder");
    certificates::issue(dir.path()).expect("certificates");
    let tls = free_port();
    let options = format!(
        "--tls-port {tls} --tls-cert-file server.crt --tls-key-file server.key --tls-ca-cert-file ca.crt \
         --tls-auth-clients no"
    );
    let options: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
    let _redis = Redis::start_with(dir.path(), &options).await.expect("Redis with TLS");
    let mut command = gateway::command().expect("a gateway");
    let admin = free_port();
    command
        .env("RINGBACK_SERVER__LISTEN", format!("127.0.0.1:{}", free_port()))
        .env("RINGBACK_ADMIN__LISTEN", format!("127.0.0.1:{admin}"))
        .env("RINGBACK_STORE__URL", format!("rediss://127.0.0.1:{tls}"))
        .env("RINGBACK_STORE__USERNAME", GATEWAY)
        .env("RINGBACK_STORE__PASSWORD", PASSWORD)
        .env("RINGBACK_AUTH__HS256_SECRET", SECRET)
        .env("SSL_CERT_FILE", dir.path().join("ca.crt"));
    let process = Process::spawn("gateway", command, dir.path()).expect("it starts");
    let ready = async || matches!(http::get(admin, "/readyz").await, Ok((200, _))).then_some(());
    assert!(eventually(GIVES_UP, ready).await.is_some(), "{}", process.tail(40));
    assert!(!process.output().contains(PASSWORD), "the password is not logged");
}

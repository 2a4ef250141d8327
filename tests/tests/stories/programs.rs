//! The program itself: what it refuses to run with, and how it says so, and what else it does than serve. No world is
//! needed for these.

use std::future::Future;
use std::pin::Pin;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use ringback_tests::gateway::{self, Gateway};
use ringback_tests::ports::free_port;
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

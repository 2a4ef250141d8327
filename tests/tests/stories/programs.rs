//! The program itself: what it refuses to run with, and how it says so. No world is needed for these.

use std::future::Future;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ringback_tests::gateway::{self, Gateway};
use ringback_tests::ports::free_port;
use ringback_tests::token::SECRET;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
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
    let mut command = gateway::command().expect("a gateway");
    command
        .env("RINGBACK_SERVER__LISTEN", format!("127.0.0.1:{}", free_port()))
        .env("RINGBACK_ADMIN__LISTEN", format!("127.0.0.1:{}", free_port()))
        .env("RINGBACK_STORE__URL", "memory:")
        .env("RINGBACK_AUTH__HS256_SECRET", SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    for (name, value) in settings {
        command.env(format!("RINGBACK_{name}"), value);
    }
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("it starts");
    let mut stderr = child.stderr.take().expect("a pipe");
    let mut errors = Vec::new();
    let status = timeout(GIVES_UP, async {
        stderr.read_to_end(&mut errors).await.expect("its words");
        child.wait().await.expect("its exit")
    });
    let status = status.await.expect("it should have refused these settings, but runs");
    (status, String::from_utf8_lossy(&errors).into_owned())
}

//! A `ringback-gateway` process, set up through its environment as an operator would.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::http;
use crate::patience::{START, eventually};
use crate::ports::free_port;
use crate::process::Process;
use crate::token::SECRET;

/// One running gateway.
#[derive(Debug)]
pub struct Gateway {
    port: u16,
    admin: u16,
    process: Process,
    /// How many of the log's panics have been reported.
    reported: Mutex<usize>,
}

impl Gateway {
    /// Starts a gateway called `node` on `store`; `settings` are further environment variables, without their
    /// `RINGBACK_`. Returns once `/readyz` says so.
    pub async fn start(dir: &Path, node: &str, store: &str, settings: &[(&str, String)]) -> Result<Self> {
        Self::start_as(&program(), dir, node, store, settings).await
    }

    /// The same, of another program than the one to test.
    pub async fn start_as(
        program: &Path,
        dir: &Path,
        node: &str,
        store: &str,
        settings: &[(&str, String)],
    ) -> Result<Self> {
        let (port, admin) = (free_port(), free_port());
        let mut command = command_of(program)?;
        command
            .env("RINGBACK_SERVER__LISTEN", format!("127.0.0.1:{port}"))
            .env("RINGBACK_ADMIN__LISTEN", format!("127.0.0.1:{admin}"))
            .env("RINGBACK_NODE__ID", node)
            .env("RINGBACK_STORE__URL", store)
            .env("RINGBACK_AUTH__HS256_SECRET", SECRET)
            .env("RINGBACK_TURN__URLS", "turn:127.0.0.1:3478, turns:127.0.0.1:5349?transport=tcp")
            .env("RINGBACK_TURN__SECRET", "a secret of TURN servers")
            .env("RINGBACK_TURN__TTL_MS", "600000");
        for (name, value) in settings {
            command.env(format!("RINGBACK_{name}"), value);
        }
        let process = Process::spawn(&format!("gateway-{node}"), command, dir)?;
        let gateway = Self { port, admin, process, reported: Mutex::default() };
        gateway.becomes_ready().await?;
        Ok(gateway)
    }

    /// Waits until `/readyz` says so.
    pub async fn becomes_ready(&self) -> Result<()> {
        let up = eventually(START, async || {
            if self.process.exited().is_some() {
                return Some(false);
            }
            self.ready().await.then_some(true)
        });
        if up.await != Some(true) {
            bail!("a gateway did not become ready\n{}", self.process.tail(60));
        }
        Ok(())
    }

    /// Starts it again, at the same ports and under the same name, after it was killed or has ended. Does not wait.
    pub fn respawn(&self) -> Result<()> {
        self.process.respawn()
    }

    /// SIGSTOP: it stands still, and its sockets stay open.
    pub fn pause(&self) -> Result<()> {
        self.process.pause()
    }

    /// SIGCONT.
    pub fn go_on(&self) -> Result<()> {
        self.process.go_on()
    }

    /// The operators' port.
    pub fn admin(&self) -> u16 {
        self.admin
    }

    /// The client port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether `/readyz` answers 200.
    pub async fn ready(&self) -> bool {
        matches!(http::get(self.admin, "/readyz").await, Ok((200, _)))
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> Result<String> {
        match http::get(self.admin, "/metrics").await? {
            (200, text) => Ok(text),
            (status, text) => bail!("/metrics answered {status}: {text}"),
        }
    }

    /// How long it has been computing so far.
    pub fn computed(&self) -> Result<Duration> {
        self.process.computed()
    }

    /// SIGKILL.
    pub fn kill9(&self) {
        self.process.kill9();
    }

    /// SIGTERM, without waiting for what it does.
    pub fn sigterm(&self) -> Result<()> {
        self.process.sigterm()
    }

    /// How the process ended, if it has.
    pub fn exited(&self) -> Option<ExitStatus> {
        self.process.exited()
    }

    /// Waits for the process to end by itself.
    pub async fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        self.process.wait(limit).await
    }

    /// SIGTERM, and the exit code within `limit`.
    pub async fn terminate(&self, limit: Duration) -> Result<Option<i32>> {
        self.sigterm()?;
        Ok(self.wait(limit).await.and_then(|status| status.code()))
    }

    /// The log's lines about panics: there must never be any.
    pub fn panics(&self) -> Vec<String> {
        self.process.output().lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect()
    }

    /// Those that no story has reported yet.
    pub fn new_panics(&self) -> Vec<String> {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let panics = self.panics();
        let new = panics.get(*reported..).unwrap_or_default().to_vec();
        *reported = panics.len();
        new
    }

    /// All of its log.
    pub fn log(&self) -> String {
        self.process.output()
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        self.process.tail(40)
    }
}

/// The program, with nothing of Ringback's in its environment and nothing to find in its working folder.
pub fn command() -> Result<Command> {
    command_of(&program())
}

fn command_of(program: &Path) -> Result<Command> {
    if !program.is_file() {
        bail!(
            "no gateway at {}: build it with `cargo build -p ringback-gateway`, or name one in RINGBACK_GATEWAY",
            program.display()
        );
    }
    let program = std::path::absolute(program).context("the gateway's path")?;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("RINGBACK_")) {
            command.env_remove(name);
        }
    }
    command.current_dir(std::env::temp_dir());
    Ok(command)
}

/// Settings that let users call each other more often than people do. An old gateway has no such limits, and knows no such
/// settings.
pub fn tireless(program: &Path) -> Result<Vec<(&'static str, String)>> {
    let limits = ["LIMITS__CALLS_MADE_PER_MINUTE", "LIMITS__CALLS_RECEIVED_PER_MINUTE"];
    let known = defaults_of(program)?.contains("calls_made_per_minute");
    Ok(limits.into_iter().filter(|_| known).map(|name| (name, "0".to_owned())).collect())
}

/// What `--print-defaults` says.
pub fn defaults() -> Result<String> {
    defaults_of(&program())
}

fn defaults_of(program: &Path) -> Result<String> {
    let output = command_of(program)?.arg("--print-defaults").output().context("the gateway can't be run")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The program to test.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("RINGBACK_GATEWAY") {
        return PathBuf::from(named);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("debug/ringback-gateway")
}

/// The program of the second gateway of a world: of another version, if one is named in `RINGBACK_SECOND_GATEWAY`.
pub fn second_program() -> PathBuf {
    std::env::var_os("RINGBACK_SECOND_GATEWAY").map_or_else(program, PathBuf::from)
}

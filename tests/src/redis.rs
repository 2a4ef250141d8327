//! A real `redis-server` on a free loopback port, nothing written to disk.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::patience::{START, eventually};
use crate::ports::free_port;
use crate::process::Process;
use crate::resp;
use crate::users::{self, PASSWORD, REPLICA};

/// One running server.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    process: Box<Process>,
}

impl Redis {
    /// A server of its own.
    pub async fn start(dir: &Path) -> Result<Self> {
        Self::start_with(dir, &[]).await
    }

    /// A server with further options; returns once it answers. Gateways are the user there that the project's own file gives
    /// them, and nobody is let in without a name.
    pub async fn start_with(dir: &Path, options: &[String]) -> Result<Self> {
        let users = users::of_servers(dir)?.display().to_string();
        let closed = ["--aclfile", &users, "--masteruser", REPLICA, "--masterauth", PASSWORD];
        let options = closed.into_iter().map(str::to_owned).chain(options.iter().cloned());
        Self::start_open(dir, &options.collect::<Vec<_>>()).await
    }

    /// A server that lets anybody in, unless the options say otherwise. `RINGBACK_REDIS_SERVER` names another program
    /// (a newer Redis, Valkey) than the `redis-server` on the path.
    pub async fn start_open(dir: &Path, options: &[String]) -> Result<Self> {
        let mut command = program();
        command.args(["--save", "", "--appendonly", "no"]).args(options);
        Self::run("redis", command, dir).await
    }

    /// A Sentinel that keeps what it knows in `config`.
    pub async fn start_sentinel(dir: &Path, config: &Path) -> Result<Self> {
        let mut command = program();
        command.arg(config).arg("--sentinel");
        Self::run("sentinel", command, dir).await
    }

    async fn run(name: &str, mut command: Command, dir: &Path) -> Result<Self> {
        let port = free_port();
        command.current_dir(dir).args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        let process = Process::spawn(&format!("{name}-{port}"), command, dir)?;
        let redis = Self { port, process: Box::new(process) };
        redis.answers().await?;
        Ok(redis)
    }

    async fn answers(&self) -> Result<()> {
        let up = eventually(START, async || match resp::ask(self.port, "PING").await {
            Ok(_) => Some(true),
            // It answers, if only that it is not ready: that is for whoever waits for more.
            Err(error) if error.to_string().contains("PING: ") => Some(true),
            Err(_) => self.process.exited().map(|_| false),
        });
        match up.await {
            Some(true) => Ok(()),
            _ => Err(anyhow::anyhow!("{}", self.process.tail(40))).context("redis-server did not come up"),
        }
    }

    /// Starts it again at the same port after it was killed; returns once it answers.
    pub async fn restart(&self) -> Result<()> {
        self.process.respawn()?;
        self.answers().await
    }

    /// SIGSTOP.
    pub fn pause(&self) -> Result<()> {
        self.process.pause()
    }

    /// SIGCONT.
    pub fn go_on(&self) -> Result<()> {
        self.process.go_on()
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        self.process.tail(30)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as gateways log in there.
    pub fn url(&self) -> String {
        users::url(self.port)
    }

    /// Stops it at once.
    pub fn kill9(&self) {
        self.process.kill9();
    }
}

fn program() -> Command {
    Command::new(std::env::var("RINGBACK_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned()))
}

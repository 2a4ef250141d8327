//! A real `redis-server` on a free loopback port, nothing written to disk.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::patience::{START, eventually};
use crate::ports::free_port;
use crate::process::Process;
use crate::resp;

/// One running server.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    process: Process,
}

impl Redis {
    /// A server of its own.
    pub async fn start(dir: &Path) -> Result<Self> {
        Self::start_with(dir, &[]).await
    }

    /// A server with further options; returns once it answers. `RINGBACK_REDIS_SERVER` names another program
    /// (a newer Redis, Valkey) than the `redis-server` on the path.
    pub async fn start_with(dir: &Path, options: &[String]) -> Result<Self> {
        let port = free_port();
        let program = std::env::var("RINGBACK_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let mut command = Command::new(program);
        command
            .current_dir(dir)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .args(options);
        let process = Process::spawn(&format!("redis-{port}"), command, dir)?;
        let redis = Self { port, process };
        let up = eventually(START, async || match resp::ask(port, "PING").await {
            Ok(answer) => Some(Ok(answer)),
            Err(_) => redis.process.exited().map(Err),
        });
        match up.await {
            Some(Ok(_)) => Ok(redis),
            _ => Err(anyhow::anyhow!("{}", redis.process.tail(40))).context("redis-server did not come up"),
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it at once.
    pub fn kill9(&self) {
        self.process.kill9();
    }
}

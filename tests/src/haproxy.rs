//! A real HAProxy with the configuration that is shipped, whose servers are told to it while it runs, as a cluster tells a load
//! balancer which pods there are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::gateway::Gateway;
use crate::patience::{START, eventually};
use crate::ports::free_port;
use crate::process::Process;
use crate::prometheus::deploy;

/// Servers that the configuration names.
pub const SLOTS: usize = 3;

/// A running HAProxy.
#[derive(Debug)]
pub struct Haproxy {
    port: u16,
    socket: PathBuf,
    process: Process,
}

impl Haproxy {
    /// Starts it before these gateways, one in each slot. Returns once it takes connections.
    pub async fn start(dir: &Path, gateways: &[Gateway]) -> Result<Self> {
        ensure!(gateways.len() == SLOTS, "there are {SLOTS} slots");
        let (port, socket) = (free_port(), dir.join("haproxy.sock"));
        let admin = dir.join("haproxy-admin.cfg");
        std::fs::write(&admin, format!("global\n    stats socket {} level admin\n", socket.display()))?;
        // Debian keeps it where only root looks.
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        let program =
            std::env::split_paths(&path).map(|folder| folder.join("haproxy")).find(|file| file.is_file());
        let mut command = Command::new(program.context("haproxy is not installed: scripts/setup haproxy")?);
        command.arg("-db").arg("-f").arg(deploy().join("haproxy/haproxy.cfg")).arg("-f").arg(admin);
        command.env("LISTEN", format!("127.0.0.1:{port}"));
        for (n, gateway) in gateways.iter().enumerate() {
            command.env(format!("GATEWAY_{}", n + 1), format!("127.0.0.1:{}", gateway.port()));
            command.env(format!("GATEWAY_{}_ADMIN", n + 1), gateway.admin().to_string());
        }
        let process = Process::spawn("haproxy", command, dir)?;
        let listens = async || TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop);
        if eventually(START, listens).await.is_none() {
            bail!("HAProxy does not listen: {}", process.tail(20));
        }
        Ok(Self { port, socket, process })
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// New connections go to this gateway instead of the one that was in the slot; those there are stay where they are.
    pub async fn put(&self, slot: usize, gateway: &Gateway) -> Result<()> {
        let server = format!("gateways/gw-{}", slot + 1);
        self.tell(&format!("set server {server} addr 127.0.0.1 port {}", gateway.port())).await?;
        self.tell(&format!("set server {server} check-port {}", gateway.admin())).await?;
        self.tell(&format!("set server {server} health up")).await
    }

    async fn tell(&self, command: &str) -> Result<()> {
        let mut stream = UnixStream::connect(&self.socket).await.context("HAProxy's socket")?;
        stream.write_all(format!("{command}\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let refused =
            ["No such", "Invalid", "Unknown", "require", "not "].iter().any(|word| answer.contains(word));
        ensure!(!refused, "{command}: {answer}");
        Ok(())
    }

    /// Ends it.
    pub fn stop(&self) {
        self.process.kill9();
    }
}

//! A real `turnserver` on free loopback ports, by UDP, TCP and TLS.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use tokio::net::TcpStream;

use crate::patience::{START, eventually};
use crate::ports::free_port;
use crate::process::Process;

/// A running server.
#[derive(Debug)]
pub struct Coturn {
    port: u16,
    tls: u16,
    process: Process,
}

impl Coturn {
    /// Starts one that shares this secret. `server.crt` and `server.key` in the folder are its certificate. Returns once it takes
    /// connections.
    pub async fn start(dir: &Path, secret: &str) -> Result<Self> {
        let (port, tls) = (free_port(), free_port());
        let mut command = Command::new("turnserver");
        command.current_dir(dir).args(["-n", "--verbose", "--log-file", "stdout", "--simple-log"]);
        command.args(["--use-auth-secret", "--static-auth-secret", secret, "--realm", "ringback.test"]);
        command.args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--no-cli", "--no-dtls"]);
        command.args(["--listening-port", &port.to_string(), "--tls-listening-port", &tls.to_string()]);
        command.args(["--cert", "server.crt", "--pkey", "server.key"]);
        command.args(["--userdb", "turn.db", "--pidfile", "turn.pid"]);
        let process = Process::spawn("turnserver", command, dir)?;
        for port in [port, tls] {
            let listens = async || TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop);
            if eventually(START, listens).await.is_none() {
                bail!("turnserver (scripts/setup coturn) does not listen: {}", process.tail(20));
            }
        }
        Ok(Self { port, tls, process })
    }

    /// Where it listens, by UDP and TCP.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens, by TLS.
    pub fn tls(&self) -> u16 {
        self.tls
    }

    /// Its log.
    pub fn output(&self) -> String {
        self.process.output()
    }
}

//! The processes of a comparison: started on free ports of this machine, never left behind.

use std::{
    fs::File,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{net::TcpStream, time::sleep};

use crate::servers::Server;

/// How long a program may take to come up.
const START: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// One of them.
#[derive(Debug)]
pub(crate) struct Part {
    child: Child,
    name: String,
}

impl Part {
    /// Starts it; what it says goes into a file of its own.
    pub(crate) fn start(name: &str, mut command: Command, folder: &Path) -> anyhow::Result<Self> {
        let log = File::create(folder.join(format!("{name}.log")))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir(folder);
        let child =
            command.spawn().with_context(|| format!("can't start {}", command.get_program().display()))?;
        Ok(Self { child, name: name.to_owned() })
    }

    /// As it is watched.
    pub(crate) fn server(&self) -> Server {
        Server { name: self.name.clone(), pid: self.child.id() }
    }

    /// Waits until something listens on that port.
    pub(crate) async fn listens(&mut self, port: u16) -> anyhow::Result<()> {
        let end = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}", self.name);
            }
            if Instant::now() >= end {
                bail!("{} does not come up", self.name);
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // An error means that it is gone already, which is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free now, below those that the kernel gives to outgoing connections: the thousands of virtual users
/// would take it.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    for _ in 0..1_000 {
        let port = fastrand::u16(20_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port")
}

//! One child process: started with its output in a file, signalled by its own pid only, never left behind.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::patience::eventually;

/// A running (or finished) program.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Mutex<Child>,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, with stdout and stderr going to `<dir>/<name>.log`.
    pub fn spawn(name: &str, mut command: Command, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let out = File::create(&log).with_context(|| format!("log of {name}"))?;
        let err = out.try_clone()?;
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .with_context(|| format!("can't start {}", program.display()))?;
        Ok(Self { name: name.to_owned(), child: Mutex::new(child), log })
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The exit status, if the process is gone.
    pub fn exited(&self) -> Option<ExitStatus> {
        self.child().try_wait().ok().flatten()
    }

    /// SIGKILL: the process gets no chance to say goodbye.
    pub fn kill9(&self) {
        let mut child = self.child();
        // An error means that it is gone already, which is what was wanted.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Sends SIGTERM and returns at once. The child lock is held, so the pid can't have been reaped and reused.
    pub fn sigterm(&self) -> Result<()> {
        let mut child = self.child();
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        let kill = format!("kill -TERM {}", child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().context("can't run sh")?;
        anyhow::ensure!(status.success(), "{kill}: {status}");
        Ok(())
    }

    /// Waits for the process to end by itself; `None` if it still runs after `limit`.
    pub async fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        eventually(limit, async || self.exited()).await
    }

    /// All that the process has written so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines of the output, under a heading: what a person wants to see when something failed.
    pub fn tail(&self, lines: usize) -> String {
        let output = self.output();
        let all: Vec<&str> = output.lines().collect();
        let from = all.len().saturating_sub(lines);
        format!(
            "--- {} (last {} of {} lines)\n{}\n",
            self.name,
            all.len() - from,
            all.len(),
            all[from..].join("\n")
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

//! One child process: started with its output in a file, signalled by its own pid only, never left behind.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::patience::eventually;

/// How long a process may take to stand still.
const STOPS: Duration = Duration::from_secs(5);

/// A running (or finished) program.
#[derive(Debug)]
pub struct Process {
    name: String,
    running: Mutex<Running>,
    log: PathBuf,
}

/// The child, and how to have another like it.
#[derive(Debug)]
struct Running {
    command: Command,
    child: Child,
}

impl Process {
    /// Starts `command`, with stdout and stderr going to `<dir>/<name>.log`.
    pub fn spawn(name: &str, mut command: Command, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        // A program that is started again goes on writing where it ended.
        let out =
            OpenOptions::new().create(true).append(true).open(&log).with_context(|| format!("log of {name}"));
        let out = out?;
        let err = out.try_clone()?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = start(&mut command)?;
        Ok(Self { name: name.to_owned(), running: Mutex::new(Running { command, child }), log })
    }

    /// Starts the same program again, as it was started; one that still runs is killed first.
    pub fn respawn(&self) -> Result<()> {
        let mut running = self.running();
        end(&mut running.child);
        running.child = start(&mut running.command)?;
        Ok(())
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The exit status, if the process is gone.
    pub fn exited(&self) -> Option<ExitStatus> {
        self.running().child.try_wait().ok().flatten()
    }

    /// SIGKILL: the process gets no chance to say goodbye.
    pub fn kill9(&self) {
        end(&mut self.running().child);
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        self.running().child.id()
    }

    /// How long it has been computing so far, on all its threads together; what ended threads did is not in it.
    pub fn computed(&self) -> Result<Duration> {
        let mut sum = Duration::ZERO;
        for task in self.tasks()? {
            // One may end while they are read.
            let Ok(said) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let nanos = said.split(' ').next().and_then(|first| first.parse().ok());
            sum += Duration::from_nanos(nanos.context("a thread's time")?);
        }
        Ok(sum)
    }

    /// Sends SIGTERM and returns at once.
    pub fn sigterm(&self) -> Result<()> {
        self.signal("TERM")
    }

    /// Sends SIGSTOP: the process stands still when this returns, and its sockets stay open.
    pub fn pause(&self) -> Result<()> {
        self.signal("STOP")?;
        let end = Instant::now() + STOPS;
        while self.exited().is_none() && !self.stands_still()? {
            anyhow::ensure!(Instant::now() < end, "{} does not stand still", self.name);
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Whether each of its threads is stopped: the signal is sent before the last of them is.
    fn stands_still(&self) -> Result<bool> {
        for task in self.tasks()? {
            // One may end while they are read.
            let Ok(said) = std::fs::read_to_string(task?.path().join("stat")) else { continue };
            // The name before it may hold anything.
            let state = said.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
            if !matches!(state, Some('T' | 't')) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn tasks(&self) -> Result<std::fs::ReadDir> {
        let tasks = format!("/proc/{}/task", self.running().child.id());
        std::fs::read_dir(tasks).context("a process' threads")
    }

    /// Sends SIGCONT.
    pub fn go_on(&self) -> Result<()> {
        self.signal("CONT")
    }

    /// The child lock is held, so the pid can't have been reaped and reused.
    fn signal(&self, name: &str) -> Result<()> {
        let mut running = self.running();
        if running.child.try_wait()?.is_some() {
            return Ok(());
        }
        let kill = format!("kill -{name} {}", running.child.id());
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

fn start(command: &mut Command) -> Result<Child> {
    let started = command.spawn();
    started.with_context(|| format!("can't start {}", command.get_program().display()))
}

/// An error means that it is gone already, which is what was wanted.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

//! What servers on this machine spend: CPU and memory, read off `/proc`.

use std::{str::FromStr, time::Duration};

use anyhow::Context as _;
use serde::Serialize;

/// A process that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// What it is called in reports.
    pub(crate) name: String,
    /// Its process.
    pub(crate) pid: u32,
}

impl FromStr for Server {
    type Err = String;

    /// `NAME=PID`
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?}: write it as NAME=PID");
        let (name, pid) = text.split_once('=').ok_or_else(wrong)?;
        let server = Self { name: name.to_owned(), pid: pid.parse().map_err(|_| wrong())? };
        server.computed().map_err(|error| format!("{error:#}"))?;
        Ok(server)
    }
}

impl Server {
    /// How long it has been computing so far, on all its threads together; what ended threads did is not in it.
    pub(crate) fn computed(&self) -> anyhow::Result<Duration> {
        let tasks = format!("/proc/{}/task", self.pid);
        let mut sum = Duration::ZERO;
        for task in std::fs::read_dir(&tasks).with_context(|| format!("no process {}", self.pid))? {
            // One may end while they are read.
            let Ok(said) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let nanos = said.split(' ').next().and_then(|first| first.parse().ok());
            sum += Duration::from_nanos(nanos.context("a thread's time")?);
        }
        Ok(sum)
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        Ok(self.status("VmRSS:")? * 1_024)
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> anyhow::Result<u64> {
        self.status("Threads:")
    }

    /// How many files it has open.
    pub(crate) fn files(&self) -> anyhow::Result<u64> {
        let folder = format!("/proc/{}/fd", self.pid);
        // Newer kernels tell the number as the size of the folder; counting thousands takes a while.
        match std::fs::metadata(&folder)?.len() {
            0 => Ok(std::fs::read_dir(&folder)?.count() as u64),
            files => Ok(files),
        }
    }

    fn status(&self, what: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let found = status.lines().find_map(|line| line.strip_prefix(what));
        let number = found.with_context(|| format!("no {what}"))?.trim().trim_end_matches("kB").trim();
        number.parse().with_context(|| what.to_owned())
    }
}

/// What a server had spent at some time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    computed: Duration,
    resident: u64,
}

impl Spent {
    /// Of each; of one that is gone, nothing.
    pub(crate) fn of_all(servers: &[Server]) -> Vec<Self> {
        let of = |server: &Server| Self {
            computed: server.computed().unwrap_or_default(),
            resident: server.resident().unwrap_or_default(),
        };
        servers.iter().map(of).collect()
    }
}

/// What a server spent in a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Usage {
    /// Which.
    pub(crate) name: String,
    /// CPU while users connected.
    pub(crate) connecting_cpu_ms: u64,
    /// CPU from then on.
    pub(crate) cpu_ms: u64,
    /// Resident memory before anybody connected …
    pub(crate) rss_before: u64,
    /// … when all were connected …
    pub(crate) rss_connected: u64,
    /// … and when the last call was over.
    pub(crate) rss_after: u64,
    /// What it grew by for each connection there is, whichever server has it: what one costs is the sum over all servers.
    pub(crate) rss_per_connection: f64,
}

/// From three looks at the servers.
pub(crate) fn usage(
    servers: &[Server],
    before: &[Spent],
    connected: &[Spent],
    after: &[Spent],
    connections: usize,
) -> Vec<Usage> {
    let looks = before.iter().zip(connected).zip(after);
    let one = |(server, ((before, connected), after)): (&Server, ((&Spent, &Spent), &Spent))| Usage {
        name: server.name.clone(),
        connecting_cpu_ms: millis(connected.computed.saturating_sub(before.computed)),
        cpu_ms: millis(after.computed.saturating_sub(connected.computed)),
        rss_before: before.resident,
        rss_connected: connected.resident,
        rss_after: after.resident,
        rss_per_connection: connected.resident.saturating_sub(before.resident) as f64
            / connections.max(1) as f64,
    };
    servers.iter().zip(looks).map(one).collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_watched_by_its_number() {
        let this: Server = format!("this={}", std::process::id()).parse().unwrap();
        assert_eq!(this.name, "this");
        assert!(this.computed().unwrap() > Duration::ZERO);
        assert!(this.resident().unwrap() > 100_000);
        assert!(this.threads().unwrap() >= 1);
        let files = this.files().unwrap();
        let kept = std::fs::File::open("/proc/self/status").unwrap();
        // Other tests may open some at the same time, in threads of this process.
        assert!(files >= 3 && this.files().unwrap() > 3, "{files}");
        drop(kept);
        for wrong in ["this", "this=that", "this=4294967295"] {
            assert!(wrong.parse::<Server>().is_err(), "{wrong}");
        }
    }
}

//! What Redis itself counts: commands, scripts, and bytes on its clients' connections.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use fred::{clients::Client, types::ClusterHash};

use crate::redis::{ask, connect};

/// How a script is called.
const SCRIPTS: [&str; 6] = ["eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro"];

/// The counters of all primaries together.
#[derive(Debug)]
pub(crate) struct Counters {
    primaries: Vec<Client>,
    /// Bytes of the answers to our own questions.
    own: AtomicU64,
}

/// Since these servers were started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    /// Scripts called.
    pub(crate) scripts: u64,
    /// Commands, those that scripts run among them; but for the one that asks for this.
    pub(crate) commands: u64,
    /// Bytes from clients …
    pub(crate) received: u64,
    /// … and to them.
    pub(crate) sent: u64,
}

impl Counters {
    /// Of the Redis servers at these URLs.
    pub(crate) async fn connect(urls: &[String]) -> anyhow::Result<Self> {
        let mut primaries = Vec::with_capacity(urls.len());
        for url in urls {
            primaries.push(connect(url).await?);
        }
        Ok(Self { primaries, own: AtomicU64::new(0) })
    }

    /// Reads them.
    pub(crate) async fn look(&self) -> anyhow::Result<Counted> {
        let mut sum = Counted::default();
        // An answer is sent after it was made: it is in the count of the next.
        let own = self.own.load(Ordering::Relaxed);
        for primary in &self.primaries {
            let parts = vec!["stats".to_owned(), "commandstats".to_owned()];
            let reply: String = ask(primary, "INFO", ClusterHash::Random, parts).await?;
            let counted = Counted::read(&reply)?;
            self.own.fetch_add(reply.len() as u64, Ordering::Relaxed);
            sum.scripts += counted.scripts;
            sum.commands += counted.commands;
            sum.received += counted.received;
            sum.sent += counted.sent;
        }
        sum.sent = sum.sent.saturating_sub(own);
        Ok(sum)
    }
}

impl Counted {
    fn read(info: &str) -> anyhow::Result<Self> {
        let lines = || info.lines().filter_map(|line| line.trim_end().split_once(':'));
        let stat = |name: &str| {
            let found = lines().find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok());
            found.with_context(|| format!("Redis tells no {name}"))
        };
        let mut counted = Self {
            received: stat("total_net_input_bytes")?,
            sent: stat("total_net_output_bytes")?,
            ..Self::default()
        };
        for (command, what) in lines().filter_map(|(key, what)| Some((key.strip_prefix("cmdstat_")?, what))) {
            let calls = what.strip_prefix("calls=").and_then(|rest| rest.split(',').next()?.parse().ok());
            let calls: u64 = calls.with_context(|| format!("how often {command} was called"))?;
            if SCRIPTS.contains(&command) {
                counted.scripts += calls;
            }
            if command != "info" {
                counted.commands += calls;
            }
        }
        Ok(counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Stats\r\ntotal_net_input_bytes:100\r\ntotal_net_output_bytes:70\r\n\r\n# Commandstats\r\n\
                        cmdstat_evalsha:calls=3,usec=40,usec_per_call=13.33\r\ncmdstat_set:calls=5,usec=9\r\n\
                        cmdstat_info:calls=2,usec=9\r\ncmdstat_client|setname:calls=1,usec=1\r\n";

    #[test]
    fn its_own_question_is_not_counted() {
        let expected = Counted { scripts: 3, commands: 9, received: 100, sent: 70 };
        assert_eq!(Counted::read(INFO).unwrap(), expected);
    }

    #[test]
    fn what_is_not_told_is_named() {
        let error = Counted::read("total_net_input_bytes:100\r\n").unwrap_err();
        assert!(error.to_string().contains("total_net_output_bytes"), "{error}");
    }
}

//! Several workers, on several machines, that are one run: they find each other through Redis, start at the same moment
//! by its clock, and leave their figures there for the first of them, who adds them up.
//!
//! Keys, all with a time to live: `rbload:{run}:joined` and `rbload:{run}:ready` count workers, `rbload:{run}:start` is the
//! start in microseconds, `rbload:{run}:found` a hash with each worker's figures in JSON.

use std::time::{Duration, Instant};

use anyhow::bail;
use fred::{
    clients::Client,
    types::{ClusterHash, FromValue},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::measure::summary::Summary;

/// How often Redis is asked whether the others are there.
const LOOK: Duration = Duration::from_millis(100);
/// How long a worker waits for the others to be started.
const JOINING: Duration = Duration::from_secs(120);
/// … to have connected their users …
const READY: Duration = Duration::from_secs(300);
/// … and to have had their last call.
const FOUND: Duration = Duration::from_secs(180);
/// Between the decision to start and the start.
const NOTICE: Duration = Duration::from_secs(1);
/// What a run that nobody ended leaves in Redis is gone after an hour.
const TTL_S: &str = "3600";

/// The workers of a run.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    /// Where they meet. May hold a password: `Debug` of a [`crate::run::Task`] is never printed.
    pub(crate) redis: String,
    /// What they call their run.
    pub(crate) run: String,
    /// How many there are.
    pub(crate) workers: usize,
}

/// One of them.
pub(crate) struct Place {
    redis: Client,
    run: String,
    workers: usize,
    /// From 1.
    index: usize,
}

impl Fleet {
    /// Waits until all are there.
    pub(crate) async fn join(self, stop: &CancellationToken) -> anyhow::Result<Place> {
        let Self { redis, run, workers } = self;
        let redis = crate::redis::connect(&redis).await?;
        let mut place = Place { redis, run, workers, index: 0 };
        place.index = place.count_in("joined").await?;
        if place.index > workers {
            bail!("the run {:?} has its {workers} workers: name another with --run", place.run);
        }
        place.all("joined", JOINING, stop).await?;
        Ok(place)
    }
}

impl Place {
    /// How many workers there are.
    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    fn key(&self, what: &str) -> String {
        format!("rbload:{{{}}}:{what}", self.run)
    }

    async fn ask<T: FromValue>(&self, command: &'static str, args: Vec<String>) -> anyhow::Result<T> {
        let hash = if args.is_empty() { ClusterHash::Random } else { ClusterHash::FirstKey };
        crate::redis::ask(&self.redis, command, hash, args).await
    }

    async fn count_in(&self, what: &str) -> anyhow::Result<usize> {
        let count = self.ask("INCR", vec![self.key(what)]).await?;
        let () = self.ask("EXPIRE", vec![self.key(what), TTL_S.to_owned()]).await?;
        Ok(count)
    }

    async fn all(&self, what: &str, limit: Duration, stop: &CancellationToken) -> anyhow::Result<()> {
        let end = Instant::now() + limit;
        loop {
            let count: Option<usize> = self.ask("GET", vec![self.key(what)]).await?;
            let count = count.unwrap_or_default();
            if count >= self.workers {
                return Ok(());
            }
            if Instant::now() >= end {
                bail!("only {count} of {} workers are {what} after {} s", self.workers, limit.as_secs());
            }
            if stop.is_cancelled() {
                bail!("stopped while waiting for the other workers");
            }
            sleep(LOOK).await;
        }
    }

    /// Returns at the same moment as in every other worker, once all are ready.
    pub(crate) async fn start_together(&self, stop: &CancellationToken) -> anyhow::Result<()> {
        self.count_in("ready").await?;
        self.all("ready", READY, stop).await?;
        let asked = Instant::now();
        let time: Vec<u64> = self.ask("TIME", Vec::new()).await?;
        // The clock was read somewhere between the question and the answer.
        let read = asked + asked.elapsed() / 2;
        let [seconds, micros] = time[..] else { bail!("Redis has told no time") };
        let now = seconds * 1_000_000 + micros;
        let wish = now + u64::try_from(NOTICE.as_micros())?;
        // The first to say so decides.
        let set =
            vec![self.key("start"), wish.to_string(), "NX".to_owned(), "EX".to_owned(), TTL_S.to_owned()];
        let _: Option<String> = self.ask("SET", set).await?;
        let start: u64 = self.ask("GET", vec![self.key("start")]).await?;
        sleep(
            (read + Duration::from_micros(start.saturating_sub(now)))
                .saturating_duration_since(Instant::now()),
        )
        .await;
        Ok(())
    }

    /// Leaves our figures. The first worker waits for those of the others, and gives the sum with the workers that are
    /// missing in it.
    pub(crate) async fn merge(self, summary: Summary) -> anyhow::Result<Option<(Summary, Vec<usize>)>> {
        let found = self.key("found");
        if self.index > 1 {
            let ours = serde_json::to_string(&summary)?;
            let () = self.ask("HSET", vec![found.clone(), self.index.to_string(), ours]).await?;
            let () = self.ask("EXPIRE", vec![found, TTL_S.to_owned()]).await?;
            return Ok(None);
        }
        let mut sum = summary;
        let mut missing: Vec<usize> = (2..=self.workers).collect();
        let end = Instant::now() + FOUND;
        while !missing.is_empty() && Instant::now() < end {
            let mut still = Vec::new();
            for worker in missing {
                let theirs: Option<String> =
                    self.ask("HGET", vec![found.clone(), worker.to_string()]).await?;
                match theirs {
                    Some(theirs) => sum.merge(serde_json::from_str(&theirs)?)?,
                    None => still.push(worker),
                }
            }
            missing = still;
            if !missing.is_empty() {
                sleep(LOOK).await;
            }
        }
        let keys = ["joined", "ready", "start", "found"].map(|what| self.key(what));
        let () = self.ask("DEL", keys.to_vec()).await?;
        Ok(Some((sum, missing)))
    }
}

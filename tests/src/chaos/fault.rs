//! What is broken, how, and when.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::time::{Instant, sleep, sleep_until};

use super::bell::Bell;
use super::stand::{GATEWAYS, Stand, Store};
use crate::cluster::is_synced;
use crate::dice::Dice;
use crate::patience::{START, eventually};
use crate::proxy::Flow;
use crate::redis::Redis;
use crate::resp::ask;

/// One way to break something, done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is broken.
    Nothing,
    /// A gateway gets SIGKILL and is started again.
    KillGateway,
    /// A gateway gets SIGSTOP, and SIGCONT after 2 to 8 s.
    PauseGateway,
    /// One gateway after the other gets SIGTERM, and is started again when it has gone.
    RollingRestart,
    /// Clients lose their connections.
    DropClients,
    /// All connections between gateways and Redis are cut.
    CutRedis,
    /// Nothing passes between gateways and Redis, in one or both directions, for 1 to 4 s.
    HoldRedis,
    /// The same, for one gateway alone, for 1 to 7 s.
    IsolateGateway,
    /// Everything between gateways and Redis takes up to 150 ms longer, each way.
    DelayRedis,
    /// Redis gets SIGSTOP, and SIGCONT after 1 to 4 s.
    PauseRedis,
    /// `CLIENT KILL TYPE pubsub`.
    KillSubscriptions,
    /// The primary gets SIGKILL; when another is primary, it is started again as a replica.
    KillPrimary,
    /// `FLUSHALL`.
    Flush,
    /// Redis gets SIGKILL and is started again, empty.
    EmptyRedis,
}

/// When something was broken, since the run began.
#[derive(Debug)]
pub struct Faults {
    start: Instant,
    times: Mutex<Vec<(Duration, Duration, String)>>,
}

impl Faults {
    /// None yet, in a run that began at `start`.
    pub fn new(start: Instant) -> Arc<Self> {
        Arc::new(Self { start, times: Mutex::default() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Duration, Duration, String)>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, what: String) -> usize {
        let now = self.start.elapsed();
        let mut times = self.lock();
        times.push((now, Duration::MAX, what));
        times.len() - 1
    }

    fn end(&self, index: usize) {
        self.lock()[index].1 = self.start.elapsed();
    }

    /// All of them: from when to when, and what.
    pub fn all(&self) -> Vec<(Duration, Duration, String)> {
        self.lock().clone()
    }

    /// When the last one began.
    pub fn last(&self) -> Option<Instant> {
        self.lock().last().map(|(at, ..)| self.start + *at)
    }
}

/// Breaks things until `until`; everything is whole again when this returns.
pub struct Breaker<'a> {
    /// What is broken.
    pub stand: &'a Stand,
    /// The clients, where they are cut.
    pub bells: Vec<Arc<Bell>>,
    /// What, where and when.
    pub dice: Dice,
    /// Where it is written down.
    pub faults: Arc<Faults>,
}

impl Breaker<'_> {
    /// Breaks it again and again.
    pub async fn run(&mut self, fault: Fault, until: Instant) -> Result<()> {
        if fault == Fault::Nothing {
            sleep_until(until).await;
            return Ok(());
        }
        while Instant::now() < until {
            self.once(fault).await?;
            let pause = match fault {
                Fault::DropClients => self.ms(40, 200),
                Fault::KillSubscriptions | Fault::CutRedis => self.ms(300, 1000),
                // Time to be whole: a fault in the middle of another's recovery has its own scenario, the kills.
                Fault::KillPrimary | Fault::Flush | Fault::EmptyRedis => self.ms(2500, 3500),
                _ => self.ms(500, 1500),
            };
            sleep_until((Instant::now() + pause).min(until)).await;
        }
        Ok(())
    }

    fn ms(&mut self, from: usize, to: usize) -> Duration {
        Duration::from_millis((from + self.dice.below(to - from)) as u64)
    }

    async fn once(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Nothing => Ok(()),
            Fault::KillGateway => self.kill_gateway().await,
            Fault::PauseGateway => self.pause_gateway().await,
            Fault::RollingRestart => self.rolling_restart().await,
            Fault::DropClients => self.drop_client(),
            Fault::CutRedis => {
                let index = self.faults.begin("all connections to Redis cut".to_owned());
                self.stand.proxies.iter().for_each(|proxy| proxy.cut());
                self.faults.end(index);
                Ok(())
            }
            Fault::HoldRedis => self.hold(0..GATEWAYS).await,
            Fault::IsolateGateway => {
                let n = self.dice.below(GATEWAYS);
                self.hold(n..n + 1).await
            }
            Fault::DelayRedis => self.delay().await,
            Fault::PauseRedis => self.pause_redis().await,
            Fault::KillSubscriptions => self.kill_subscriptions().await,
            Fault::KillPrimary => match &self.stand.store {
                Store::Sentinel(_) => self.kill_sentinel_primary().await,
                Store::Cluster(_) => self.kill_cluster_primary().await,
                Store::Standalone(_) => bail!("a standalone Redis has no replica"),
            },
            Fault::Flush => {
                let index = self.faults.begin("FLUSHALL".to_owned());
                ask(self.stand.redis()?.port(), "FLUSHALL").await?;
                self.faults.end(index);
                Ok(())
            }
            Fault::EmptyRedis => self.empty_redis().await,
        }
    }

    async fn kill_gateway(&mut self) -> Result<()> {
        let n = self.dice.below(GATEWAYS);
        let gateway = &self.stand.gateways[n];
        let index = self.faults.begin(format!("gateway {} killed", n + 1));
        gateway.kill9();
        sleep(self.ms(100, 1200)).await;
        gateway.respawn()?;
        gateway.becomes_ready().await?;
        self.faults.end(index);
        Ok(())
    }

    async fn pause_gateway(&mut self) -> Result<()> {
        let n = self.dice.below(GATEWAYS);
        let gateway = &self.stand.gateways[n];
        let time = self.ms(2000, 8000);
        let index = self.faults.begin(format!("gateway {} paused for {time:?}", n + 1));
        gateway.pause()?;
        sleep(time).await;
        gateway.go_on()?;
        self.faults.end(index);
        gateway.becomes_ready().await
    }

    async fn rolling_restart(&mut self) -> Result<()> {
        for (n, gateway) in self.stand.gateways.iter().enumerate() {
            let index = self.faults.begin(format!("gateway {} told to go", n + 1));
            let code = gateway.terminate(Duration::from_secs(30)).await?;
            ensure!(code == Some(0), "gateway {} left with {code:?}, not 0", n + 1);
            gateway.respawn()?;
            gateway.becomes_ready().await?;
            self.faults.end(index);
        }
        Ok(())
    }

    fn drop_client(&mut self) -> Result<()> {
        let bell = self.bells.get(self.dice.below(self.bells.len())).context("a client")?;
        let index = self.faults.begin("a client cut".to_owned());
        bell.cut();
        self.faults.end(index);
        Ok(())
    }

    async fn hold(&mut self, which: std::ops::Range<usize>) -> Result<()> {
        let (up, down) =
            *self.dice.pick(&[(Flow::Hold, Flow::Hold), (Flow::Hold, Flow::Pass), (Flow::Pass, Flow::Hold)]);
        // Alone for longer than a node is taken to live without a sign (5 s), its clients are given up by the others.
        let time = self.ms(1000, if which.len() == 1 { 7000 } else { 4000 });
        let what = format!("Redis of gateways {which:?} holds {up:?}/{down:?} for {time:?}");
        let index = self.faults.begin(what);
        self.stand.proxies[which.clone()].iter().for_each(|proxy| proxy.set(up, down));
        sleep(time).await;
        self.stand.proxies[which].iter().for_each(|proxy| proxy.set(Flow::Pass, Flow::Pass));
        self.faults.end(index);
        Ok(())
    }

    async fn delay(&mut self) -> Result<()> {
        let index = self.faults.begin("Redis is slow".to_owned());
        for proxy in &self.stand.proxies {
            let (up, down) = (self.dice.below(150) as u64, self.dice.below(150) as u64);
            let delay = |ms| Flow::Delay(Duration::from_millis(ms));
            proxy.set(delay(up), delay(down));
        }
        sleep(self.ms(1500, 3000)).await;
        self.stand.proxies.iter().for_each(|proxy| proxy.set(Flow::Pass, Flow::Pass));
        self.faults.end(index);
        Ok(())
    }

    async fn pause_redis(&mut self) -> Result<()> {
        let redis = self.stand.redis()?;
        let time = self.ms(1000, 4000);
        let index = self.faults.begin(format!("Redis paused for {time:?}"));
        redis.pause()?;
        sleep(time).await;
        redis.go_on()?;
        self.faults.end(index);
        Ok(())
    }

    async fn kill_subscriptions(&mut self) -> Result<()> {
        let index = self.faults.begin("subscriptions killed".to_owned());
        ask(self.stand.redis()?.port(), "CLIENT KILL TYPE pubsub").await?;
        self.faults.end(index);
        Ok(())
    }

    async fn empty_redis(&mut self) -> Result<()> {
        let redis = self.stand.redis()?;
        let index = self.faults.begin("Redis killed, to come back empty".to_owned());
        redis.kill9();
        sleep(self.ms(200, 1500)).await;
        redis.restart().await?;
        self.faults.end(index);
        Ok(())
    }

    async fn kill_sentinel_primary(&mut self) -> Result<()> {
        let Store::Sentinel(sentinel) = &self.stand.store else { bail!("not under Sentinel") };
        let old = sentinel.primary().await?;
        let index = self.faults.begin(format!("primary {} killed", old.port()));
        old.kill9();
        let new = eventually(START, async || {
            let now = sentinel.primary().await.ok()?;
            (now.port() != old.port() && is_primary(now).await).then_some(now)
        });
        let new = new.await.context("no replica became primary")?;
        self.faults.end(index);
        old.restart().await?;
        ask(old.port(), &format!("REPLICAOF 127.0.0.1 {}", new.port())).await?;
        for server in sentinel.servers().iter().filter(|server| server.port() != new.port()) {
            let synced = eventually(START, async || is_synced(server.port()).await.then_some(()));
            synced.await.context("a replica does not copy the new primary")?;
        }
        Ok(())
    }

    async fn kill_cluster_primary(&mut self) -> Result<()> {
        let Store::Cluster(cluster) = &self.stand.store else { bail!("not a Cluster") };
        let primaries = cluster.primaries().await?;
        let old = *self.dice.pick(&primaries);
        let index = self.faults.begin(format!("primary {} killed", old.port()));
        old.kill9();
        let replaced = eventually(START, async || {
            let now = cluster.primaries().await.ok()?;
            (now.len() == primaries.len() && now.iter().all(|node| node.port() != old.port())).then_some(())
        });
        replaced.await.context("no replica became primary")?;
        self.faults.end(index);
        old.restart().await?;
        let synced = eventually(START, async || is_synced(old.port()).await.then_some(()));
        synced.await.context("the old primary did not become a replica")
    }
}

async fn is_primary(redis: &Redis) -> bool {
    ask(redis.port(), "INFO replication").await.is_ok_and(|info| info.contains("role:master"))
}

//! One side of a comparison: nodes on a Redis, and the users who are connected to them.

use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    cost::{Cost, Look},
    counters::Counters,
    parts::{Part, free_port},
    store::{Kind, Store},
};
use crate::{
    crowd::{Crowd, Plan},
    measure::{Measures, count::Count, count::Label, summary::Summary},
    protocol::token::Tokens,
    run::caller::Caller,
    scenario::{Protocol, Scenario, Users, phase::Arrivals, phase::Rate},
    schedule::Schedule,
    servers::Server,
};

const SECRET: &str = "a secret for this comparison alone, long enough for HS256";
/// How long gateways still have to do with calls that are over: longer than `timeouts.trim_ms`, after which they take out what
/// clients have seen.
const AFTER: Duration = Duration::from_secs(7);
/// How fast users connect.
const CONNECT_PER_S: f64 = 500.0;

/// Nodes, Redis, users.
#[derive(Debug)]
pub(crate) struct Side {
    pub(super) name: String,
    pub(super) crowd: Arc<Crowd>,
    pub(super) nodes: Vec<Server>,
    pub(super) redis: Vec<Server>,
    pub(super) counters: Option<Counters>,
    /// When its last call was over.
    pub(super) called: Option<Instant>,
    /// What was started for it, and ends with it.
    pub(super) parts: Vec<Part>,
}

/// What to start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Make<'a> {
    /// What it is called, and its files.
    pub(crate) name: &'a str,
    /// How many nodes.
    pub(crate) nodes: usize,
    /// On which Redis.
    pub(crate) redis: Kind,
    /// How many users are connected.
    pub(crate) users: usize,
    /// Where its files go.
    pub(crate) folder: &'a Path,
}

/// Calls one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// So many …
    pub(crate) calls: u64,
    /// … made by so many pairs at once.
    pub(crate) at_once: usize,
    /// How long nothing happens before, to see what that costs.
    pub(crate) idle: Duration,
}

impl Side {
    /// Gateways, of this binary.
    pub(crate) async fn gateways(
        make: Make<'_>,
        binary: &Path,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let binary = std::path::absolute(binary)?;
        if !binary.is_file() {
            bail!("no gateway at {}: name one with --gateway-binary", binary.display());
        }
        // Virtual users call each other more often than people do. An old gateway has no such limits, and knows no such settings.
        let defaults =
            Command::new(&binary).arg("--print-defaults").output().context("the gateway can't be run")?;
        let limited = String::from_utf8_lossy(&defaults.stdout).contains("calls_made_per_minute");
        let node = |number: usize, port: u16, redis: &str| -> anyhow::Result<Command> {
            let mut command = Command::new(&binary);
            for (name, _) in std::env::vars_os() {
                if name.to_str().is_some_and(|name| name.starts_with("RINGBACK_")) {
                    command.env_remove(name);
                }
            }
            command
                .env("RINGBACK_SERVER__LISTEN", format!("127.0.0.1:{port}"))
                .env("RINGBACK_ADMIN__LISTEN", format!("127.0.0.1:{}", free_port()?))
                .env("RINGBACK_NODE__ID", format!("gateway-{number}"))
                .env("RINGBACK_STORE__URL", redis)
                .env("RINGBACK_AUTH__HS256_SECRET", SECRET);
            if limited {
                command
                    .env("RINGBACK_LIMITS__CALLS_MADE_PER_MINUTE", "0")
                    .env("RINGBACK_LIMITS__CALLS_RECEIVED_PER_MINUTE", "0");
            }
            Ok(command)
        };
        Self::start(make, Protocol::Json, node, stop).await
    }

    /// Relays, which may keep what they pass on.
    pub(crate) async fn floors(make: Make<'_>, keep: bool, stop: &CancellationToken) -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("this program's own file")?;
        let node = |_, port: u16, redis: &str| -> anyhow::Result<Command> {
            let mut command = Command::new(&binary);
            command.args(["floor", "--listen", &format!("127.0.0.1:{port}"), "--redis", redis]);
            if keep {
                command.arg("--keep");
            }
            Ok(command)
        };
        Self::start(make, Protocol::Floor, node, stop).await
    }

    async fn start(
        make: Make<'_>,
        protocol: Protocol,
        node: impl Fn(usize, u16, &str) -> anyhow::Result<Command>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let Make { name, nodes: count, redis, users, folder } = make;
        let store = Store::start(redis, name, folder).await?;
        let (mut parts, mut targets) = (Vec::new(), Vec::new());
        for number in 0..count {
            let port = free_port()?;
            let name = format!("{name}-{number}");
            let mut part = Part::start(&name, node(number, port, &store.url)?, folder)?;
            part.listens(port).await?;
            parts.push(part);
            targets.push(format!("ws://127.0.0.1:{port}/v1/ws"));
        }
        let nodes = parts.iter().map(Part::server).collect();
        let redis = store.parts.iter().map(Part::server).collect();
        let counters = Some(Counters::connect(&store.urls).await?);
        let crowd = gather(targets, protocol, Tokens::new(Some(SECRET)), users, stop).await?;
        // Nodes end before their Redis: they are dropped in this order.
        parts.extend(store.parts);
        Ok(Self { name: name.to_owned(), crowd, nodes, redis, counters, called: None, parts })
    }

    async fn look(&self) -> anyhow::Result<Look> {
        let computed = |servers: &[Server]| servers.iter().map(Server::computed).sum::<anyhow::Result<_>>();
        let counted = match &self.counters {
            Some(counters) => Some(counters.look().await?),
            None => None,
        };
        let (nodes, redis) = (computed(&self.nodes)?, computed(&self.redis)?);
        Ok(Look { at: Instant::now(), nodes, redis, counted })
    }

    /// Rests, then makes calls, and says what either cost.
    pub(crate) async fn cost(&mut self, turn: Turn, stop: &CancellationToken) -> anyhow::Result<Cost> {
        let (measures, caller) = self.caller()?;
        if let Some(called) = self.called {
            // Mostly others have had their turn meanwhile.
            sleep((called + AFTER).saturating_duration_since(Instant::now())).await;
        }
        let idle = self.look().await?;
        sleep(turn.idle).await;
        let before = self.look().await?;
        caller.closed_loop(turn.at_once, turn.calls, true, stop).await;
        let after = self.look().await?;
        self.called = Some(Instant::now());
        ensure!(!stop.is_cancelled(), "stopped");
        self.well(&measures.summary(), turn.calls)?;
        Ok(Cost::new(&idle, &before, &after, turn.calls))
    }

    /// Calls that arrive at a rate, and their times.
    pub(crate) async fn arrivals(
        &mut self,
        calls_per_s: f64,
        length: Duration,
        stop: &CancellationToken,
    ) -> anyhow::Result<Summary> {
        let (measures, caller) = self.caller()?;
        let rate = Rate::Steady(calls_per_s);
        let schedule = Schedule::new(rate, length, Arrivals::Poisson, fastrand::u64(..));
        caller.open_loop(schedule, true, stop).await;
        caller.finish().await;
        self.called = Some(Instant::now());
        ensure!(!stop.is_cancelled(), "stopped");
        let found = measures.summary();
        self.well(&found, found.count(Count::Calls))?;
        Ok(found)
    }

    fn caller(&self) -> anyhow::Result<(Arc<Measures>, Arc<Caller>)> {
        // What Ringback and the floor have in common: the call of 23 messages, without talking.
        let scenario = Scenario::parse(
            "name = \"turn\"\nusers.calling = 2\ncall.hold = \"0s\"\nphase = [{ name = \"turn\", for = \"1s\" }]",
        )?;
        let measures = Arc::new(Measures::new());
        let caller = Caller::new(&scenario, &self.crowd, &measures);
        Ok((measures, caller))
    }

    /// A comparison of calls that fail would be worth nothing.
    fn well(&self, found: &Summary, calls: u64) -> anyhow::Result<()> {
        let made = found.count(Count::Calls);
        let (failed, starved) = (found.count(Count::Failed), found.count(Count::Starved));
        ensure!(
            made == calls && failed == 0 && starved == 0,
            "{}: {made} of {calls} calls, {failed} failed, {starved} without users: {:?}",
            self.name,
            found.labels(Label::Failure),
        );
        Ok(())
    }

    /// Everybody says goodbye.
    pub(crate) async fn leave(self) {
        if let Ok(crowd) = Arc::try_unwrap(self.crowd) {
            crowd.leave().await;
        }
        drop(self.parts);
    }
}

/// Users who are connected.
pub(super) async fn gather(
    targets: Vec<String>,
    protocol: Protocol,
    tokens: Tokens,
    users: usize,
    stop: &CancellationToken,
) -> anyhow::Result<Arc<Crowd>> {
    let users = Users { calling: users, idle: 0, connect_per_s: CONNECT_PER_S };
    let plan = Plan { users: &users, protocol, targets, tokens, measures: Arc::new(Measures::new()) };
    Ok(Arc::new(Crowd::gather(plan, stop).await?))
}

//! One side of a comparison: two nodes on one Redis, and the users who are connected to them.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use tokio_util::sync::CancellationToken;

use super::{
    Flags,
    parts::{Part, free_port},
};
use crate::{
    crowd::{Crowd, Plan},
    measure::{Measures, count::Count, metric::Metric},
    protocol::token::Tokens,
    run::phases::Caller,
    scenario::{Protocol, Users, phase::Arrivals, phase::Rate},
    schedule::Schedule,
};

const SECRET: &str = "a secret for this comparison alone, long enough for HS256";
/// How many nodes either side has.
const NODES: usize = 2;

/// Nodes, Redis, users.
#[derive(Debug)]
pub(crate) struct Side {
    name: &'static str,
    crowd: Arc<Crowd>,
    nodes: Vec<Part>,
    redis: Part,
}

/// What one turn has shown.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// CPU of both nodes for each call.
    pub(crate) nodes_us: f64,
    /// … and of Redis …
    pub(crate) redis_us: f64,
    /// … and of both.
    pub(crate) cpu_us: f64,
    /// Set-up at the rate asked for.
    pub(crate) p50_ms: f64,
    /// The same.
    pub(crate) p99_ms: f64,
}

impl Side {
    /// Two gateways.
    pub(crate) async fn ringback(
        binary: &Path,
        folder: &Path,
        users: usize,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let binary = std::path::absolute(binary)?;
        if !binary.is_file() {
            bail!("no gateway at {}: name one with --gateway-binary", binary.display());
        }
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
            Ok(command)
        };
        Self::start("gateway", Protocol::Json, node, folder, users, stop).await
    }

    /// Two relays.
    pub(crate) async fn floor(folder: &Path, users: usize, stop: &CancellationToken) -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("this program's own file")?;
        let node = |_, port: u16, redis: &str| -> anyhow::Result<Command> {
            let mut command = Command::new(&binary);
            command.args(["floor", "--listen", &format!("127.0.0.1:{port}"), "--redis", redis]);
            Ok(command)
        };
        Self::start("floor", Protocol::Floor, node, folder, users, stop).await
    }

    async fn start(
        name: &'static str,
        protocol: Protocol,
        node: impl Fn(usize, u16, &str) -> anyhow::Result<Command>,
        folder: &Path,
        users: usize,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut command =
            Command::new(std::env::var("RINGBACK_REDIS_SERVER").unwrap_or("redis-server".to_owned()));
        command.args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        let mut redis = Part::start(&format!("{name}-redis"), command, folder)?;
        redis.listens(port).await?;
        let url = format!("redis://127.0.0.1:{port}");
        let (mut nodes, mut targets) = (Vec::new(), Vec::new());
        for number in 0..NODES {
            let port = free_port()?;
            let mut part = Part::start(&format!("{name}-{number}"), node(number, port, &url)?, folder)?;
            part.listens(port).await?;
            nodes.push(part);
            targets.push(format!("ws://127.0.0.1:{port}/v1/ws"));
        }
        let users = Users { calling: users, idle: 0, connect_per_s: 500.0 };
        let tokens = Tokens::new(Some(SECRET));
        let plan = Plan { users: &users, protocol, targets, tokens, measures: Arc::new(Measures::new()) };
        let crowd = Arc::new(Crowd::gather(plan, stop).await?);
        Ok(Self { name, crowd, nodes, redis })
    }

    fn computed(&self) -> anyhow::Result<(Duration, Duration)> {
        let nodes: anyhow::Result<Duration> = self.nodes.iter().map(|node| node.server().computed()).sum();
        Ok((nodes?, self.redis.server().computed()?))
    }

    /// Calls for their CPU, then calls for their set-up time.
    pub(crate) async fn turn(&mut self, flags: &Flags, stop: &CancellationToken) -> anyhow::Result<Turn> {
        let scenario = flags.scenario()?;
        let measures = Arc::new(Measures::new());
        let caller = Caller::new(&scenario, &self.crowd, &measures);
        let before = self.computed()?;
        caller.closed_loop(flags.at_once, flags.calls, true, stop).await;
        let after = self.computed()?;
        self.well(&measures, flags.calls)?;
        let a_call = |after: Duration, before: Duration| {
            after.saturating_sub(before).as_secs_f64() * 1e6 / flags.calls as f64
        };
        let (nodes_us, redis_us) = (a_call(after.0, before.0), a_call(after.1, before.1));
        let measures = Arc::new(Measures::new());
        let caller = Caller::new(&scenario, &self.crowd, &measures);
        let length = Duration::from_secs(flags.seconds);
        let schedule =
            Schedule::new(Rate::Steady(flags.calls_per_s), length, Arrivals::Poisson, fastrand::u64(..));
        caller.open_loop(schedule, true, stop).await;
        caller.finish().await;
        let calls = measures.look(|found| found.count(Count::Calls));
        self.well(&measures, calls)?;
        let at = |percentile| measures.look(|found| found.percentile_ms(Metric::Setup, percentile));
        Ok(Turn { nodes_us, redis_us, cpu_us: nodes_us + redis_us, p50_ms: at(50.0), p99_ms: at(99.0) })
    }

    /// A comparison of calls that fail would be worth nothing.
    fn well(&self, measures: &Measures, calls: u64) -> anyhow::Result<()> {
        let found = measures.summary();
        let made = found.count(Count::Calls);
        let (failed, starved) = (found.count(Count::Failed), found.count(Count::Starved));
        ensure!(
            made == calls && failed == 0 && starved == 0,
            "{}: {made} of {calls} calls, {failed} failed, {starved} without users: {:?}",
            self.name,
            found.labels(crate::measure::count::Label::Failure),
        );
        Ok(())
    }

    /// Everybody says goodbye.
    pub(crate) async fn leave(self) {
        if let Ok(crowd) = Arc::try_unwrap(self.crowd) {
            crowd.leave().await;
        }
    }
}

//! The command line.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::LazyLock,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    compare,
    fleet::Fleet,
    floor,
    protocol::token::Tokens,
    report::{Report, html, json, table},
    run::{self, Files, Task},
    scale,
    scenario::Scenario,
    servers::Server,
    watch::Address,
};

/// All is well.
const OK: u8 = 0;
/// A threshold was not kept, or the run could not be made.
const FAILED: u8 = 1;
/// What was asked for makes no sense.
const USAGE: u8 = 2;

/// Virtual callers against one or many Ringback gateways.
#[derive(Debug, Parser)]
#[command(version = version(), about)]
pub(crate) struct Flags {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario.
    Run(Box<Run>),
    /// Say whether scenarios are well made.
    Check {
        /// The files.
        #[arg(required = true)]
        scenarios: Vec<PathBuf>,
    },
    /// Start the least relay possible, to compare with.
    Floor {
        /// Where clients connect.
        #[arg(long, default_value = "127.0.0.1:8070")]
        listen: String,
        /// The Redis that carries the messages.
        #[arg(long, default_value = "redis://127.0.0.1:6379")]
        redis: String,
        /// Store each message before its sender is told that it was passed on.
        #[arg(long)]
        keep: bool,
    },
    /// Compare gateways with the floor: CPU of a call, and set-up time.
    Compare(compare::Flags),
    /// Compare clusters of several sizes: what a call costs in each.
    Scale(scale::Flags),
}

/// How virtual users prove who they are.
#[derive(Clone, Debug, Args)]
pub(crate) struct Secret {
    /// The gateways' auth.hs256_secret; without it a user's name is the token (auth.dev).
    #[arg(long, env = "RINGBACK_AUTH__HS256_SECRET", hide_env_values = true)]
    pub(crate) hs256_secret: Option<String>,
}

#[derive(Debug, Args)]
struct Run {
    /// The scenario file.
    scenario: PathBuf,
    /// A gateway's WebSocket, ws://host:port/v1/ws; may be given several times. Wins over the scenario's.
    #[arg(long)]
    target: Vec<String>,
    #[command(flatten)]
    secret: Secret,
    /// How many workers make this run together.
    #[arg(long, default_value_t = 1, requires_if("2", "redis"))]
    workers: usize,
    /// Where workers find each other. User and password, where they are not in the URL, from RINGBACK_STORE__USERNAME and
    /// RINGBACK_STORE__PASSWORD, as gateways have them.
    #[arg(long, env = "RINGBACK_LOADTEST_REDIS", hide_env_values = true)]
    redis: Option<String>,
    /// What the workers call this run.
    #[arg(long, default_value = "run")]
    run: String,
    /// A server process on this machine whose CPU, memory, open files and threads are reported, NAME=PID; may be given
    /// several times.
    #[arg(long)]
    server: Vec<Server>,
    /// A Redis server whose keys and memory are watched, NAME=URL; may be given several times.
    #[arg(long)]
    redis_watch: Vec<Address>,
    /// A gateway's /metrics to watch, NAME=http://host:port/metrics; may be given several times.
    #[arg(long)]
    metrics: Vec<Address>,
    /// Where Prometheus can look at this worker, such as 127.0.0.1:9464.
    #[arg(long)]
    metrics_listen: Option<String>,
    /// Write the report as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the report as a page with plots.
    #[arg(long)]
    html: Option<PathBuf>,
}

impl Flags {
    /// Does what is asked for.
    pub(crate) async fn run(self) -> ExitCode {
        // A few sockets more than the usual thousand; what is not allowed shows when they are opened.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let stop = CancellationToken::new();
        stop_when_told(stop.clone());
        let done = match self.command {
            Command::Run(run) => return run.run(stop).await,
            Command::Check { scenarios } => check(&scenarios),
            Command::Floor { listen, redis, keep } => {
                floor::serve(&listen, &redis, keep, stop).await.map(|()| OK)
            }
            Command::Compare(flags) => compare::run(flags, stop).await.map(|()| OK),
            Command::Scale(flags) => scale::run(flags, stop).await.map(|()| OK),
        };
        exit(done, FAILED)
    }
}

/// With the commit it was built from, if `RINGBACK_COMMIT` told the compiler.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| match option_env!("RINGBACK_COMMIT") {
        Some(commit) if !commit.is_empty() => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        _ => env!("CARGO_PKG_VERSION").to_owned(),
    });
    &VERSION
}

fn exit(done: anyhow::Result<u8>, otherwise: u8) -> ExitCode {
    let code = done.unwrap_or_else(|error| {
        complain(&format!("{error:#}"));
        otherwise
    });
    ExitCode::from(code)
}

fn complain(what: &str) {
    // Nobody who listens is no reason for another failure.
    let _ = writeln!(std::io::stderr(), "ringback-loadtest: {what}");
}

/// Writes to standard output.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn stop_when_told(stop: CancellationToken) {
    tokio::spawn(async move {
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        stop.cancel();
    });
}

fn check(scenarios: &[PathBuf]) -> anyhow::Result<u8> {
    let mut code = OK;
    for path in scenarios {
        match Scenario::load(path) {
            Ok(scenario) => print(&format!("{}: ok ({})\n", path.display(), scenario.name)),
            Err(error) => {
                complain(&format!("{error:#}"));
                code = USAGE;
            }
        }
    }
    Ok(code)
}

impl Run {
    async fn run(self, stop: CancellationToken) -> ExitCode {
        let (task, files) = match self.task() {
            Ok(task) => task,
            Err(error) => return exit(Err(error), USAGE),
        };
        let done = run::run(task, stop).await.and_then(|report| match report {
            Some(report) => publish(&report, &files),
            // The first worker has the report.
            None => Ok(OK),
        });
        exit(done, FAILED)
    }

    fn task(self) -> anyhow::Result<(Task, Files)> {
        let scenario = Scenario::load(&self.scenario)?;
        anyhow::ensure!(self.workers > 0, "--workers: at least one");
        let fleet = match (self.workers, self.redis) {
            (1, _) => None,
            (workers, Some(redis)) => Some(Fleet { redis, run: self.run, workers }),
            (_, None) => anyhow::bail!("--workers: where do they find each other? Name a --redis"),
        };
        let task = Task {
            scenario,
            targets: self.target,
            tokens: Tokens::new(self.secret.hs256_secret.as_deref()),
            fleet,
            servers: self.server,
            redis: self.redis_watch,
            metrics: self.metrics,
            metrics_listen: self.metrics_listen,
        };
        anyhow::ensure!(
            !task.targets.is_empty() || !task.scenario.targets.is_empty(),
            "no target: name one with --target, or in the scenario"
        );
        Ok((task, Files { json: self.json, html: self.html }))
    }
}

fn publish(report: &Report, files: &Files) -> anyhow::Result<u8> {
    let write = |path: &Path, text: String| {
        std::fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
    };
    print(&table::table(report));
    if let Some(path) = &files.json {
        write(path, json::json(report)?)?;
    }
    if let Some(path) = &files.html {
        write(path, html::html(report))?;
    }
    Ok(if report.passed() { OK } else { FAILED })
}

//! `ringback-gateway`: reads the command line, and wires.

use std::{io::Write as _, path::Path, process::ExitCode};

use anyhow::Context;
use clap::Parser as _;
use ringback_gateway::{
    app,
    cli::{Command, Flags, Sources},
    doctor::{self, Token},
    logging, mint, probe, settings,
    settings::Settings,
};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// The system's allocator took a quarter of a gateway's CPU: docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match block_on(run(Flags::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody who listens is no reason for another failure.
            let _ = writeln!(std::io::stderr(), "ringback-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs it to its end, and no longer: a name that is being looked up holds a thread until its servers have been silent for
/// long enough, which may be more than a process manager waits. Nobody needs the answer any more.
fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = Runtime::new().context("can't start threads")?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    let Flags { sources, print_defaults, command } = flags;
    if print_defaults {
        return print(settings::DEFAULTS);
    }
    match command {
        None => serve(Settings::load(sources.config.as_deref(), sources.overrides())?).await,
        Some(Command::CheckConfig) => check_config(&sources),
        Some(Command::Doctor { token_file, json }) => examine(&sources, token_file.as_deref(), json).await,
        Some(Command::Token(wishes)) => {
            let settings = Settings::load(sources.config.as_deref(), sources.overrides())?;
            print(&format!("{}\n", mint::mint(&settings.auth, &wishes)?))
        }
        Some(Command::Probe { ready }) => {
            let (admin, tls) = Settings::admin_port(sources.config.as_deref(), sources.overrides())?;
            print(&format!("{}\n", probe::probe(admin, tls, ready).await?))
        }
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let log = logging::start(&settings.log)?;
    let draining = CancellationToken::new();
    let told = draining.clone();
    let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        told.cancel();
    });
    app::run(settings, log, draining).await
}

fn check_config(sources: &Sources) -> anyhow::Result<()> {
    let chosen = Settings::chosen(sources.config.as_deref(), sources.overrides())?;
    print(&format!("the settings are sound; other than by default are {}:\n{chosen}", chosen.count()))
}

async fn examine(sources: &Sources, token_file: Option<&Path>, json: bool) -> anyhow::Result<()> {
    let token = |path: &Path| Token::read(path).with_context(|| path.display().to_string());
    let token = token_file.map(token).transpose()?;
    let settings = Settings::load(sources.config.as_deref(), sources.overrides());
    let report = doctor::examine(settings, token).await;
    print(&if json { report.json() } else { report.to_string() })?;
    anyhow::ensure!(report.is_ok(), "not all is well");
    Ok(())
}

fn print(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

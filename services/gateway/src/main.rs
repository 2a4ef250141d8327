//! `ringback-gateway`: reads the command line, and wires.

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use ringback_gateway::{app, logging, settings};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The system's allocator took a quarter of a gateway's CPU: docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Call signaling for WebRTC.
#[derive(Parser)]
#[command(version, about)]
struct Flags {
    /// A TOML file with settings.
    #[arg(long, value_name = "FILE", env = "RINGBACK_CONFIG")]
    config: Option<PathBuf>,
    /// Take a user's name as the token (auth.dev).
    #[arg(long)]
    dev: bool,
    /// Allow --dev on an address that is not loopback (auth.dev_anywhere).
    #[arg(long)]
    dev_anywhere: bool,
    /// Where clients connect (server.listen).
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where operators look (admin.listen).
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// The store's address (store.url).
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Print every setting with its default, and stop.
    #[arg(long)]
    print_defaults: bool,
}

impl Flags {
    fn overrides(&self) -> settings::Overrides {
        let switch = |on: bool| on.then(|| "true".to_owned());
        [
            ("auth.dev", switch(self.dev)),
            ("auth.dev_anywhere", switch(self.dev_anywhere)),
            ("server.listen", self.listen.clone()),
            ("admin.listen", self.admin_listen.clone()),
            ("store.url", self.store.clone()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    if flags.print_defaults {
        use std::io::Write as _;
        return Ok(std::io::stdout().write_all(settings::DEFAULTS.as_bytes())?);
    }
    let settings = settings::Settings::load(flags.config.as_deref(), flags.overrides())?;
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

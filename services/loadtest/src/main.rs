//! `ringback-loadtest`: virtual callers against one or many gateways. `docs/load.md` says how to use it.

mod call;
mod cli;
mod compare;
mod crowd;
mod fleet;
mod floor;
mod measure;
mod metrics;
mod progress;
mod protocol;
mod redis;
mod report;
mod run;
mod scale;
mod scenario;
mod schedule;
mod servers;
mod stand;
mod user;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    cli::Flags::parse().run().await
}

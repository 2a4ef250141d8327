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

/// The gateway's, or else the floor would be compared with another allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    cli::Flags::parse().run().await
}

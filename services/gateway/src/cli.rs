//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{mint::Wishes, settings::Overrides, version};

/// Call signaling for WebRTC. Without a command it serves.
#[derive(Debug, Parser)]
#[command(version = version::full(), about)]
pub struct Flags {
    /// Where settings come from.
    #[command(flatten)]
    pub sources: Sources,
    /// Print every setting with its default, and stop.
    #[arg(long)]
    pub print_defaults: bool,
    /// What to do in the place of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What else the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say whether the settings are sound, and which of them are not the defaults.
    CheckConfig,
    /// Look at all that a gateway with these settings depends on: Redis, rights, messages, tokens, TURN servers, clocks. Exits
    /// with 1 if anything fails.
    Doctor {
        /// A file with a client's token, to be judged; "-": the standard input.
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// Say it in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make a client's token with auth.hs256_secret, for development.
    Token(Wishes),
    /// Ask the gateway that runs here with these settings whether it lives: for health checks of containers.
    Probe {
        /// Ask whether it is ready to take clients.
        #[arg(long)]
        ready: bool,
    },
}

/// Where settings come from, beside the environment.
#[derive(Debug, clap::Args)]
pub struct Sources {
    /// A TOML file with settings.
    #[arg(long, value_name = "FILE", env = "RINGBACK_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Take a user's name as the token (auth.dev).
    #[arg(long, global = true)]
    dev: bool,
    /// Allow --dev on an address that is not loopback (auth.dev_anywhere).
    #[arg(long, global = true)]
    dev_anywhere: bool,
    /// Where clients connect (server.listen).
    #[arg(long, value_name = "ADDRESS", global = true)]
    listen: Option<String>,
    /// Where operators look (admin.listen).
    #[arg(long, value_name = "ADDRESS", global = true)]
    admin_listen: Option<String>,
    /// The store's address (store.url).
    #[arg(long, value_name = "URL", global = true)]
    store: Option<String>,
}

impl Sources {
    /// What the flags say.
    pub fn overrides(&self) -> Overrides {
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

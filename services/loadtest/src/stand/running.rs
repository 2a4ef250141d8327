//! A cluster that runs already, on this machine.

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{
    counters::Counters,
    side::{Side, gather},
};
use crate::{cli::Secret, protocol::token::Tokens, scenario::Protocol, servers::Server};

/// Where its users connect, and which processes it is. May hold a password of Redis: its `Debug` is never printed.
#[derive(Debug, Args)]
pub(crate) struct Running {
    /// A gateway that runs already, ws://host:port/v1/ws; may be given several times. None is started then.
    #[arg(long, requires_all = ["server", "redis_server"])]
    target: Vec<String>,
    /// The process of such a gateway, on this machine: NAME=PID; may be given several times.
    #[arg(long, requires = "target")]
    server: Vec<Server>,
    /// The process of their Redis, on this machine: NAME=PID; may be given several times, once for each primary.
    #[arg(long, requires = "target")]
    redis_server: Vec<Server>,
    /// The URL of their Redis, for what it counts itself; may be given several times, once for each primary.
    #[arg(long, requires = "target")]
    redis: Vec<String>,
    #[command(flatten)]
    secret: Secret,
}

impl Running {
    /// How many gateways there are; `None`: nothing runs yet.
    pub(crate) fn gateways(&self) -> Option<usize> {
        Some(self.target.len()).filter(|gateways| *gateways > 0)
    }

    /// Its users connect.
    pub(crate) async fn attach(&self, users: usize, stop: &CancellationToken) -> anyhow::Result<Side> {
        let counters = if self.redis.is_empty() { None } else { Some(Counters::connect(&self.redis).await?) };
        let tokens = Tokens::new(self.secret.hs256_secret.as_deref());
        let crowd = gather(self.target.clone(), Protocol::Json, tokens, users, stop).await?;
        Ok(Side {
            name: "the gateways that run".to_owned(),
            crowd,
            nodes: self.server.clone(),
            redis: self.redis_server.clone(),
            counters,
            called: None,
            parts: Vec::new(),
        })
    }
}

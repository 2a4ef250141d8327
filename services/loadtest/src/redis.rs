//! Connections to Redis: for workers that find each other, for the floor, and for what Redis tells of itself.

use std::time::Duration;

use anyhow::Context as _;
use fred::{
    clients::Client,
    interfaces::ClientLike as _,
    types::{
        ClusterHash, CustomCommand, FromValue, RespVersion, Value,
        config::{Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, TcpConfig},
    },
};
use tokio::time::timeout;

/// How long one command may take, and a connection.
const LIMIT: Duration = Duration::from_secs(5);
/// Messages that wait for the subscriber's task; fred's default of 32 loses some in any burst.
const MESSAGES: usize = 65_536;
/// Commands that wait for a connection; one more is refused.
const QUEUE: usize = 100_000;

/// Connects, or says why not.
pub(crate) async fn connect(url: &str) -> anyhow::Result<Client> {
    let mut config = Config::from_url(url).context("the URL of Redis")?;
    if config.password.is_none() {
        let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        config.password = given("RINGBACK_STORE__PASSWORD");
        config.username = config.username.or(given("RINGBACK_STORE__USERNAME"));
    }
    config.version = RespVersion::RESP3;
    let performance = PerformanceConfig {
        default_command_timeout: LIMIT,
        broadcast_channel_capacity: MESSAGES,
        ..Default::default()
    };
    let connection = ConnectionConfig {
        max_command_attempts: 1,
        connection_timeout: LIMIT,
        internal_command_timeout: LIMIT,
        max_command_buffer_len: QUEUE,
        tcp: TcpConfig { nodelay: Some(true), ..Default::default() },
        ..Default::default()
    };
    let policy = ReconnectPolicy::new_exponential(0, 50, 500, 2);
    let client = Client::new(config, Some(performance), Some(connection), Some(policy));
    timeout(LIMIT, client.init()).await.context("Redis does not answer")?.context("Redis")?;
    Ok(client)
}

/// Asks for something by a command that is sent where the hash says.
pub(crate) async fn ask<T: FromValue>(
    client: &Client,
    command: &'static str,
    hash: ClusterHash,
    words: Vec<String>,
) -> anyhow::Result<T> {
    let sent: Result<Value, _> = client.custom(CustomCommand::new_static(command, hash, false), words).await;
    sent.with_context(|| command.to_owned())?.convert().with_context(|| format!("the reply to {command}"))
}

//! What a store is made of, and how fred is set up for it.

use std::time::Duration;

use fred::{
    clients::Client,
    types::{
        RespVersion,
        config::{
            Config, ConnectionConfig, PerformanceConfig, ReconnectError, ReconnectPolicy, Server,
            ServerConfig, TcpConfig, UnresponsiveConfig,
        },
    },
};
use ringback_store::Partitions;

use crate::errors::ConnectError;

/// How long one command may take. Shorter than [`ringback_store::COMMAND_TIMEOUT_MS`], so that there is time to
/// send it again.
pub(crate) const COMMAND_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How long a connection may take to be made.
const CONNECTION_TIMEOUT: Duration = Duration::from_millis(500);
/// Commands that wait for one connection; one more is refused.
const QUEUE: usize = 10_000;
/// Messages that wait for the subscriber's task; fred's default of 32 loses some in any burst.
const MESSAGES: usize = 8_192;

/// What a [`crate::RedisStore`] is made of.
#[derive(Clone)]
pub struct RedisSettings {
    /// Where Redis is, as fred reads it: `redis://host:port`, `redis-cluster://host:port?node=host:port`,
    /// `redis-sentinel://host:port?sentinelServiceName=name&node=host:port`; with `rediss` for TLS.
    pub url: String,
    /// How many partitions: fixed for ever once data is in the store.
    pub partitions: Partitions,
    /// What every key begins with: 1 to 32 of `A-Za-z0-9._-`.
    pub namespace: String,
    /// Connections for commands to each primary, 1 to 16; there is one more for messages.
    pub clients_per_primary: usize,
    /// What has to have a commit before it counts.
    pub durability: Durability,
    /// Who Redis takes us for, when the URL does not say it.
    pub credentials: Credentials,
    /// Who Sentinels take us for, when the URL does not say it.
    pub sentinel_credentials: Credentials,
}

/// A user and a password. They are not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    username: Option<String>,
    password: Option<String>,
}

impl Credentials {
    /// What is empty is not there: without a user it is the default one, without a password nobody in particular.
    pub fn new(username: String, password: String) -> Self {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Self { username: given(username), password: given(password) }
    }

    /// Of two passwords one is wrong.
    fn put_into(
        &self,
        username: &mut Option<String>,
        password: &mut Option<String>,
        twice: &'static str,
    ) -> Result<(), ConnectError> {
        if self.password.is_some() {
            if username.is_some() || password.is_some() {
                return Err(ConnectError::Setting(twice));
            }
            (*username, *password) = (self.username.clone(), self.password.clone());
        }
        Ok(())
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.password.is_some() { "Credentials" } else { "no credentials" })
    }
}

/// What has to have a commit before it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The primary: a failover may lose the newest commits, acknowledged or not.
    #[default]
    Primary,
    /// A replica too (`WAIT 1`): an acknowledged commit survives the loss of the primary. Each commit takes one round
    /// trip more, and the connection it is sent by waits with it.
    Replicated,
}

impl RedisSettings {
    /// The namespace unless another is set. Its 1 is the version of the keys.
    pub const NAMESPACE: &'static str = "rb1";

    /// The defaults, for this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            partitions: Partitions::DEFAULT,
            namespace: Self::NAMESPACE.to_owned(),
            clients_per_primary: 1,
            durability: Durability::Primary,
            credentials: Credentials::default(),
            sentinel_credentials: Credentials::default(),
        }
    }

    /// Whether a store can be made of them. Whether one is there is another question.
    ///
    /// # Errors
    /// When they can't be meant.
    pub fn validate(&self) -> Result<(), ConnectError> {
        self.check().map(drop)
    }

    pub(crate) fn check(&self) -> Result<Dialer, ConnectError> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !(1..=32).contains(&self.namespace.len()) || !self.namespace.bytes().all(valid) {
            return Err(ConnectError::Setting("the namespace must be 1 to 32 of A-Za-z0-9._-"));
        }
        if !(1..=16).contains(&self.clients_per_primary) {
            return Err(ConnectError::Setting("there must be 1 to 16 clients per primary"));
        }
        let mut config = Config::from_url(&self.url).map_err(ConnectError::Url)?;
        let twice = "has a user or a password too, beside store.password";
        self.credentials.put_into(&mut config.username, &mut config.password, twice)?;
        match &mut config.server {
            ServerConfig::Sentinel { username, password, .. } => {
                let twice = "has a user or a password for Sentinels too, beside store.sentinel_password";
                self.sentinel_credentials.put_into(username, password, twice)?;
            }
            _ if self.sentinel_credentials.password.is_some() => {
                return Err(ConnectError::Setting("names no Sentinels that store.sentinel_password is for"));
            }
            _ => {}
        }
        Ok(Dialer { config })
    }
}

/// The URL may hold a password: it is not shown.
impl std::fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisSettings")
            .field("partitions", &self.partitions)
            .field("namespace", &self.namespace)
            .field("clients_per_primary", &self.clients_per_primary)
            .finish_non_exhaustive()
    }
}

/// Makes clients. Always for one server (or one Sentinel service): fred's own cluster mode stops for all slots
/// when one primary dies, and does not notice a shard channel that has moved.
#[derive(Clone)]
pub(crate) struct Dialer {
    config: Config,
}

/// The configuration may hold a password: it is not shown.
impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

impl Dialer {
    /// The nodes to ask for the map of a cluster; `None` when this is no cluster.
    pub(crate) fn seeds(&self) -> Option<Vec<Server>> {
        self.config.server.is_clustered().then(|| self.config.server.hosts())
    }

    /// A client of the one server there is without a cluster. Not connected yet.
    pub(crate) fn client(&self) -> Client {
        self.build(self.config.server.clone(), Some(policy()))
    }

    /// A client of one primary of a cluster. Not connected yet.
    pub(crate) fn client_of(&self, server: &Server) -> Client {
        self.build(ServerConfig::Centralized { server: server.clone() }, Some(policy()))
    }

    /// A client for one question: it does not connect again.
    pub(crate) fn visitor(&self, server: &Server) -> Client {
        self.build(ServerConfig::Centralized { server: server.clone() }, None)
    }

    /// A client of one Sentinel, for one question: a Sentinel's user and password are not those of the data.
    pub(crate) fn sentinel_visitor(&self, server: &Server) -> Client {
        let (username, password) = match &self.config.server {
            ServerConfig::Sentinel { username, password, .. } => (username.clone(), password.clone()),
            _ => (None, None),
        };
        Self { config: Config { username, password, ..self.config.clone() } }.visitor(server)
    }

    /// Where Redis is, as the settings have it.
    pub(crate) fn server(&self) -> &ServerConfig {
        &self.config.server
    }

    fn build(&self, server: ServerConfig, policy: Option<ReconnectPolicy>) -> Client {
        let mut config = self.config.clone();
        config.server = server;
        config.version = RespVersion::RESP3;
        // Without a policy there is nothing to fall back on when the first connection fails.
        config.fail_fast = policy.is_none();
        let performance = PerformanceConfig {
            default_command_timeout: COMMAND_TIMEOUT,
            broadcast_channel_capacity: MESSAGES,
            ..Default::default()
        };
        let connection = ConnectionConfig {
            // Never sent again by fred: it can't know whether a commit was applied. We do, from the document.
            max_command_attempts: 1,
            connection_timeout: CONNECTION_TIMEOUT,
            internal_command_timeout: COMMAND_TIMEOUT,
            max_command_buffer_len: QUEUE,
            auto_client_setname: true,
            tcp: TcpConfig { nodelay: Some(true), ..Default::default() },
            unresponsive: UnresponsiveConfig {
                max_timeout: Some(Duration::from_secs(2)),
                interval: Duration::from_millis(500),
            },
            reconnect_errors: vec![
                ReconnectError::ClusterDown,
                ReconnectError::Loading,
                ReconnectError::ReadOnly,
                ReconnectError::MasterDown,
            ],
            ..Default::default()
        };
        Client::new(config, Some(performance), Some(connection), policy)
    }
}

/// For ever (0 attempts), from 50 to 500 ms.
fn policy() -> ReconnectPolicy {
    let mut policy = ReconnectPolicy::new_exponential(0, 50, 500, 2);
    policy.set_jitter(50);
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked() {
        assert!(RedisSettings::new("redis://127.0.0.1:1").check().is_ok());
        assert!(RedisSettings::new("not a url").check().is_err());
        let braces = RedisSettings { namespace: "{x}".into(), ..RedisSettings::new("redis://127.0.0.1:1") };
        assert!(braces.check().is_err());
        let none = RedisSettings { clients_per_primary: 0, ..RedisSettings::new("redis://127.0.0.1:1") };
        assert!(none.check().is_err());
    }

    #[test]
    fn only_a_cluster_has_seeds() {
        let seeds = |url: &str| RedisSettings::new(url).check().unwrap().seeds();
        assert_eq!(seeds("redis://127.0.0.1:1"), None);
        assert_eq!(seeds("redis-sentinel://127.0.0.1:1?sentinelServiceName=x"), None);
        assert_eq!(seeds("redis-cluster://127.0.0.1:1?node=127.0.0.1:2").unwrap().len(), 2);
    }

    #[test]
    fn a_password_is_not_shown() {
        let settings = RedisSettings::new("redis://user:secret@127.0.0.1:1");
        assert!(!format!("{settings:?}").contains("secret"));
        assert!(!format!("{:?}", settings.check().unwrap()).contains("secret"));
    }
}

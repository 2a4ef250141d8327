//! Where gauges are read.

use std::{fmt, str::FromStr};

use anyhow::Context as _;
use fred::{clients::Client, types::ClusterHash};

use super::{gauge::Gauge, scrape};
use crate::{
    redis::{ask, connect},
    servers::Server,
};

/// Something with a URL, `NAME=URL`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// What it is called in reports.
    pub(crate) name: String,
    /// Where it is. May hold a password.
    pub(crate) url: String,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("name", &self.name).finish_non_exhaustive()
    }
}

impl FromStr for Address {
    type Err = String;

    /// `NAME=URL`
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').filter(|(name, url)| {
            let scheme = url.split_once("://").map(|(scheme, _)| scheme);
            !name.is_empty() && !name.contains("://") && scheme.is_some_and(|scheme| !scheme.is_empty())
        });
        let (name, url) = parts.ok_or("write it as NAME=URL")?;
        Ok(Self { name: name.to_owned(), url: url.to_owned() })
    }
}

/// One who is watched.
pub(super) enum Source {
    /// A process on this machine.
    Process(Server),
    /// A Redis server.
    Redis(Client),
    /// The `/metrics` of a gateway.
    Metrics(scrape::Target),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Process(_) => "Process",
            Self::Redis(_) => "Redis",
            Self::Metrics(_) => "Metrics",
        })
    }
}

impl Source {
    pub(super) fn process(server: Server) -> Self {
        Self::Process(server)
    }

    pub(super) async fn redis(url: &str) -> anyhow::Result<Self> {
        Ok(Self::Redis(connect(url).await?))
    }

    pub(super) async fn metrics(url: &str) -> anyhow::Result<Self> {
        let source = Self::Metrics(url.parse().map_err(anyhow::Error::msg)?);
        let seen = source.look().await.context("--metrics")?;
        anyhow::ensure!(!seen.is_empty(), "--metrics: nothing is told there that can be watched");
        Ok(source)
    }

    /// What there is now.
    pub(super) async fn look(&self) -> anyhow::Result<Vec<(Gauge, f64)>> {
        match self {
            Self::Process(server) => Ok(vec![
                (Gauge::Memory, server.resident()? as f64),
                (Gauge::Files, server.files()? as f64),
                (Gauge::Threads, server.threads()? as f64),
            ]),
            Self::Redis(client) => {
                let keys: i64 = ask(client, "DBSIZE", ClusterHash::Random, Vec::new()).await?;
                let info: String =
                    ask(client, "INFO", ClusterHash::Random, vec!["memory".to_owned()]).await?;
                let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
                let used: f64 = used.context("Redis tells no used_memory")?.trim().parse()?;
                Ok(vec![(Gauge::Keys, keys as f64), (Gauge::UsedMemory, used)])
            }
            Self::Metrics(target) => {
                let text = target.get().await?;
                let known = Gauge::ALL.into_iter().filter(|gauge| !gauge.metric().is_empty());
                Ok(known.filter_map(|gauge| Some((gauge, scrape::sum(&text, gauge.metric())?))).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_url_that_is_not_shown() {
        let address: Address = "one=redis://:secret@10.0.0.1:6379/?a=b".parse().unwrap();
        assert_eq!((&*address.name, &*address.url), ("one", "redis://:secret@10.0.0.1:6379/?a=b"));
        assert!(!format!("{address:?}").contains("secret"));
        for wrong in ["redis://10.0.0.1", "one=10.0.0.1", "=redis://10.0.0.1", "redis://10.0.0.1/?a=b://"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}

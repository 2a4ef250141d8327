//! Looking at the Redis that settings name, for an operator: facts, and no judgement of them.
//!
//! Connections of its own are made, each for a few questions, by the same settings as the store's. What managed offers
//! forbid (`CONFIG`, above all) is `None`: unknown is no mistake.

mod clock;
mod cluster;
mod rights;
mod sentinel;
mod server;
mod visit;

use std::time::Duration;

use fred::types::config::{Server, ServerConfig};
use futures::future::join_all;

pub use clock::Clock;
pub use cluster::ClusterView;
pub use rights::Refused;
pub use sentinel::SentinelView;
pub use server::{BufferLimit, Product, ServerFacts};
pub use visit::Trouble;

use crate::{ConnectError, RedisSettings};

/// How Redis is asked for in the URL.
#[derive(Clone, Debug)]
pub enum Topology {
    /// One server.
    Standalone,
    /// One server at a time, which Sentinels name: what each of them says.
    Sentinel(Vec<Asked<SentinelView>>),
    /// A Cluster: what each node that the URL names says.
    Cluster(Vec<Asked<ClusterView>>),
}

/// What somebody said, or why nothing.
#[derive(Clone, Debug)]
pub struct Asked<T> {
    /// Host and port.
    pub address: String,
    /// What it said.
    pub answer: Result<T, Trouble>,
}

/// All that was found out.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// What kind of Redis it is said to be, and what those say who know it.
    pub topology: Topology,
    /// Every primary that a gateway would talk to.
    pub primaries: Vec<Asked<ServerFacts>>,
}

/// Looks at every server that gateways with these settings would talk to. Each may take so long.
///
/// # Errors
/// Only for settings that can't be meant.
pub async fn examine(settings: &RedisSettings, limit: Duration) -> Result<Diagnosis, ConnectError> {
    let dialer = settings.check()?;
    let (topology, primaries) = match dialer.server() {
        ServerConfig::Sentinel { hosts, service_name, .. } => {
            let views = join_all(hosts.iter().map(async |host| {
                let visit = visit::to_sentinel(&dialer, host);
                asked(host, sentinel::view(visit, service_name, limit).await)
            }));
            let views = views.await;
            let named = views.iter().find_map(|view| view.answer.as_ref().ok()?.primary.clone());
            (Topology::Sentinel(views), named.into_iter().collect())
        }
        ServerConfig::Clustered { hosts, .. } => {
            let views = join_all(hosts.iter().map(async |host| {
                let visit = visit::to_server(&dialer, host);
                asked(host, cluster::view(visit, host, settings.partitions, limit).await)
            }));
            let views = views.await;
            let primaries = cluster::best(&views).map(ClusterView::primaries).unwrap_or_default();
            (Topology::Cluster(views), primaries)
        }
        other => (Topology::Standalone, other.hosts().iter().map(Server::to_string).collect()),
    };
    let primaries = join_all(primaries.iter().map(async |address| {
        let answer = match Server::try_from(address.as_str()) {
            Ok(server) => server::facts(visit::to_server(&dialer, &server), limit).await,
            Err(_) => Err(Trouble::Unknown("its address can't be read".to_owned())),
        };
        Asked { address: address.clone(), answer }
    }));
    Ok(Diagnosis { topology, primaries: primaries.await })
}

fn asked<T>(server: &Server, answer: Result<T, Trouble>) -> Asked<T> {
    Asked { address: server.to_string(), answer }
}

//! Asking a cluster for its map.

use std::{sync::Arc, time::Duration};

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::ClientLike as _,
    types::{ClusterHash, CustomCommand, Value, config::Server},
};

use crate::{reply, settings::Dialer, shard::Shard, slots::Slots, topology::Map};

/// How long one node may take to answer.
const PATIENCE: Duration = Duration::from_millis(700);

/// A node's answer.
struct View {
    slots: Slots,
    /// Whether the node sees most of the primaries. One that is cut off keeps an old map.
    healthy: bool,
}

/// Asks one node after the other until a healthy one answers: those that an error named, the primaries we are
/// connected to (another one first each time), then the nodes of the settings. If none is healthy, any answer is
/// better than none. When nobody answers, what is told is the last one's reason, if there is any.
pub(crate) async fn ask(
    dialer: &Dialer,
    map: &Map,
    hints: &[Server],
    seeds: &[Server],
    turn: usize,
) -> Result<Slots, Option<Error>> {
    let mut second_best = Err(None);
    let count = map.shards.len();
    let known = (0..count).filter_map(|n| map.shards.get((n + turn) % count));
    let hinted = hints.iter().filter_map(|server| shard_of(map, server));
    for shard in hinted.chain(known) {
        let (Some(client), Ok(server)) = (shard.any_commands(), Server::try_from(shard.name())) else {
            continue;
        };
        match view(client, &server).await {
            Ok(view) if view.healthy => return Ok(view.slots),
            other => second_best = second_best.or(other.map_err(Some)),
        }
    }
    let strangers = hints.iter().filter(|server| shard_of(map, server).is_none());
    for server in strangers.chain(seeds) {
        match visit(dialer, server).await {
            Ok(view) if view.healthy => return Ok(view.slots),
            other => second_best = second_best.or(other.map_err(Some)),
        }
    }
    second_best.map(|view| view.slots)
}

fn shard_of<'a>(map: &'a Map, server: &Server) -> Option<&'a Arc<Shard>> {
    map.shards.iter().find(|shard| shard.name() == server.to_string())
}

/// Asks a node that we have no connection to.
async fn visit(dialer: &Dialer, server: &Server) -> Result<View, Error> {
    let client = dialer.visitor(server);
    let connection = in_time(client.init()).await?;
    let view = view(&client, server).await;
    let _ = tokio::time::timeout(PATIENCE, client.quit()).await;
    connection.abort();
    view
}

async fn in_time<T>(asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = |_| Error::new(ErrorKind::Timeout, "no answer in time");
    tokio::time::timeout(PATIENCE, asked).await.map_err(late)?
}

async fn view(client: &Client, server: &Server) -> Result<View, Error> {
    let both = async { tokio::try_join!(cluster(client, "INFO"), cluster(client, "SLOTS")) };
    let (info, slots) = in_time(Box::pin(both)).await?;
    let slots = Slots::read(slots, server).map_err(|error| {
        tracing::warn!(%server, %error, "the map of the cluster can't be read");
        Error::new(ErrorKind::Protocol, error.to_string())
    })?;
    let healthy = reply::text(info).is_ok_and(|info| info.contains("cluster_state:ok"));
    if slots.is_empty() {
        return Err(Error::new(ErrorKind::Cluster, "its map is empty"));
    }
    Ok(View { slots, healthy })
}

async fn cluster(client: &Client, what: &'static str) -> Result<Value, Error> {
    let command = CustomCommand::new_static("CLUSTER", ClusterHash::FirstKey, false);
    client.custom(command, vec![what]).await
}

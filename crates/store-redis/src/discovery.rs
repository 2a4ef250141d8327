//! Asking a cluster for its map.

use std::{sync::Arc, time::Duration};

use fred::{
    clients::Client,
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
/// better than none.
pub(crate) async fn ask(
    dialer: &Dialer,
    map: &Map,
    hints: &[Server],
    seeds: &[Server],
    turn: usize,
) -> Option<Slots> {
    let mut second_best = None;
    let count = map.shards.len();
    let known = (0..count).filter_map(|n| map.shards.get((n + turn) % count));
    let hinted = hints.iter().filter_map(|server| shard_of(map, server));
    for shard in hinted.chain(known) {
        let (Some(client), Ok(server)) = (shard.any_commands(), Server::try_from(shard.name())) else {
            continue;
        };
        match view(client, &server).await {
            Some(view) if view.healthy => return Some(view.slots),
            other => second_best = second_best.or(other),
        }
    }
    let strangers = hints.iter().filter(|server| shard_of(map, server).is_none());
    for server in strangers.chain(seeds) {
        match visit(dialer, server).await {
            Some(view) if view.healthy => return Some(view.slots),
            other => second_best = second_best.or(other),
        }
    }
    second_best.map(|view| view.slots)
}

fn shard_of<'a>(map: &'a Map, server: &Server) -> Option<&'a Arc<Shard>> {
    map.shards.iter().find(|shard| shard.name() == server.to_string())
}

/// Asks a node that we have no connection to.
async fn visit(dialer: &Dialer, server: &Server) -> Option<View> {
    let client = dialer.visitor(server);
    let connection = tokio::time::timeout(PATIENCE, client.init()).await.ok()?.ok()?;
    let view = view(&client, server).await;
    let _ = tokio::time::timeout(PATIENCE, client.quit()).await;
    connection.abort();
    view
}

async fn view(client: &Client, server: &Server) -> Option<View> {
    let both = async { tokio::try_join!(cluster(client, "INFO"), cluster(client, "SLOTS")) };
    let (info, slots) = tokio::time::timeout(PATIENCE, both).await.ok()?.ok()?;
    let slots = Slots::read(slots, server)
        .inspect_err(|error| tracing::warn!(%server, %error, "the map of the cluster can't be read"))
        .ok()?;
    let healthy = reply::text(info).is_ok_and(|info| info.contains("cluster_state:ok"));
    (!slots.is_empty()).then_some(View { slots, healthy })
}

async fn cluster(client: &Client, what: &'static str) -> Result<Value, fred::error::Error> {
    let command = CustomCommand::new_static("CLUSTER", ClusterHash::FirstKey, false);
    client.custom(command, vec![what]).await
}

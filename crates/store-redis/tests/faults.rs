//! What the store does when parts of Redis fail, on real servers that are cut, killed and moved.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::time::Duration;

use bytes::Bytes;
use ringback_call::NodeId;
use ringback_store::{Bus as _, BusEvent, Partition, Subscription};
use ringback_store_redis::{RedisSettings, RedisStore};

#[path = "faults/access.rs"]
mod access;
#[path = "faults/connections.rs"]
mod connections;
#[path = "faults/counter.rs"]
mod counter;
#[path = "faults/failovers.rs"]
mod failovers;
#[path = "faults/foreign.rs"]
mod foreign;
#[path = "faults/lifetimes.rs"]
mod lifetimes;
#[path = "faults/losses.rs"]
mod losses;
#[path = "faults/resharding.rs"]
mod resharding;
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(url: String) -> RedisStore {
    RedisStore::connect(RedisSettings::new(url)).await.unwrap()
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let poll = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, poll).await.is_ok(), "it never came true: {what}");
}

/// Reads events up to one.
async fn hear(heard: &mut Subscription, wanted: impl Fn(&BusEvent) -> bool) {
    let search = async { while !wanted(&heard.recv().await.expect("the subscription ended")) {} };
    assert!(tokio::time::timeout(PATIENCE, search).await.is_ok(), "it was never heard");
}

/// Publishes until it is heard.
async fn reaches(store: &RedisStore, partition: Partition, node: &NodeId, heard: &mut Subscription) {
    let body = Bytes::from(format!("mark {}", fastrand::u64(..)));
    until("a message is delivered", || async {
        matches!(store.publish(partition, node, body.clone()).await, Ok(true))
    })
    .await;
    hear(heard, |event| matches!(event, BusEvent::Direct(direct) if *direct == body)).await;
}

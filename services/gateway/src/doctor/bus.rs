//! Whether what one gateway says is heard by another, in every partition; and whether Redis lets us write.

use std::time::Instant;

use bytes::Bytes;
use ringback_call::{DeviceId, Endpoint, NodeId, SessionId, UserId};
use ringback_store::{Bus as _, BusEvent, Sessions as _, Store as _, StoreError, Subscription};
use ringback_store_redis::RedisStore;
use tokio::time::timeout;

use super::{PATIENCE, report::Report};
use crate::{app::redis_settings, settings::Settings};

/// How long what is written for a try stays, in milliseconds.
const BRIEF_MS: u64 = 1_000;

pub(super) async fn examine(settings: &Settings, report: &mut Report) {
    let store = match RedisStore::connect(redis_settings(&settings.store)).await {
        Ok(store) => store,
        Err(error) => return report.failure("store", error.to_string(), "is store.url right?"),
    };
    let hint = "may this user run scripts, and read and write keys that begin with rb1: ? docs/redis.md has the list";
    match write(&store).await {
        Ok(()) => {
            report.ok("store", "what is written is read again");
            listen(&store, report).await;
        }
        Err(error) => report.failure("store", told(&error), hint),
    }
    store.close().await;
}

fn told(error: &StoreError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// Keeps a session of nobody's for a moment.
async fn write(store: &RedisStore) -> Result<(), StoreError> {
    let name = format!("doctor-{:016x}", fastrand::u64(..));
    let broken = |error| StoreError::corrupt("a made-up name", error);
    let owner = Endpoint {
        user: UserId::new(name.as_str()).map_err(broken)?,
        device: DeviceId::new(name.as_str()).map_err(broken)?,
    };
    let session = SessionId::new(name).map_err(broken)?;
    store.keep(&owner, &session, Bytes::from_static(b"doctor"), BRIEF_MS).await?;
    match store.greet(&owner, Some(&session)).await?.notes {
        Some(notes) if notes == "doctor" => Ok(()),
        _ => Err(StoreError::corrupt("what was written", "it is not there")),
    }
}

/// Under a name that no gateway has; without a heartbeat, so that the others do not share partitions with it.
async fn listen(store: &RedisStore, report: &mut Report) {
    let subject = "pub/sub";
    let hint = "may this user subscribe to channels that begin with rb1: (SSUBSCRIBE)? Does a proxy stand before Redis?";
    let node = match NodeId::new(format!("doctor-{:08x}", fastrand::u32(..))) {
        Ok(node) => node,
        Err(error) => return report.failure(subject, error.to_string(), "report this"),
    };
    let mut heard = match store.subscribe(&node).await {
        Ok(heard) => heard,
        Err(error) => return report.failure(subject, told(&error), hint),
    };
    let (mut slowest, mut deaf) = (PATIENCE.mul_f64(0.0), Vec::new());
    for partition in store.partitions().all() {
        let mark = Bytes::from(format!("doctor {partition}"));
        let began = Instant::now();
        let round = async {
            let reached = store.publish(partition, &node, mark.clone()).await;
            matches!(reached, Ok(true)) && hears(&mut heard, &mark).await
        };
        match timeout(PATIENCE, round).await {
            Ok(true) => slowest = slowest.max(began.elapsed()),
            Ok(false) | Err(_) => deaf.push(partition.to_string()),
        }
        if deaf.len() > 2 {
            break;
        }
    }
    if deaf.is_empty() {
        let count = store.partitions().count();
        report.ok(subject, format!("all {count} partitions are heard, the slowest after {slowest:.1?}"));
    } else {
        report.failure(subject, format!("not heard: {}", deaf.join(", ")), hint);
    }
}

async fn hears(heard: &mut Subscription, mark: &Bytes) -> bool {
    while let Some(event) = heard.recv().await {
        if matches!(event, BusEvent::Direct(body) if body == *mark) {
            return true;
        }
    }
    false
}

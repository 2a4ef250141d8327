//! Whether what one gateway says to another arrives: by a subscription as gateways have it, and a message in each partition.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::join_all;
use ringback_call::NodeId;
use ringback_store::{BusEvent, Partition, Store, Subscription};
use tokio::time::timeout;

use super::{Finding, LIMIT};

const SUBJECT: &str = "messages";
const HINT: &str =
    "sharded pub/sub has to work in every shard: proxies and some managed offers lack it (docs/redis.md)";
/// How many partitions are named.
const NAMED: usize = 10;

/// What came of it.
struct Heard {
    sent: usize,
    /// How long each took that arrived.
    took: HashMap<Partition, Duration>,
}

pub(super) async fn look(store: &dyn Store, node: &NodeId) -> Finding {
    let mut subscription = match timeout(LIMIT, store.subscribe(node)).await {
        Ok(Ok(subscription)) => subscription,
        Ok(Err(error)) => {
            let text = format!("can't subscribe: {:#}", anyhow::Error::new(error));
            return Finding::failure(SUBJECT, text).hint(HINT);
        }
        Err(_) => return Finding::failure(SUBJECT, "can't subscribe in time").hint(HINT),
    };
    judge(store.partitions().all().collect(), &exchange(store, node, &mut subscription).await)
}

async fn exchange(store: &dyn Store, node: &NodeId, subscription: &mut Subscription) -> Heard {
    let began = Instant::now();
    let partitions: Vec<Partition> = store.partitions().all().collect();
    let send = join_all(partitions.iter().map(async |&partition| {
        let body = Bytes::from(partition.0.to_string());
        let at = began.elapsed();
        let sent = timeout(LIMIT, store.publish(partition, node, body)).await;
        (partition, at, matches!(sent, Ok(Ok(true))))
    }));
    let mut arrived: HashMap<Partition, Duration> = HashMap::new();
    let listen = async {
        while arrived.len() < partitions.len() {
            match subscription.recv().await {
                Some(BusEvent::Direct(body)) => {
                    let number = std::str::from_utf8(&body).ok().and_then(|text| text.parse().ok());
                    if let Some(number) = number {
                        arrived.entry(Partition(number)).or_insert_with(|| began.elapsed());
                    }
                }
                Some(_) => {}
                None => return,
            }
        }
    };
    let (sent, _) = tokio::join!(send, timeout(LIMIT, listen));
    let took = sent
        .iter()
        .filter_map(|(partition, at, _)| Some((*partition, arrived.get(partition)?.saturating_sub(*at))));
    Heard { took: took.collect(), sent: sent.iter().filter(|(_, _, sent)| *sent).count() }
}

fn judge(partitions: Vec<Partition>, heard: &Heard) -> Finding {
    let all = partitions.len();
    let slowest = heard.took.values().max().copied().unwrap_or_default().as_secs_f64() * 1_000.0;
    let silent: Vec<String> = partitions
        .iter()
        .filter(|partition| !heard.took.contains_key(partition))
        .map(Partition::to_string)
        .collect();
    if silent.is_empty() {
        return Finding::ok(
            SUBJECT,
            format!("heard in all {all} partitions, the slowest after {slowest:.1} ms"),
        );
    }
    let more = if silent.len() > NAMED { " and more" } else { "" };
    let names = silent.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let text = format!(
        "{} of {all} partitions are silent ({} messages were taken): {names}{more}",
        silent.len(),
        heard.sent
    );
    Finding::failure(SUBJECT, text).hint(HINT)
}

#[cfg(test)]
mod tests {
    use ringback_store::{Partitions, memory::MemoryStore};

    use super::*;
    use crate::doctor::Level;

    #[tokio::test]
    async fn a_store_that_passes_messages_on_is_heard_everywhere() {
        let store = MemoryStore::new(Partitions::DEFAULT);
        let found = look(&store, &NodeId::new("doctor-1").unwrap()).await;
        assert_eq!(found.level, Level::Ok, "{found}");
        assert!(found.says.contains("all 64 partitions"), "{found}");
    }

    #[test]
    fn silent_partitions_are_named() {
        let took = [(Partition(0), Duration::from_millis(3)), (Partition(2), Duration::from_millis(5))];
        let heard = Heard { sent: 3, took: took.into() };
        let found = judge((0..4).map(Partition).collect(), &heard);
        assert_eq!(found.level, Level::Failure);
        assert!(found.says.starts_with("2 of 4 partitions are silent (3 messages"), "{found}");
        assert!(found.says.ends_with(": p1, p3"), "{found}");
    }
}

//! Messages that are lost, and data: nobody is told by Redis, and everybody concerned finds out.

use std::collections::HashSet;

use bytes::Bytes;
use ringback_store::{Bus as _, BusEvent, Partition, Partitions};

use crate::{
    PATIENCE, connect,
    counter::Counter,
    hear, node, reaches,
    support::{Cluster, Server},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_told_what_it_missed_while_its_connection_was_away() {
    let server = Server::start();
    let (store, ears) = (connect(server.url()).await, connect(server.url()).await);
    let node = node("n");
    let mut heard = ears.subscribe(&node).await.unwrap();
    let mut counters: Vec<Counter> = (0..8).map(|n| Counter::new(Partition(n), &node)).collect();
    let entry = |event: &BusEvent| matches!(event, BusEvent::Entry { .. });
    for round in 0..5 {
        server.ask("CLIENT KILL TYPE pubsub");
        // The last message of its channel: no later one betrays that it was missed.
        for counter in &mut counters {
            counter.count(&store).await;
        }
        store.publish(Partition(0), &node, Bytes::from(format!("direct {round}"))).await.unwrap();
        let (mut told, mut direct) = (0, false);
        while told < counters.len() || !direct {
            let next = tokio::time::timeout(PATIENCE, heard.recv()).await.expect("nothing more came");
            match next.expect("the subscription ended") {
                event if entry(&event) => told += 1,
                BusEvent::Missed(calls) => told += calls.len(),
                BusEvent::Direct(body) => direct = body == format!("direct {round}"),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_missed_messages_only_the_partition_is_told() {
    let server = Server::start();
    let (store, ears) = (connect(server.url()).await, connect(server.url()).await);
    let node = node("n");
    let mut heard = ears.subscribe(&node).await.unwrap();
    let mut counter = Counter::new(Partition(7), &node);
    // Each time the connection needs longer to come back than a hundred commits take, unless the machine is busy.
    for _ in 0..8 {
        server.ask("CLIENT KILL TYPE pubsub");
        for _ in 0..100 {
            counter.count(&store).await;
        }
    }
    hear(&mut heard, |event| matches!(event, BusEvent::Interrupted(some) if some[..] == [Partition(7)]))
        .await;
    reaches(&store, Partition(7), &node, &mut heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_in_all_partitions_at_once_is_not_told_one_by_one() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    let counts: Vec<String> =
        Partitions::DEFAULT.all().map(|partition| format!("rb1:{{{partition}}}:q:n")).collect();
    // As if that many messages had been said to it everywhere, and none had arrived.
    let said = "for _, count in ipairs(KEYS) do redis.call('HINCRBY', count, 'n', 1000) end";
    let number = counts.len().to_string();
    let words: Vec<&str> =
        ["EVAL", said, &number].into_iter().chain(counts.iter().map(String::as_str)).collect();
    server.ask_words(&words);
    let (mut told, mut doubted) = (0, HashSet::new());
    while doubted.len() < counts.len() {
        let next = tokio::time::timeout(PATIENCE, heard.recv()).await.expect("nothing more came");
        match next.expect("the subscription ended") {
            BusEvent::Interrupted(partitions) => {
                doubted.extend(partitions);
                told += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(told <= 4, "told {told} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_was_lost_without_a_word_is_found() {
    let cluster = Cluster::start();
    let store = connect(cluster.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    let partition = Partition(0);
    let home = cluster.owner_of(&Counter::new(partition, &node("n")).call);
    reaches(&store, partition, &node("n"), &mut heard).await;
    // Away and back again, sooner than anybody asks for the map.
    cluster.move_partition(partition, home, (home + 1) % 3);
    cluster.move_partition(partition, (home + 1) % 3, home);
    let mut counter = Counter::new(partition, &node("n"));
    counter.count(&store).await;
    let missed = |event: &BusEvent| match event {
        BusEvent::Entry { .. } => true,
        BusEvent::Missed(calls) => calls.contains(&counter.call),
        _ => false,
    };
    hear(&mut heard, missed).await;
    reaches(&store, partition, &node("n"), &mut heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emptied_redis_is_noticed_although_no_connection_broke() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    server.ask("FLUSHALL");
    hear(&mut heard, |event| matches!(event, BusEvent::Regressed(all) if all.len() == 64)).await;
    reaches(&store, Partition(1), &node("n"), &mut heard).await;
}

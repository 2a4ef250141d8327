//! A primary that dies, and who takes its place, if anybody.

use std::time::{Duration, Instant};

use ringback_store::{Bus as _, BusEvent, Calls as _, Partition, Partitions, Version};
use ringback_store_redis::{Durability, RedisSettings, RedisStore};

use crate::{
    connect,
    counter::Counter,
    hear, node, reaches,
    support::{Cluster, SERVICE, Server},
    until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_primary_takes_only_its_own_partitions_along() {
    let mut cluster = Cluster::start();
    let store = connect(cluster.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    let mut counters: Vec<Counter> =
        Partitions::DEFAULT.all().map(|partition| Counter::new(partition, &node("n"))).collect();
    for counter in &mut counters {
        counter.count(&store).await;
    }
    cluster.servers[2].kill();
    let (mut lost, mut slowest) = (Vec::new(), Duration::ZERO);
    for counter in &mut counters {
        if cluster.owner_of(&counter.call) == 2 {
            lost.push(counter);
            continue;
        }
        let began = Instant::now();
        counter.count(&store).await;
        slowest = slowest.max(began.elapsed());
    }
    assert_eq!(lost.len(), 24);
    assert!(slowest < Duration::from_secs(1), "a living primary's partition took {slowest:?}");
    assert!(store.load(&lost[0].call).await.unwrap_err().is_transient());

    // It comes back empty, at the same address.
    cluster.servers[2].run();
    let partition = Partitions::DEFAULT.of_call(&lost[0].call).unwrap();
    let mut again = Counter::new(partition, &node("n"));
    again.count(&store).await;
    again.check(&store).await;
    hear(&mut heard, |event| matches!(event, BusEvent::Regressed(some) if some.contains(&partition))).await;
    reaches(&store, partition, &node("n"), &mut heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_of_a_cluster_takes_over() {
    let mut cluster = Cluster::start();
    cluster.add_replica(0);
    let store = connect(cluster.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    let mut counters: Vec<Counter> = Partitions::DEFAULT
        .all()
        .map(|partition| Counter::new(partition, &node("n")))
        .filter(|counter| cluster.owner_of(&counter.call) == 0)
        .collect();
    for counter in &mut counters {
        counter.count(&store).await;
    }
    cluster.servers[3].catches_up_with(&cluster.servers[0]);
    let port = cluster.servers[0].port;
    cluster.servers[0].kill();
    let began = Instant::now();
    counters[0].count(&store).await;
    println!("the replica of the primary at {port} took over within {} ms", began.elapsed().as_millis());
    for counter in &mut counters[1..] {
        counter.count(&store).await;
    }
    for counter in &counters {
        counter.check(&store).await;
    }
    let partition = Partitions::DEFAULT.of_call(&counters[0].call).unwrap();
    hear(&mut heard, |event| matches!(event, BusEvent::Regressed(some) if some.contains(&partition))).await;
    reaches(&store, partition, &node("n"), &mut heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_s_failover_is_followed() {
    let mut primary = Server::start();
    let replica = Server::replica_of(&primary);
    let sentinel = Server::sentinel_of(&primary);
    let url = format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={}", sentinel.port, SERVICE);
    let store = connect(url).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    let mut counter = Counter::new(Partition(5), &node("n"));
    counter.count(&store).await;
    replica.catches_up_with(&primary);
    primary.kill();
    let began = Instant::now();
    counter.count(&store).await;
    println!("the Sentinel's replica took over within {} ms", began.elapsed().as_millis());
    counter.check(&store).await;
    assert_eq!(replica.ask("ROLE")[0], "master");
    hear(&mut heard, |event| matches!(event, BusEvent::Regressed(all) if all.len() == 64)).await;
    reaches(&store, Partition(5), &node("n"), &mut heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replicated_commit_waits_for_a_replica() {
    let primary = Server::start();
    let settings = RedisSettings { durability: Durability::Replicated, ..RedisSettings::new(primary.url()) };
    let store = RedisStore::connect(settings).await.unwrap();
    let mut counter = Counter::new(Partition(3), &node("n"));
    let alone = store.commit(counter.next_commit()).await.unwrap_err();
    assert!(alone.is_transient(), "there is no replica: {alone}");
    let replica = Server::replica_of(&primary);
    // It was applied: sent again it is a conflict with itself, which counts only once a replica has it.
    counter.count(&store).await;
    let has = |server: &Server| server.ask_words(&["HGET", &counter.key(), "v"])[0].clone();
    assert_eq!(has(&replica), counter.version.to_string());
    let error = store.settle(&counter.call, Version { count: 9, stamp: 9 }).await.unwrap_err();
    assert!(error.is_transient(), "what is not there can't be settled: {error}");
    store.settle(&counter.call, counter.version).await.unwrap();
}

/// What `store.durability = "primary"` may lose, and what `"replicated"` does not acknowledge.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_no_replica_has_dies_with_its_primary() {
    for durability in [Durability::Primary, Durability::Replicated] {
        let mut primary = Server::start();
        let replica = Server::replica_of(&primary);
        let sentinel = Server::sentinel_of(&primary);
        let url = format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={}", sentinel.port, SERVICE);
        let store =
            RedisStore::connect(RedisSettings { durability, ..RedisSettings::new(url) }).await.unwrap();
        let mut counter = Counter::new(Partition(5), &node("n"));
        counter.count(&store).await;
        replica.catches_up_with(&primary);
        replica.ask("REPLICAOF 127.0.0.1 1");
        let acknowledged = store.commit(counter.next_commit()).await;
        assert_eq!(
            acknowledged.is_ok(),
            durability == Durability::Primary,
            "{durability:?}: {acknowledged:?}"
        );
        primary.kill();
        replica.wait_until("ROLE", "master");
        until("the store answers", || async { store.load(&counter.call).await.is_ok() }).await;
        let stored = store.load(&counter.call).await.unwrap().unwrap();
        assert_eq!(stored.version, counter.version, "{durability:?}: the change is lost");
    }
}

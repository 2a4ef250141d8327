//! What the store does when parts of Redis fail, on real servers that are cut, killed and moved.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use ringback_call::{CallId, NodeId, RequestId, SessionId, Side, UserId};
use ringback_store::{
    Bus as _, BusEvent, Calls as _, Claim, Commit, Committed, Entry, Log, Nodes as _, Pair, Partition,
    Partitions, Store, Subscription, Version, conformance,
};
use ringback_store_redis::{Durability, RedisSettings, RedisStore};
use support::{Cluster, Server};

#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(url: String) -> RedisStore {
    RedisStore::connect(RedisSettings::new(url)).await.unwrap()
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// A pair of users whose calls are in this partition.
fn pair_in(partition: Partition) -> Pair {
    let callee = UserId::new("callee").unwrap();
    let pairs = (0..).map(|n| Pair::of(&UserId::new(format!("caller-{n}")).unwrap(), &callee));
    pairs.into_iter().find(|pair| Partitions::DEFAULT.of_pair(pair) == partition).unwrap()
}

/// A call whose document is a number that is counted up.
struct Counter {
    call: CallId,
    pair: Pair,
    version: Version,
    node: NodeId,
}

impl Counter {
    fn new(partition: Partition, node: &NodeId) -> Self {
        let pair = pair_in(partition);
        let call = Partitions::DEFAULT.call_id(&pair, &SessionId::new("s").unwrap(), RequestId(1));
        Self { call, pair, version: Version::NONE, node: node.clone() }
    }

    /// Counts up by one, whatever it takes. A conflict with the very document that was to be written is a commit
    /// that was applied although its answer was lost; any other is an error, for nobody else counts.
    async fn count(&mut self, store: &RedisStore) {
        let number = self.version.count + 1;
        let commit = self.next_commit();
        let end = Instant::now() + PATIENCE;
        loop {
            match store.commit(commit.clone()).await {
                Ok(Committed::Applied) => break self.version = commit.version,
                Ok(Committed::Conflict(Some(stored))) if stored.version == commit.version => {
                    break self.version = stored.version;
                }
                Err(error) if error.is_transient() && Instant::now() < end => {}
                other => panic!("count {number}: {other:?}"),
            }
        }
    }

    fn key(&self) -> String {
        let partition = Partitions::DEFAULT.of_call(&self.call).unwrap();
        format!("rb1:{{{partition}}}:c:{}", self.call.as_str())
    }

    fn next_commit(&self) -> Commit {
        let number = self.version.count + 1;
        let document = Bytes::from(number.to_string());
        let entry = Entry {
            log: Log::Mailbox(Side::Callee),
            seq: number,
            body: document.clone(),
            nodes: vec![self.node.clone()],
        };
        Commit {
            call: self.call.clone(),
            expected: self.version,
            version: self.version.next(&document),
            document: document.clone(),
            ttl_ms: 600_000,
            deadline: None,
            pair: self.pair.clone(),
            claim: if self.version == Version::NONE { Claim::Free } else { Claim::Held },
            entries: vec![entry],
            trims: Vec::new(),
        }
    }

    /// Nothing was lost, and nothing was applied twice.
    async fn check(&self, store: &RedisStore) {
        let stored = store.load(&self.call).await.unwrap().unwrap();
        assert_eq!(stored.version, self.version);
        assert_eq!(stored.document, self.version.count.to_string());
        let log = store.read(&self.call, Log::Mailbox(Side::Callee), 1, u64::MAX).await.unwrap();
        assert!(log.into_iter().map(|(seq, _)| seq).eq(1..=self.version.count));
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn every_key_has_a_time_to_live_and_a_place_in_the_table() {
    let server = Server::start();
    let store: Arc<dyn Store> = Arc::new(connect(server.url()).await);
    let promises =
        conformance::all().into_iter().map(|(_, promise)| tokio::spawn(promise(Arc::clone(&store))));
    for promise in promises.collect::<Vec<_>>() {
        promise.await.unwrap();
    }
    let keys = server.ask("KEYS *");
    let mut kinds = std::collections::BTreeSet::new();
    for key in &keys {
        let ttl: i64 = server.ask_words(&["PTTL", key])[0].parse().unwrap();
        assert!(ttl != -1, "{key} lives for ever");
        let rest = key.strip_prefix("rb1:{p").and_then(|rest| rest.split_once("}:")).unwrap().1;
        kinds.insert(rest.split(':').next().unwrap().to_owned());
    }
    assert!(
        kinds.iter().eq(["c", "dl", "history", "nodes", "pair", "q", "s", "u"]),
        "{kinds:?} of {} keys",
        keys.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_hears_again_after_its_connection_was_cut() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let node = node("n");
    let mut heard = store.subscribe(&node).await.unwrap();
    reaches(&store, Partition(9), &node, &mut heard).await;
    for _ in 0..3 {
        server.ask("CLIENT KILL TYPE pubsub");
        for partition in [0, 9, 63] {
            reaches(&store, Partition(partition), &node, &mut heard).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_lose_and_double_no_commit() {
    let server = Arc::new(Server::start());
    let store = connect(server.url()).await;
    let done = Arc::new(AtomicBool::new(false));
    let cutter = tokio::task::spawn_blocking({
        let (server, done) = (Arc::clone(&server), Arc::clone(&done));
        move || {
            let mut cuts = 0;
            while !done.load(Ordering::Relaxed) {
                server.ask("CLIENT KILL TYPE normal SKIPME yes");
                cuts += 1;
                std::thread::sleep(Duration::from_millis(150));
            }
            cuts
        }
    });
    let counters = (0..8).map(|partition| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut counter = Counter::new(Partition(partition), &node("nobody"));
            let end = Instant::now() + Duration::from_secs(2);
            while Instant::now() < end {
                counter.count(&store).await;
            }
            counter
        })
    });
    let mut counted = Vec::new();
    for counter in counters.collect::<Vec<_>>() {
        counted.push(counter.await.unwrap());
    }
    done.store(true, Ordering::Relaxed);
    assert!(cutter.await.unwrap() > 3);
    for counter in counted {
        assert!(counter.version.count > 20, "only {}", counter.version.count);
        counter.check(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_scripts_are_sent_again() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let mut counter = Counter::new(Partition(3), &node("n"));
    for _ in 0..20 {
        server.ask("SCRIPT FLUSH");
        counter.count(&store).await;
        store.heartbeat(&node("n"), 10_000).await.unwrap();
    }
    counter.check(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_may_start_before_redis() {
    let mut server = Server::at_rest();
    let store = connect(server.url()).await;
    let began = Instant::now();
    let error = store.heartbeat(&node("n"), 10_000).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(store.subscribe(&node("n")).await.unwrap_err().is_transient());
    assert!(began.elapsed() < Duration::from_secs(6), "it took {:?}", began.elapsed());
    server.run();
    until("Redis is found", || async { store.heartbeat(&node("n"), 10_000).await.is_ok() }).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    reaches(&store, Partition(1), &node("n"), &mut heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_go_and_come_back() {
    let mut server = Server::start();
    let store = connect(server.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    server.kill();
    let began = Instant::now();
    assert!(store.heartbeat(&node("n"), 10_000).await.unwrap_err().is_transient());
    assert!(began.elapsed() < Duration::from_secs(3), "it took {:?}", began.elapsed());
    server.run();
    until("Redis is back", || async { store.heartbeat(&node("n"), 10_000).await.is_ok() }).await;
    // It came back empty.
    hear(&mut heard, |event| matches!(event, BusEvent::Regressed(all) if all.len() == 64)).await;
    reaches(&store, Partition(1), &node("n"), &mut heard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_says_so() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    store.close().await;
    while heard.recv().await.is_some() {}
    assert!(store.heartbeat(&node("n"), 10_000).await.unwrap_err().is_transient());
    assert!(store.subscribe(&node("n")).await.unwrap_err().is_transient());
    let ours = |line: &String| line.contains("name=fred");
    until("its connections are closed", || async { !server.ask("CLIENT LIST").iter().any(ours) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_store_leaves_nothing_behind() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    drop(store);
    while heard.recv().await.is_some() {}
    // Our question is the only connection that is left.
    until("its connections are closed", || async { server.ask("CLIENT LIST").len() == 1 }).await;
}

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
async fn slots_move_while_calls_go_on() {
    let cluster = Cluster::start();
    let store = connect(cluster.url()).await;
    let node = node("n");
    // Another gateway listens: no error tells it that a slot has moved.
    let ears = connect(cluster.url()).await;
    let mut heard = ears.subscribe(&node).await.unwrap();
    let moving: Vec<Partition> = Partitions::DEFAULT
        .all()
        .filter(|&partition| cluster.owner_of(&Counter::new(partition, &node).call) == 0)
        .take(4)
        .collect();
    let done = Arc::new(AtomicBool::new(false));
    let counters = moving.iter().map(|&partition| {
        let (store, node, done) = (store.clone(), node.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut counter = Counter::new(partition, &node);
            while !done.load(Ordering::Relaxed) {
                counter.count(&store).await;
            }
            counter
        })
    });
    let counters: Vec<_> = counters.collect();
    let listener = tokio::spawn(async move {
        let (mut entries, mut told) = (0_u64, false);
        loop {
            match tokio::time::timeout(Duration::from_secs(3), heard.recv()).await {
                Ok(Some(BusEvent::Entry { .. })) => entries += 1,
                Ok(Some(BusEvent::Missed(_) | BusEvent::Interrupted(_))) => told = true,
                Ok(Some(BusEvent::Direct(_) | BusEvent::Regressed(_))) => {}
                Ok(None) => panic!("the subscription ended"),
                Err(_) => return (entries, told, heard),
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let cluster = Arc::new(cluster);
    let mover = tokio::task::spawn_blocking({
        let (cluster, moving) = (Arc::clone(&cluster), moving.clone());
        move || {
            for partition in moving {
                cluster.move_partition(partition, 0, 1);
            }
        }
    });
    mover.await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    done.store(true, Ordering::Relaxed);
    let mut total = 0;
    for counter in counters {
        let counter = counter.await.unwrap();
        counter.check(&store).await;
        total += counter.version.count;
    }
    let (entries, told, mut heard) = listener.await.unwrap();
    assert!(entries == total || told && entries < total, "{entries} of {total} entries, told: {told}");
    println!("{entries} of {total} entries were delivered");
    for partition in moving {
        reaches(&store, partition, &node, &mut heard).await;
    }
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
async fn emptied_redis_is_noticed_although_no_connection_broke() {
    let server = Server::start();
    let store = connect(server.url()).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    server.ask("FLUSHALL");
    hear(&mut heard, |event| matches!(event, BusEvent::Regressed(all) if all.len() == 64)).await;
    reaches(&store, Partition(1), &node("n"), &mut heard).await;
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
    let error =
        store.settle(&counter.call, ringback_store::Version { count: 9, stamp: 9 }).await.unwrap_err();
    assert!(error.is_transient(), "what is not there can't be settled: {error}");
    store.settle(&counter.call, counter.version).await.unwrap();
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
    cluster.servers[0].ask("WAIT 1 1000");
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
    let url =
        format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={}", sentinel.port, support::SERVICE);
    let store = connect(url).await;
    let mut heard = store.subscribe(&node("n")).await.unwrap();
    let mut counter = Counter::new(Partition(5), &node("n"));
    counter.count(&store).await;
    primary.ask("WAIT 1 1000");
    primary.kill();
    let began = Instant::now();
    counter.count(&store).await;
    println!("the Sentinel's replica took over within {} ms", began.elapsed().as_millis());
    counter.check(&store).await;
    assert_eq!(replica.ask("ROLE")[0], "master");
    hear(&mut heard, |event| matches!(event, BusEvent::Regressed(all) if all.len() == 64)).await;
    reaches(&store, Partition(5), &node("n"), &mut heard).await;
}

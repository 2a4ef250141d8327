use std::time::Duration;

use ringback_store_redis::diagnosis::Clock;

use super::*;

fn sound() -> ServerFacts {
    ServerFacts {
        product: Product::Redis,
        version: Some("7.0.15".to_owned()),
        clustered: false,
        primary: true,
        replicas: 1,
        joining: 0,
        eviction: Some("noeviction".to_owned()),
        max_memory: Some(1 << 30),
        used_memory: Some(1 << 20),
        append_only: Some(true),
        snapshots: Some(String::new()),
        subscriber_buffer: Some(BufferLimit { hard: 32 << 20, soft: 8 << 20, seconds: 60 }),
        full_coverage: Some(true),
        node_timeout_ms: Some(15_000),
        idle_timeout_s: Some(0),
        clock: Clock { round_trip: Duration::from_micros(300), ahead_ms: -3 },
    }
}

/// What is not in order, of a server alone.
fn wrong(facts: &ServerFacts) -> Vec<(Level, String)> {
    wrong_in(facts, &Topology::Standalone, Durability::Primary)
}

fn wrong_in(facts: &ServerFacts, topology: &Topology, durability: Durability) -> Vec<(Level, String)> {
    let findings = judge("10.0.0.1:6379", facts, topology, durability);
    let wrong = findings.into_iter().filter(|finding| finding.level > Level::Note);
    wrong.map(|finding| (finding.level, finding.says)).collect()
}

#[track_caller]
fn is_wrong(facts: ServerFacts, level: Level, word: &str) {
    let wrong = wrong(&facts);
    assert!(
        matches!(&wrong[..], [(found, text)] if *found == level && text.contains(word)),
        "{word}: {wrong:?}"
    );
}

#[test]
fn a_sound_server_has_nothing_wrong() {
    // What concerns Clusters alone is not asked of it.
    assert_eq!(wrong(&sound()), []);
}

#[test]
fn what_could_not_be_read_is_not_wrong() {
    let unknown = ServerFacts {
        version: None,
        eviction: None,
        max_memory: None,
        used_memory: None,
        append_only: None,
        snapshots: None,
        subscriber_buffer: None,
        full_coverage: None,
        node_timeout_ms: None,
        idle_timeout_s: None,
        clustered: true,
        ..sound()
    };
    assert_eq!(wrong_in(&unknown, &Topology::Cluster(Vec::new()), Durability::Replicated), []);
}

#[test]
fn each_setting_that_loses_calls_is_named() {
    is_wrong(ServerFacts { version: Some("6.2.1".into()), ..sound() }, Level::Failure, "6.2.1");
    is_wrong(ServerFacts { primary: false, ..sound() }, Level::Failure, "replica");
    let alone = || ServerFacts { replicas: 0, joining: 1, ..sound() };
    assert_eq!(wrong(&alone()), [], "what it writes down is there again");
    is_wrong(ServerFacts { append_only: Some(false), ..alone() }, Level::Warning, "1 more");
    for policy in ["volatile-lru", "volatile-ttl", "allkeys-lfu"] {
        is_wrong(ServerFacts { eviction: Some(policy.into()), ..sound() }, Level::Failure, policy);
    }
    is_wrong(ServerFacts { max_memory: Some(0), ..sound() }, Level::Warning, "maxmemory");
    is_wrong(ServerFacts { used_memory: Some(900 << 20), ..sound() }, Level::Warning, "87 %");
    is_wrong(ServerFacts { idle_timeout_s: Some(300), ..sound() }, Level::Warning, "idle");
    let small = BufferLimit { hard: 8 << 20, soft: 0, seconds: 0 };
    is_wrong(ServerFacts { subscriber_buffer: Some(small), ..sound() }, Level::Warning, "8 MiB");
    let clock = |ahead_ms| Clock { ahead_ms, ..sound().clock };
    is_wrong(ServerFacts { clock: clock(2_000), ..sound() }, Level::Warning, "2000 ms ahead of");
    is_wrong(ServerFacts { clock: clock(-6_000), ..sound() }, Level::Failure, "6000 ms behind");
    let slow = Clock { round_trip: Duration::from_millis(40), ..sound().clock };
    is_wrong(ServerFacts { clock: slow, ..sound() }, Level::Warning, "40.00 ms");
}

#[test]
fn a_policy_does_nothing_without_a_bound() {
    let facts = ServerFacts { max_memory: Some(0), eviction: Some("allkeys-lru".into()), ..sound() };
    assert!(wrong(&facts).iter().all(|(level, _)| *level == Level::Warning));
}

#[test]
fn replicas_are_needed_where_they_are_waited_for() {
    let alone = ServerFacts { replicas: 0, ..sound() };
    let found = wrong_in(&alone, &Topology::Standalone, Durability::Replicated);
    assert!(matches!(&found[..], [(Level::Failure, text)] if text.contains("replicas: 0")), "{found:?}");
}

#[test]
fn a_cluster_is_one_by_url_and_by_itself() {
    let member = || ServerFacts { clustered: true, ..sound() };
    is_wrong(
        ServerFacts { full_coverage: Some(false), node_timeout_ms: Some(5_000), ..member() },
        Level::Failure,
        "is a node of a Cluster",
    );
    let found = wrong_in(&sound(), &Topology::Cluster(Vec::new()), Durability::Primary);
    assert!(matches!(&found[..], [(Level::Failure, text)] if text.contains("no node")), "{found:?}");
    let found = wrong_in(&member(), &Topology::Cluster(Vec::new()), Durability::Primary);
    let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["cluster-require-full-coverage is yes", "cluster-node-timeout is 15000 ms"]);
}

#[test]
fn clocks_may_be_a_second_apart_and_must_not_be_more_than_tokens_allow() {
    let levels = [0, -1_000, 1_001, -5_000, 5_001, i64::MIN].map(skew);
    let expected = [Level::Ok, Level::Ok, Level::Warning, Level::Warning, Level::Failure, Level::Failure];
    assert_eq!(levels, expected);
}

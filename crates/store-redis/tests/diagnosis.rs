//! What is found out about a Redis, on real servers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use ringback_call::NodeId;
use ringback_store_redis::{
    Durability, RedisSettings, RedisStore,
    diagnosis::{BufferLimit, Diagnosis, Refused, ServerFacts, Topology, Trouble, examine},
};
use support::{Cluster, SERVICE, Server, rules_of_gateways};

#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

const LIMIT: Duration = Duration::from_secs(5);

async fn look(url: String) -> Diagnosis {
    examine(&RedisSettings::new(url), LIMIT).await.unwrap()
}

fn only(diagnosis: &Diagnosis) -> &ServerFacts {
    let [primary] = &diagnosis.primaries[..] else { panic!("{diagnosis:?}") };
    primary.answer.as_ref().unwrap()
}

fn trouble(diagnosis: &Diagnosis) -> &Trouble {
    diagnosis.primaries[0].answer.as_ref().unwrap_err()
}

async fn refused(settings: RedisSettings) -> Result<Vec<Refused>, Trouble> {
    let store = RedisStore::connect(settings).await.unwrap();
    let refused = store.try_rights(&NodeId::new("doctor-1").unwrap()).await;
    store.close().await;
    refused
}

#[tokio::test]
async fn a_server_says_how_it_is_set_up() {
    let server = Server::start();
    server.ask_words(&["CONFIG", "SET", "maxmemory", "50mb", "maxmemory-policy", "volatile-lru"]);
    server.ask_words(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 64mb 16mb 30"]);
    let diagnosis = look(server.url()).await;
    assert!(matches!(diagnosis.topology, Topology::Standalone));
    let facts = only(&diagnosis);
    assert_eq!(facts.is_new_enough(), Some(true), "{:?}", facts.version);
    assert_eq!(facts.eviction.as_deref(), Some("volatile-lru"));
    assert_eq!(facts.max_memory, Some(50 << 20));
    let limit = BufferLimit { hard: 64 << 20, soft: 16 << 20, seconds: 30 };
    assert_eq!(facts.subscriber_buffer, Some(limit));
    assert_eq!((facts.append_only, facts.snapshots.as_deref()), (Some(false), Some("")));
    assert_eq!(facts.idle_timeout_s, Some(0));
    assert!(facts.primary && !facts.clustered && facts.replicas == 0);
    assert!(facts.clock.ahead_ms.abs() < 1_000, "it is this machine's own: {:?}", facts.clock);
}

#[tokio::test]
async fn what_may_not_be_read_is_unknown() {
    let server = Server::start();
    server.ask_words(&["ACL", "SETUSER", "gateway", "on", ">x", "~rb1:*", "&rb1:*", "+@all", "-config"]);
    let diagnosis = look(format!("redis://gateway:x@127.0.0.1:{}", server.port)).await;
    let facts = only(&diagnosis);
    assert_eq!(facts.subscriber_buffer, None);
    assert_eq!(facts.eviction.as_deref(), Some("noeviction"), "INFO says it too");
}

#[tokio::test]
async fn a_wrong_password_and_a_server_that_is_down_are_told_apart() {
    let mut server = Server::start();
    server.ask("CONFIG SET requirepass north");
    let wrong = look(format!("redis://:south@127.0.0.1:{}", server.port)).await;
    assert!(matches!(trouble(&wrong), Trouble::Credentials(_)), "{wrong:?}");
    assert!(!format!("{wrong:?}").contains("south"));
    let missing = look(server.url()).await;
    assert!(matches!(trouble(&missing), Trouble::Credentials(_)), "{missing:?}");
    server.kill();
    let down = look(server.url()).await;
    assert!(matches!(trouble(&down), Trouble::Connection(_)), "{down:?}");
}

#[tokio::test]
async fn a_cluster_says_who_has_what() {
    let mut cluster = Cluster::start();
    cluster.add_replica(0);
    cluster.servers[0].wait_until("INFO replication", "state=online");
    let diagnosis = look(cluster.url()).await;
    let Topology::Cluster(views) = &diagnosis.topology else { panic!("{diagnosis:?}") };
    assert_eq!(views.len(), 3);
    for view in views {
        let view = view.answer.as_ref().unwrap();
        assert!(view.is_ok && view.served_slots == 16_384 && view.orphans == 0, "{view:?}");
        let shares: Vec<usize> = cluster.servers[..3]
            .iter()
            .map(|server| view.partitions[&format!("127.0.0.1:{}", server.port)])
            .collect();
        assert_eq!(shares, [20, 20, 24]);
    }
    assert_eq!(diagnosis.primaries.len(), 3);
    let replicas: usize =
        diagnosis.primaries.iter().map(|primary| primary.answer.as_ref().unwrap().replicas).sum();
    assert_eq!(replicas, 1);
    assert!(diagnosis.primaries.iter().all(|primary| {
        let facts = primary.answer.as_ref().unwrap();
        facts.clustered && facts.full_coverage == Some(false) && facts.node_timeout_ms == Some(3_000)
    }));
    assert_eq!(refused(RedisSettings::new(cluster.url())).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_sentinel_names_its_primary() {
    let primary = Server::start();
    let _replica = Server::replica_of(&primary);
    primary.wait_until("INFO replication", "state=online");
    let sentinel = Server::sentinel_of(&primary);
    let url =
        |service: &str| format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={service}", sentinel.port);
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    let (diagnosis, view) = loop {
        let diagnosis = look(url(SERVICE)).await;
        let Topology::Sentinel(views) = &diagnosis.topology else { panic!("{diagnosis:?}") };
        let view = views[0].answer.clone().unwrap();
        // It has heard of the replica, and connects to it within a second.
        if view.replicas == 1 {
            break (diagnosis, view);
        }
        assert!(tokio::time::Instant::now() < end, "{view:?}");
    };
    assert_eq!(view.primary, Some(format!("127.0.0.1:{}", primary.port)));
    assert_eq!((view.others, view.quorum, view.down_after_ms, view.lost), (0, 1, 500, false));
    assert_eq!(only(&diagnosis).replicas, 1);
    let unknown = look(url("other")).await;
    let Topology::Sentinel(views) = &unknown.topology else { panic!("{unknown:?}") };
    assert_eq!(views[0].answer.as_ref().unwrap().primary, None);
    assert!(unknown.primaries.is_empty());
}

#[tokio::test]
async fn rights_that_are_missing_are_named() {
    let server = Server::start();
    let replicated = RedisSettings { durability: Durability::Replicated, ..RedisSettings::new(server.url()) };
    assert_eq!(refused(replicated).await, Ok(Vec::new()));
    let user = |rules: &[&str]| {
        let words = [&["ACL", "SETUSER", "gateway", "reset", "on", ">x"], rules].concat();
        server.ask_words(&words);
        RedisSettings::new(format!("redis://gateway:x@127.0.0.1:{}", server.port))
    };
    let names = |refused: Result<Vec<Refused>, Trouble>| -> Vec<String> {
        refused.unwrap().into_iter().map(|refused| refused.command).collect()
    };
    let all = user(&["~rb1:*", "&rb1:*", "+@all", "-@dangerous", "+info"]);
    assert_eq!(names(refused(all).await), [""; 0]);
    let documented = rules_of_gateways();
    let documented = RedisSettings {
        durability: Durability::Replicated,
        ..user(&documented.split(' ').collect::<Vec<_>>())
    };
    assert_eq!(names(refused(documented).await), [""; 0]);
    let few = user(&["~rb1:*", "&rb1:*", "+@all", "-zadd", "-spublish", "-hkeys"]);
    assert_eq!(names(refused(few).await), ["HKEYS", "script: SPUBLISH", "script: ZADD"]);
    let no_scripts = user(&["~rb1:*", "&rb1:*", "+@all", "-@scripting"]);
    assert_eq!(names(refused(no_scripts).await), ["EVALSHA, SCRIPT LOAD"]);
    let keys = server.ask("KEYS *");
    assert!(keys.iter().all(|key| server.ask_words(&["PTTL", key])[0] != "-1"), "{keys:?}");
}

//! The store in Redis keeps every promise, standalone and in a cluster.
//!
//! The trials of one store share its servers, which start with the first of them: a runner that gives each trial a
//! process of its own starts only what that trial needs.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use libtest_mimic::{Arguments, Trial};
use ringback_store::{
    Store,
    conformance::{self, Promise},
};
use ringback_store_redis::{RedisSettings, RedisStore};
use support::{Cluster, Server};
use tokio::runtime::Runtime;

#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

struct Backend<T> {
    servers: T,
    store: Arc<RedisStore>,
}

/// Not there before a trial asks for it, nor after the last one: servers must not outlive us, and statics are never
/// dropped.
type Place<T> = Mutex<Option<Backend<T>>>;

static STANDALONE: Place<Server> = Mutex::new(None);
static CLUSTER: Place<Cluster> = Mutex::new(None);

fn store_at<T>(place: &Place<T>, start: fn() -> T, url: fn(&T) -> String) -> Arc<RedisStore> {
    let mut place = place.lock().unwrap();
    let backend = place.get_or_insert_with(|| {
        let servers = start();
        let settings = RedisSettings::new(url(&servers));
        let store = RUNTIME.block_on(RedisStore::connect(settings)).unwrap();
        Backend { servers, store: Arc::new(store) }
    });
    Arc::clone(&backend.store)
}

fn standalone() -> Arc<RedisStore> {
    store_at(&STANDALONE, Server::start, Server::url)
}

fn cluster() -> Arc<RedisStore> {
    store_at(&CLUSTER, Cluster::start, Cluster::url)
}

fn main() {
    let mut trials = Vec::new();
    for (name, promise) in conformance::all() {
        trials.push(trial(format!("standalone::{name}"), standalone, vec![(name, promise)]));
    }
    for (group, promises) in clusters(conformance::all()) {
        trials.push(trial(format!("cluster::{group}"), cluster, promises));
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    stop(&STANDALONE);
    stop(&CLUSTER);
    conclusion.exit();
}

/// Under nextest a trial has a process and thus a cluster of its own, which accepts no writes for its first two
/// seconds: there, the promises about one thing are one trial.
fn clusters(promises: Vec<(&'static str, Promise)>) -> BTreeMap<&'static str, Vec<(&'static str, Promise)>> {
    let alone = std::env::var_os("NEXTEST").is_none();
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, promise) in promises {
        let about = name.split("::").next().unwrap_or(name);
        groups.entry(if alone { name } else { about }).or_default().push((name, promise));
    }
    groups
}

fn trial(name: String, store: fn() -> Arc<RedisStore>, promises: Vec<(&'static str, Promise)>) -> Trial {
    Trial::test(name, move || {
        let store: Arc<dyn Store> = store();
        let tasks =
            promises.into_iter().map(|(name, promise)| (name, RUNTIME.spawn(promise(Arc::clone(&store)))));
        let broken: Vec<String> = tasks
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|(name, task)| Some(format!("{name}: {}", RUNTIME.block_on(task).err()?)))
            .collect();
        if broken.is_empty() { Ok(()) } else { Err(broken.join("\n").into()) }
    })
}

fn stop<T>(place: &Place<T>) {
    let backend = place.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(Backend { servers, store }) = backend {
        RUNTIME.block_on(store.close());
        drop(servers);
    }
}

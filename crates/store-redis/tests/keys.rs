//! What the store leaves in Redis: nothing without a time to live, and nothing that the table in `src/keys.rs` leaves out.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, sync::Arc};

use ringback_store::{Store, conformance};
use ringback_store_redis::{RedisSettings, RedisStore};
use support::Server;

#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

#[tokio::test(flavor = "multi_thread")]
async fn every_key_has_a_time_to_live_and_a_place_in_the_table() {
    let server = Server::start();
    let store: Arc<dyn Store> =
        Arc::new(RedisStore::connect(RedisSettings::new(server.url())).await.unwrap());
    let promises =
        conformance::all().into_iter().map(|(_, promise)| tokio::spawn(promise(Arc::clone(&store))));
    for promise in promises.collect::<Vec<_>>() {
        promise.await.unwrap();
    }
    let keys = server.ask("KEYS *");
    let mut kinds = BTreeSet::new();
    for key in &keys {
        let ttl: i64 = server.ask_words(&["PTTL", key])[0].parse().unwrap();
        assert!(ttl != -1, "{key} lives for ever");
        let rest = key.strip_prefix("rb1:{p").and_then(|rest| rest.split_once("}:")).unwrap().1;
        kinds.insert(rest.split(':').next().unwrap().to_owned());
    }
    assert!(
        kinds.iter().eq([
            "c", "dead", "dl", "ended", "events", "got", "history", "lease", "log", "made", "missed",
            "nodes", "pair", "q", "rec", "s", "t", "told", "u"
        ]),
        "{kinds:?} of {} keys",
        keys.len()
    );
}

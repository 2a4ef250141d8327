//! What things cost, counted on real processes: nothing here is timed. The figures are printed, and stand in
//! `docs/benchmarks.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::large_futures, reason = "a few clients in one test")]

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use ringback_tests::client::Client;
use ringback_tests::codec::Codec;
use ringback_tests::flow::{candidate, hang_up, sdp, set_up, trickle};
use ringback_tests::patience::eventually;
use ringback_tests::receiver::{Receiver, SECRET};
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, World};
use serde_json::json;

async fn world(settings: &[(&str, &str)]) -> (Arc<World>, Stage) {
    let settings: Vec<(&str, String)> =
        settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let world = Arc::new(World::start(Backend::Standalone, &settings).await.expect("it starts"));
    let stage = Stage::new(Arc::clone(&world), Cast::ALL[0]);
    (world, stage)
}

/// Commands that Redis has processed so far.
async fn commands(world: &World) -> u64 {
    let info = world.ask_redis("INFO stats").await.expect("an answer");
    let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
    line.and_then(|count| count.trim().parse().ok()).expect("a count")
}

/// Commands in ten seconds in which no client does anything.
async fn commands_at_rest(world: &World) -> u64 {
    let before = commands(world).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    commands(world).await - before
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_costs_redis_nothing() {
    // With a heartbeat a second each connection gives ten signs of life while we count.
    let (world, stage) = world(&[("TIMEOUTS__HEARTBEAT_MS", "1000")]).await;
    let without = commands_at_rest(&world).await;
    let seats = (0..1_000).map(|n| {
        let name = format!("idle{n}");
        stage.join(stage.seat(&name, "phone", n % 2, Codec::Json))
    });
    let clients: Vec<Client> = join_all(seats).await;
    let with = commands_at_rest(&world).await;
    eprintln!("commands of Redis in 10 s: {without} with no connection, {with} with 1,000 idle ones");
    // The gateways' own probes come in rounds of about 900 commands, so that is how far two counts may differ; were a
    // sign of life worth one command, it would be 10,000.
    assert!(with < without + 1_000, "{without} and {with}");
    drop(clients);
    world.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_with_nothing_to_deliver_costs_redis_a_look_a_second() {
    let receiver = Receiver::start();
    let (plain, _) = world(&[]).await;
    let (hooked, stage) = world(&[("WEBHOOKS__URL", &receiver.url()), ("WEBHOOKS__SECRETS", SECRET)]).await;
    // An outbox that has been delivered is one with nothing to deliver.
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    hang_up(&alice, &bob, &call).await;
    receiver.hears(Duration::from_secs(10), &call, &["call.ended"]).await;
    drop((alice, bob));
    let (without, with) = futures::join!(commands_at_rest(&plain), commands_at_rest(&hooked));
    eprintln!("commands of Redis in 10 s: {without} with no webhook, {with} with one that has nothing to do");
    // A script and what it asks, for each partition; and rounds of probes, as above.
    assert!(with < without + 2 * 64 * 11 + 1_000, "{without} and {with}");
    plain.stop();
    hooked.stop();
}

/// Bytes that Redis keeps of a call: of its document and mailboxes (`c`), or of its timeline (`t`).
async fn bytes_of(world: &World, kind: &str, call: &str) -> u64 {
    let partition = call.split_once('-').expect("an id of ours").0;
    let answer = world.ask_redis(&format!("MEMORY USAGE rb1:{{{partition}}}:{kind}:{call} SAMPLES 0")).await;
    answer.expect("an answer").trim().trim_start_matches(':').parse().expect("a number")
}

/// A description as long as a browser's.
fn long_sdp(label: &str) -> String {
    format!("{}{}", sdp(label), "a=rtpmap:96 VP8/90000\r\n".repeat(128))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_is_not_kept() {
    let (world, stage) = world(&[("TIMEOUTS__TRIM_MS", "200")]).await;
    let (alice, bob) = stage.pair().await;
    let call = set_up(&alice, &bob).await;
    for round in 0..8 {
        trickle(&alice, &bob, &call, &[candidate("a", round)]).await;
        trickle(&bob, &alice, &call, &[candidate("b", round)]).await;
    }
    alice.ok("webrtc:offer", json!({"call": call, "sdp": long_sdp("offer")})).await;
    bob.expect("webrtc:offer", json!({"call": call})).await;
    bob.ok("webrtc:answer", json!({"call": call, "sdp": long_sdp("answer")})).await;
    alice.expect("webrtc:answer", json!({"call": call})).await;
    let before = bytes_of(&world, "c", &call).await;
    for client in [&alice, &bob] {
        client.post_map(&json!({"type": "seen", "calls": client.seen()})).await;
    }
    let mut after = before;
    let trimmed = async {
        while after > 2_048 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            after = bytes_of(&world, "c", &call).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(10), trimmed).await;
    eprintln!("a connected call in Redis: {before} bytes before what was seen is taken out, {after} after");
    assert!(before > 6_000 && after <= 2_048, "{before} and {after}");
    let timeline = bytes_of(&world, "t", &call).await;
    eprintln!("its timeline of some 30 steps: {timeline} bytes");
    assert!(timeline < 5_000, "{timeline}");
    hang_up(&alice, &bob, &call).await;
    world.stop();
}

/// A client's socket is a file of ours, and one of the gateway's, which has our limit.
fn check_that_files_suffice(sockets: usize) {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("the limits of this process");
    let line =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("that of open files");
    let soft = line.split_whitespace().next().expect("the soft limit");
    // The other tests of this file run beside this one.
    let needed = sockets + 2_000;
    assert!(
        soft.parse().is_ok_and(|files: usize| files >= needed),
        "{soft} files may be open, and this test needs {needed}: see `ulimit -n`"
    );
}

/// Routes that Redis has of users whose names begin like this.
async fn routes_of(world: &World, users: &str) -> u64 {
    let count = "local n = 0 for _, key in ipairs(redis.call('KEYS', ARGV[1])) do n = n + redis.call('HLEN', key) end return n";
    let answer = world.ask_redis(&format!("EVAL \"{count}\" 0 rb1:*:u:{users}*")).await;
    answer.expect("an answer").trim().trim_start_matches(':').parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_that_drop_together_hold_up_nobody() {
    const MANY: usize = 10_000;
    check_that_files_suffice(MANY);
    let (world, stage) = world(&[]).await;
    let mut crowd = Vec::with_capacity(MANY);
    for chunk in 0..MANY / 250 {
        let seats = (0..250).map(|n| {
            let name = format!("crowd{chunk}x{n}");
            stage.join(stage.seat(&name, "phone", 0, Codec::Json))
        });
        crowd.extend(join_all(seats).await);
    }
    assert_eq!(routes_of(&world, "crowd").await, MANY as u64);
    join_all(crowd.into_iter().map(Client::cut)).await;
    // At the same gateway, while it says goodbye to all of them.
    let alice = stage.join(stage.seat("alice", "desk", 0, Codec::Json)).await;
    let bob = stage.join(stage.seat("bob", "phone", 0, Codec::Json)).await;
    let call = set_up(&alice, &bob).await;
    let left = routes_of(&world, "crowd").await;
    eprintln!("when two newcomers had a call, {left} of {MANY} dropped connections were still in the books");
    assert!(left > 0, "the newcomers had to wait until all of them were gone");
    hang_up(&alice, &bob, &call).await;
    // And nothing of them is left.
    let gone =
        eventually(Duration::from_secs(60), async || (routes_of(&world, "crowd").await == 0).then_some(()));
    assert!(gone.await.is_some(), "{} routes are left of {MANY}", routes_of(&world, "crowd").await);
    world.stop();
}

//! What a commit costs, against the least that could carry the same bytes.
//!
//! On one real server that this starts: a commit (a document of 400 B, an entry of 150 B and one of 3 KB, published
//! to one live subscriber), the same messages by SPUBLISH and by PUBLISH alone, and SET of the same bytes with
//! PUBLISH. Criterion gives the time an operation takes, many at once; a table after it what Redis itself spends.
//! Client and server share the machine: compare within one run.
#![allow(missing_docs, reason = "made by a macro of criterion")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use criterion::Criterion;
use fred::{
    clients::Client,
    interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _},
    types::{ClusterHash, CustomCommand, Value, config::Config},
};
use futures::future::join_all;
use ringback_call::{CallId, NodeId, RequestId, SessionId, Side, UserId};
use ringback_store::{
    Bus as _, Calls as _, Claim, Commit, Committed, Entry, Log, Pair, Partitions, Subscription, Version,
};
use ringback_store_redis::{RedisSettings, RedisStore};
use support::Server;
use tokio::runtime::Runtime;

#[allow(dead_code, reason = "made for tests")]
#[path = "../tests/support/mod.rs"]
mod support;

/// Operations under way at once.
const AT_ONCE: u64 = 32;
/// Operations in a row of the table, each time.
const COUNTED: u64 = 2_000;
/// The rows are measured in turn, so that a busy moment does not hit only one.
const TURNS: usize = 3;

const DOCUMENT: usize = 400;
const ENTRIES: [usize; 2] = [150, 3_072];
/// Kind and length, as the store puts before a message.
const HEAD: usize = 5;

#[derive(Clone, Copy)]
enum Operation {
    Commit,
    Spublish,
    Publish,
    SetPublish,
}

impl Operation {
    const ALL: [(Self, &str); 4] = [
        (Self::Publish, "PUBLISH x2"),
        (Self::Spublish, "SPUBLISH x2"),
        (Self::SetPublish, "SET, PUBLISH x2"),
        (Self::Commit, "commit"),
    ];
}

/// The calls that are committed to, one for each operation under way.
struct Line {
    call: CallId,
    pair: Pair,
    version: AtomicU64,
}

struct Stage {
    store: RedisStore,
    client: Client,
    node: NodeId,
    lines: Vec<Line>,
    document: Bytes,
    bodies: Vec<Bytes>,
    messages: Vec<Bytes>,
    server: Server,
}

fn bytes(length: usize) -> Bytes {
    (0..length).map(|n| (n * 37 % 256) as u8).collect::<Vec<_>>().into()
}

impl Stage {
    async fn set() -> Arc<Self> {
        let server = Server::start();
        let store = RedisStore::connect(RedisSettings::new(server.url())).await.unwrap();
        let node = NodeId::new("bench").unwrap();
        drain(store.subscribe(&node).await.unwrap());
        let client = listener_and_client(&server.url()).await;
        let lines = (0..AT_ONCE).map(|n| {
            let pair =
                Pair::of(&UserId::new("callee").unwrap(), &UserId::new(format!("caller-{n}")).unwrap());
            let call = Partitions::DEFAULT.call_id(&pair, &SessionId::new("s").unwrap(), RequestId(1));
            Line { call, pair, version: AtomicU64::new(0) }
        });
        Arc::new(Self {
            store,
            client,
            node,
            lines: lines.collect(),
            document: bytes(DOCUMENT),
            bodies: ENTRIES.map(bytes).to_vec(),
            messages: ENTRIES.map(|entry| bytes(HEAD + entry + DOCUMENT)).to_vec(),
            server,
        })
    }

    async fn run(self: &Arc<Self>, operation: Operation, times: u64) -> Duration {
        let began = Instant::now();
        let share = |n: u64| times / AT_ONCE + u64::from(n < times % AT_ONCE);
        let workers = (0..AT_ONCE).map(|n| {
            let (stage, times) = (Arc::clone(self), share(n));
            tokio::spawn(async move {
                for _ in 0..times {
                    stage.once(operation, n).await;
                }
            })
        });
        join_all(workers).await.into_iter().for_each(Result::unwrap);
        began.elapsed()
    }

    async fn once(&self, operation: Operation, worker: u64) {
        match operation {
            Operation::Commit => self.commit(&self.lines[worker as usize]).await,
            Operation::Spublish => self.send_messages("SPUBLISH").await,
            Operation::Publish => self.send_messages("PUBLISH").await,
            Operation::SetPublish => {
                let all = bytes(DOCUMENT + ENTRIES.iter().sum::<usize>());
                let key = format!("bench:{worker}");
                self.send("SET", vec![key.into(), all.into(), "PX".into(), "60000".into()]).await;
                self.send_messages("PUBLISH").await;
            }
        }
    }

    async fn commit(&self, line: &Line) {
        let version = line.version.load(Ordering::Relaxed);
        let entries = self.bodies.iter().zip(Side::BOTH).map(|(body, side)| Entry {
            log: Log::Mailbox(side),
            // A call has some dozens of entries, not thousands.
            seq: version % 32,
            body: body.clone(),
            nodes: vec![self.node.clone()],
        });
        let commit = Commit {
            call: line.call.clone(),
            expected: Version(version),
            document: self.document.clone(),
            ttl_ms: 60_000,
            deadline: Some(ringback_call::Timestamp(9_000_000_000_000 + version)),
            pair: line.pair.clone(),
            claim: if version == 0 { Claim::Free } else { Claim::Held },
            entries: entries.collect(),
        };
        let committed = self.store.commit(commit).await.unwrap();
        assert_eq!(committed, Committed::Applied(Version(version + 1)));
        line.version.store(version + 1, Ordering::Relaxed);
    }

    async fn send_messages(&self, verb: &'static str) {
        for message in &self.messages {
            self.send(verb, vec!["bench".into(), message.clone().into()]).await;
        }
    }

    async fn send(&self, verb: &'static str, args: Vec<Value>) {
        let command = CustomCommand::new_static(verb, ClusterHash::FirstKey, false);
        black_box(self.client.custom::<Value, _>(command, args).await.unwrap());
    }

    /// Microseconds of CPU that Redis has used.
    fn cpu(&self) -> f64 {
        let seconds =
            |line: &String| line.split_once(':').and_then(|(_, value)| value.trim().parse::<f64>().ok());
        let info = self.server.ask("INFO cpu");
        let main = info
            .iter()
            .filter(|line| line.starts_with("used_cpu_user:") || line.starts_with("used_cpu_sys:"));
        main.filter_map(seconds).sum::<f64>() * 1e6
    }

    /// Microseconds that Redis has spent in commands, without reading and writing them.
    fn commands(&self) -> f64 {
        let info = self.server.ask("INFO commandstats");
        let verbs = ["cmdstat_evalsha:", "cmdstat_set:", "cmdstat_publish:", "cmdstat_spublish:"];
        let ours = info.iter().filter(|line| verbs.iter().any(|verb| line.starts_with(verb)));
        ours.filter_map(|line| line.split("usec=").nth(1)?.split(',').next()?.parse::<f64>().ok()).sum()
    }
}

fn drain(mut heard: Subscription) {
    tokio::spawn(async move { while heard.recv().await.is_some() {} });
}

/// A client, and another that listens to what it publishes.
async fn listener_and_client(url: &str) -> Client {
    let make = || Client::new(Config::from_url(url).unwrap(), None, None, None);
    let listener = make();
    listener.init().await.unwrap();
    let mut messages = listener.message_rx();
    listener.subscribe("bench").await.unwrap();
    let sharded = make();
    sharded.init().await.unwrap();
    let mut more = sharded.message_rx();
    sharded.ssubscribe("bench").await.unwrap();
    tokio::spawn(async move {
        // The clients live as long as somebody listens to them.
        let _clients = (listener, sharded);
        loop {
            tokio::select! {
                _ = messages.recv() => {}
                _ = more.recv() => {}
            }
        }
    });
    let client = make();
    client.init().await.unwrap();
    client
}

/// What Redis spends on each operation.
fn print_table(runtime: &Runtime, stage: &Arc<Stage>) {
    let mut rows = vec![(Vec::new(), Vec::new()); Operation::ALL.len()];
    for _ in 0..TURNS {
        for (row, (operation, _)) in rows.iter_mut().zip(Operation::ALL) {
            let (cpu, commands) = (stage.cpu(), stage.commands());
            runtime.block_on(stage.run(operation, COUNTED));
            row.0.push((stage.cpu() - cpu) / COUNTED as f64);
            row.1.push((stage.commands() - commands) / COUNTED as f64);
        }
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let rows: Vec<(f64, f64)> =
        rows.iter_mut().map(|(cpu, commands)| (median(cpu), median(commands))).collect();
    let base = rows[0];
    println!(
        "\n{:<18}{:>12}{:>10}{:>18}{:>10}",
        "Redis spends", "CPU us/op", "ratio", "in commands us/op", "ratio"
    );
    for ((_, name), (cpu, commands)) in Operation::ALL.iter().zip(&rows) {
        println!("{name:<18}{cpu:>12.1}{:>10.2}{commands:>18.1}{:>10.2}", cpu / base.0, commands / base.1);
    }
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::set());
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for (operation, name) in Operation::ALL {
        criterion.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter_custom(|times| {
                let stage = Arc::clone(&stage);
                async move { stage.run(operation, times).await }
            });
        });
    }
    if !std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        print_table(&runtime, &stage);
    }
    criterion.final_summary();
    runtime.block_on(stage.store.close());
}

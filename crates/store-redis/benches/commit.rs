//! What a commit costs, against the least that could carry the same bytes.
//!
//! On one real server that this starts: a commit (a document, and an entry that is published with it to one live
//! subscriber), the same message by PUBLISH and by SPUBLISH alone, and SET of the same bytes with PUBLISH. Criterion
//! gives the time an operation takes, many at once; the tables after it compare them, in turns, within this run.
//! Client and server share the machine: only the comparison says something.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::{
    hint::black_box,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use criterion::Criterion;
use fred::{
    clients::Client,
    interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _},
    types::{
        ClusterHash, CustomCommand, Value,
        config::{Config, ConnectionConfig, TcpConfig},
    },
};
use futures::future::join_all;
use ringback_call::{CallId, NodeId, RequestId, SessionId, Side, Timestamp, UserId};
use ringback_store::{
    Bus as _, Calls as _, Claim, Commit, Committed, Entry, Log, Outgoing, Pair, Partitions, Subscription,
    Version,
};
use ringback_store_redis::{RedisSettings, RedisStore};
use support::Server;
use tokio::runtime::Runtime;

#[allow(dead_code, reason = "made for tests")]
#[path = "../tests/support/mod.rs"]
mod support;

/// Operations under way at once.
const AT_ONCE: u64 = 32;
/// Operations of one turn that are done many at once, and one after the other.
const TIMES: u64 = 3_200;
const TIMES_IN_A_ROW: u64 = 800;
/// How often the operations are measured in turn.
const TURNS: usize = 15;

/// A document and entries as long as real ones: a call that is being negotiated, and the envelopes of `call:ringing`
/// and of an offer.
const DOCUMENT: usize = 750;
const SIZES: [(&str, usize); 2] = [("150 B", 150), ("3.2 KB", 3_200)];
/// Kind, number and length, as the store puts before a message.
const HEAD: usize = 9;

#[derive(Clone, Copy)]
enum Operation {
    Publish,
    Spublish,
    SetPublish,
    Commit,
}

impl Operation {
    /// What the others are compared with comes first.
    const ALL: [(Self, &str); 4] = [
        (Self::Publish, "PUBLISH"),
        (Self::Spublish, "SPUBLISH"),
        (Self::SetPublish, "SET, PUBLISH"),
        (Self::Commit, "commit"),
    ];
}

/// What carries one entry.
struct Load {
    entry: Bytes,
    /// The entry as it is published.
    message: Bytes,
    /// All that a commit stores.
    all: Bytes,
}

impl Load {
    fn of(entry: usize) -> Self {
        let (message, all) = (bytes(HEAD + entry + DOCUMENT), bytes(entry + DOCUMENT));
        Self { entry: bytes(entry), message, all }
    }
}

fn bytes(length: usize) -> Bytes {
    (0..length).map(|n| (n * 37 % 256) as u8).collect::<Vec<_>>().into()
}

/// The calls that are committed to, one for each operation under way.
struct Line {
    call: CallId,
    pair: Pair,
    version: Mutex<Version>,
}

struct Stage {
    store: RedisStore,
    /// As many as the store has.
    clients: Vec<Client>,
    node: NodeId,
    lines: Vec<Line>,
    document: Bytes,
    server: Server,
}

impl Stage {
    async fn set() -> Arc<Self> {
        let server = Server::start();
        let settings = RedisSettings::new(server.url());
        let url = server.url();
        let clients = join_all((0..settings.clients_per_primary).map(|_| client(&url))).await;
        let store = RedisStore::connect(settings).await.unwrap();
        let node = NodeId::new("bench").unwrap();
        drain(store.subscribe(&node).await.unwrap());
        listen(&url).await;
        let lines = (0..AT_ONCE).map(|n| {
            let pair =
                Pair::of(&UserId::new("callee").unwrap(), &UserId::new(format!("caller-{n}")).unwrap());
            let call = Partitions::DEFAULT.call_id(&pair, &SessionId::new("s").unwrap(), RequestId(1));
            Line { call, pair, version: Mutex::default() }
        });
        Arc::new(Self { store, clients, node, lines: lines.collect(), document: bytes(DOCUMENT), server })
    }

    /// Does it so often, so many of them at once.
    async fn run(
        self: &Arc<Self>,
        operation: Operation,
        load: &Arc<Load>,
        times: u64,
        at_once: u64,
    ) -> Duration {
        let began = Instant::now();
        let workers = (0..at_once).map(|worker| {
            let (stage, load) = (Arc::clone(self), Arc::clone(load));
            let times = times / at_once + u64::from(worker < times % at_once);
            tokio::spawn(async move {
                for _ in 0..times {
                    stage.once(operation, &load, worker as usize).await;
                }
            })
        });
        join_all(workers).await.into_iter().for_each(Result::unwrap);
        began.elapsed()
    }

    async fn once(&self, operation: Operation, load: &Load, worker: usize) {
        let message = || vec!["bench".into(), load.message.clone().into()];
        match operation {
            Operation::Commit => self.commit(load, &self.lines[worker]).await,
            Operation::Spublish => self.send("SPUBLISH", message(), worker).await,
            Operation::Publish => self.send("PUBLISH", message(), worker).await,
            Operation::SetPublish => {
                let key = format!("bench:{worker}");
                let set = vec![key.into(), load.all.clone().into(), "PX".into(), "60000".into()];
                self.send("SET", set, worker).await;
                self.send("PUBLISH", message(), worker).await;
            }
        }
    }

    async fn commit(&self, load: &Load, line: &Line) {
        let expected = *line.version.lock().unwrap();
        let version = expected.next(&self.document);
        let entry = Entry {
            log: Log::Mailbox(Side::Callee),
            // A call has some dozens of entries, not thousands.
            seq: version.count % 32,
            body: load.entry.clone(),
            nodes: vec![self.node.clone()],
        };
        let commit = Commit {
            call: line.call.clone(),
            expected,
            version,
            document: self.document.clone(),
            ttl_ms: 60_000,
            deadline: Some(Timestamp(9_000_000_000_000 + version.count)),
            renews: true,
            pair: line.pair.clone(),
            claim: if expected == Version::NONE { Claim::Free } else { Claim::Held },
            entries: vec![entry],
            trims: Vec::new(),
            outgoing: Outgoing::default(),
        };
        assert_eq!(self.store.commit(commit).await.unwrap(), Committed::Applied);
        *line.version.lock().unwrap() = version;
    }

    async fn send(&self, verb: &'static str, args: Vec<Value>, worker: usize) {
        let command = CustomCommand::new_static(verb, ClusterHash::FirstKey, false);
        let client = &self.clients[worker % self.clients.len()];
        black_box(client.custom::<Value, _>(command, args).await.unwrap());
    }

    /// Microseconds of CPU that Redis has used.
    fn cpu(&self) -> f64 {
        let info = self.server.ask("INFO cpu");
        let value = |name: &str| info.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let seconds = |name| value(name).unwrap().parse::<f64>().unwrap();
        (seconds("used_cpu_user") + seconds("used_cpu_sys")) * 1e6
    }
}

fn drain(mut heard: Subscription) {
    tokio::spawn(async move { while heard.recv().await.is_some() {} });
}

async fn client(url: &str) -> Client {
    let connection = ConnectionConfig {
        tcp: TcpConfig { nodelay: Some(true), ..Default::default() },
        ..Default::default()
    };
    let client = Client::new(Config::from_url(url).unwrap(), None, Some(connection), None);
    client.init().await.unwrap();
    client
}

/// Subscribes to what the plain commands publish: one listener each, as a commit has.
async fn listen(url: &str) {
    let (plain, sharded) = (client(url).await, client(url).await);
    let (mut messages, mut more) = (plain.message_rx(), sharded.message_rx());
    plain.subscribe("bench").await.unwrap();
    sharded.ssubscribe("bench").await.unwrap();
    tokio::spawn(async move {
        // The clients live as long as somebody listens to them.
        let _clients = (plain, sharded);
        loop {
            tokio::select! {
                _ = messages.recv() => {}
                _ = more.recv() => {}
            }
        }
    });
}

/// Microseconds for each of many operations.
#[derive(Clone, Copy)]
struct Cost {
    time: f64,
    cpu: f64,
}

impl Cost {
    fn of(
        runtime: &Runtime,
        stage: &Arc<Stage>,
        (operation, load): (Operation, &Arc<Load>),
        times: u64,
        at_once: u64,
    ) -> Self {
        let cpu = stage.cpu();
        let took = runtime.block_on(stage.run(operation, load, times, at_once));
        let each = |micros: f64| micros / times as f64;
        Self { time: each(took.as_secs_f64() * 1e6), cpu: each(stage.cpu() - cpu) }
    }
}

/// One turn of one operation.
#[derive(Clone, Copy)]
struct Turn {
    at_once: Cost,
    in_a_row: Cost,
}

type Column = (&'static str, fn(&Turn) -> f64);
const COLUMNS: [Column; 4] = [
    ("32 at once: time", |turn| turn.at_once.time),
    ("CPU of Redis", |turn| turn.at_once.cpu),
    ("one by one: time", |turn| turn.in_a_row.time),
    ("CPU of Redis", |turn| turn.in_a_row.cpu),
];

impl Turn {
    fn take(runtime: &Runtime, stage: &Arc<Stage>, what: (Operation, &Arc<Load>)) -> Self {
        Self {
            at_once: Cost::of(runtime, stage, what, TIMES, AT_ONCE),
            in_a_row: Cost::of(runtime, stage, what, TIMES_IN_A_ROW, 1),
        }
    }
}

/// Takes the operations in turn, so that a busy moment does not hit only one, and prints each as a multiple of the
/// PUBLISH of the same turn: median, least and greatest. The microseconds are medians too.
fn compare(runtime: &Runtime, stage: &Arc<Stage>, size: &str, load: &Arc<Load>) {
    let turns: Vec<[Turn; Operation::ALL.len()]> = (0..TURNS)
        .map(|_| Operation::ALL.map(|(operation, _)| Turn::take(runtime, stage, (operation, load))))
        .collect();
    let sorted = |of: &dyn Fn(&[Turn; Operation::ALL.len()]) -> f64| {
        let mut values: Vec<f64> = turns.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let line = |cells: [String; COLUMNS.len()]| cells.map(|cell| format!(" {cell:>22} |")).concat();
    println!("\n| {size:<12} |{}", line(COLUMNS.map(|(name, _)| name.to_owned())));
    println!("| {:-<12} |{}", "", line(COLUMNS.map(|_| "-".repeat(21) + ":")));
    for (row, (_, name)) in Operation::ALL.iter().enumerate() {
        let cells = COLUMNS.map(|(_, of)| {
            let ratios = sorted(&|turn| of(&turn[row]) / of(&turn[0]));
            let each = sorted(&|turn| of(&turn[row]));
            let (least, middle, greatest) = (ratios[0], ratios[TURNS / 2], ratios[TURNS - 1]);
            format!("{middle:.1} ({least:.1}-{greatest:.1}) {:.1} us", each[TURNS / 2])
        });
        println!("| {name:<12} |{}", line(cells));
    }
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let stage = runtime.block_on(Stage::set());
    let loads = SIZES.map(|(size, entry)| (size, Arc::new(Load::of(entry))));
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for (size, load) in &loads {
        let mut group = criterion.benchmark_group(*size);
        for (operation, name) in Operation::ALL {
            group.bench_function(name, |bencher| {
                bencher.to_async(&runtime).iter_custom(|times| {
                    let (stage, load) = (Arc::clone(&stage), Arc::clone(load));
                    async move { stage.run(operation, &load, times, AT_ONCE).await }
                });
            });
        }
        group.finish();
    }
    if !std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        println!("\nTimes PUBLISH: median (least-greatest) of {TURNS} turns, and microseconds for one");
        for (size, load) in &loads {
            compare(&runtime, &stage, size, load);
        }
    }
    criterion.final_summary();
    runtime.block_on(stage.store.close());
}

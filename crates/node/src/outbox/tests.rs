//! A node, the memory store, and a receiver that does as it is told.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use ringback_auth::Verifier;
use ringback_call::{NodeId, RequestId, SessionId, UserId};
use ringback_store::{
    Calls as _, Claim, Collected, Commit, Committed, Lease, Outbox as _, Outgoing, Pair, Partition,
    Partitions, Position, Retention, Version, memory::MemoryStore,
};
use ringback_telemetry::{Metrics, Telemetry, Undelivered};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::tests::config;

const TERMS: Terms = Terms {
    timeout: Duration::from_secs(5),
    concurrency: 4,
    attempts: 5,
    first_pause: Duration::from_secs(1),
    longest_pause: Duration::from_secs(4),
    dead: Retention { keep_ms: 3_600_000, most: 10_000 },
};

type Answers = Box<dyn Fn(usize) -> Option<Answer> + Send + Sync>;

/// Answers the nth request, or never; and remembers what it was asked, and when.
struct Script {
    answers: Answers,
    asked: Mutex<Vec<(Instant, String)>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Script {
    fn new(answers: impl Fn(usize) -> Option<Answer> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            answers: Box::new(answers),
            asked: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    fn asked(&self) -> Vec<(Instant, String)> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Receiver for Script {
    async fn deliver(&self, event: &Event) -> Answer {
        let nth = {
            let mut asked = self.asked.lock().unwrap();
            asked.push((Instant::now(), event.head.id.clone()));
            asked.len()
        };
        self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        struct Leaves<'a>(&'a AtomicUsize);
        impl Drop for Leaves<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let _leaves = Leaves(&self.now);
        match (self.answers)(nth) {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

fn again(after: Option<u64>) -> Option<Answer> {
    let after = after.map(Duration::from_secs);
    Some(Answer::Again { attempt: Attempt::Refused, why: "no".to_owned(), after })
}

fn node(store: &MemoryStore, receiver: &Arc<Script>) -> Arc<Node> {
    let node = node_without_receiver(store);
    let receiver: Arc<Script> = Arc::clone(receiver);
    node.deliver_events(receiver, TERMS);
    node
}

fn node_without_receiver(store: &MemoryStore) -> Arc<Node> {
    let telemetry = Telemetry { metrics: Arc::new(Metrics::new().unwrap()), tracer: None };
    let store = Arc::new(store.clone());
    let node = Node::new(config("gw-1"), store, Verifier::TakesAnyName, CancellationToken::new(), telemetry);
    node.start();
    node
}

fn store() -> MemoryStore {
    MemoryStore::new(Partitions::new(1).unwrap())
}

/// A call with these events.
async fn post(store: &MemoryStore, request: u64, events: &[&str]) {
    let user = |name: &str| UserId::new(format!("{name}{request}")).unwrap();
    let pair = Pair::of(&user("a"), &user("b"));
    let session = SessionId::new("s").unwrap();
    let call = Partitions::new(1).unwrap().call_id(&pair, &session, RequestId(request));
    let letter = |event: &&str| {
        let id = format!("{request}_{event}");
        format!(r#"{{"id":"{id}","type":"call.{event}","call":"{}"}}"#, call.as_str()).into()
    };
    let retention = Retention { keep_ms: 3_600_000, most: 10_000 };
    let commit = Commit {
        call: call.clone(),
        expected: Version::NONE,
        version: Version::NONE.next(b"x"),
        document: Bytes::from_static(b"x"),
        ttl_ms: 60_000,
        deadline: None,
        renews: true,
        pair,
        claim: Claim::Held,
        entries: Vec::new(),
        trims: Vec::new(),
        outgoing: Outgoing { letters: events.iter().map(letter).collect(), retention },
    };
    assert_eq!(store.commit(commit).await.unwrap(), Committed::Applied);
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_again_with_growing_pauses_and_then_given_up() {
    let (store, receiver) = (store(), Script::new(|_| again(None)));
    post(&store, 1, &["ended"]).await;
    let node = node(&store, &receiver);
    sleep(Duration::from_secs(60)).await;
    let asked = receiver.asked();
    let pauses: Vec<f32> = asked.windows(2).map(|two| (two[1].0 - two[0].0).as_secs_f32()).collect();
    assert_eq!(asked.len(), 5);
    for (pause, longest) in pauses.iter().zip([1.0, 2.0, 4.0, 4.0]) {
        assert!(*pause >= longest / 2.0 && *pause <= longest + 0.1, "{pauses:?}");
    }
    let dead = store.browse_dead(Partition(0), Position::START, 9).await.unwrap();
    assert_eq!((dead.len(), dead[0].why.as_str()), (1, "no"));
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_says_when_it_wants_to_be_asked_again() {
    let receiver = Script::new(|nth| if nth == 1 { again(Some(90)) } else { Some(Answer::Delivered) });
    let store = store();
    post(&store, 1, &["answered", "ended"]).await;
    let node = node(&store, &receiver);
    sleep(Duration::from_secs(120)).await;
    let asked = receiver.asked();
    let ids: Vec<&str> = asked.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids, ["1_answered", "1_answered", "1_ended"], "what follows waits with it");
    assert!(asked[1].0 - asked[0].0 >= Duration::from_secs(90));
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_does_not_answer_holds_up_only_so_much() {
    let (store, receiver) = (store(), Script::new(|_| None));
    for call in 0..500 {
        post(&store, call, &["ended"]).await;
    }
    let node = node(&store, &receiver);
    sleep(Duration::from_secs(60)).await;
    let ids: BTreeSet<String> = receiver.asked().into_iter().map(|(_, id)| id).collect();
    assert_eq!(receiver.most.load(Ordering::Relaxed), TERMS.concurrency);
    assert!(ids.len() > 40 && ids.len() <= lane::WINDOW, "{} events were taken up", ids.len());
    let metrics = String::from_utf8(node.scrape().await.unwrap()).unwrap();
    assert!(metrics.contains(&format!("\nringback_webhook_pending {}\n", lane::WINDOW)), "{metrics}");
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn once_another_node_has_the_lease_nothing_is_sent_any_more() {
    let (store, receiver) = (store(), Script::new(|_| again(None)));
    post(&store, 1, &["ended"]).await;
    let node = node(&store, &receiver);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(receiver.asked().len(), 1);
    store.release(Partition(0), node.cluster.node()).await.unwrap();
    let lease = Lease { holder: NodeId::new("gw-2").unwrap(), ttl_ms: 3_600_000 };
    let theirs = store.collect(Partition(0), &lease, None, 9).await.unwrap();
    assert!(matches!(theirs, Collected::Ours { anew: true, letters, .. } if letters.len() == 1));
    // It learns of that within a second.
    sleep(Duration::from_secs(2)).await;
    let asked = receiver.asked().len();
    sleep(Duration::from_secs(30)).await;
    assert_eq!(receiver.asked().len(), asked);
    // And goes on when the other has gone.
    store.release(Partition(0), &lease.holder).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert!(receiver.asked().len() > asked);
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_gateway_panics_over_is_a_dead_letter_and_the_rest_is_delivered() {
    let receiver = Script::new(|nth| if nth == 1 { panic!("over alice") } else { Some(Answer::Delivered) });
    let store = store();
    post(&store, 1, &["answered", "ended"]).await;
    post(&store, 2, &["ended"]).await;
    let node = node(&store, &receiver);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(receiver.asked().len(), 3);
    assert!(!node.failed.is_cancelled());
    let dead = store.browse_dead(Partition(0), Position::START, 9).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].why.contains("panicked") && !dead[0].why.contains("alice"), "{}", dead[0].why);
    assert_eq!(node.metrics.webhook_undelivered.get((Undelivered::Panicked,)), 1);
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_shown_whether_there_is_a_receiver_or_not() {
    let told = async |node: &Arc<Node>| {
        sleep(Duration::from_secs(30)).await;
        let metrics = String::from_utf8(node.scrape().await.unwrap()).unwrap();
        let of =
            |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned)).unwrap();
        (of("ringback_outbox_waiting "), of("ringback_webhook_receiver "))
    };
    let store = store();
    post(&store, 1, &["answered", "ended"]).await;
    let node = node_without_receiver(&store);
    assert_eq!(told(&node).await, ("2".to_owned(), "0".to_owned()));
    node.deliver_events(Script::new(|_| Some(Answer::Delivered)), TERMS);
    assert_eq!(told(&node).await, ("0".to_owned(), "1".to_owned()));
    node.end().await;
}

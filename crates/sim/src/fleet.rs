//! The nodes: real ones, on the simulated store and network.

use std::{
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use ringback_auth::Verifier;
use ringback_call::{NodeId, OutcomeEvent, Rules};
use ringback_node::{
    Config, Node,
    admission::Newcomer,
    config::{AddressLimits, Attempts, ConnectionTimes, Events, Keep, Limits},
    machine::Machine,
    serve,
};
use ringback_store::LogBounds;
use ringback_telemetry::{Metrics, Telemetry};
use ringback_wire::{Format, Limits as FrameLimits};
use tokio_util::sync::CancellationToken;

use crate::{
    clock,
    dice::Dice,
    net::{Link, ServerEnd},
    plan::Plan,
    policy::{self, Whim},
    store::{Depot, Line, NodeStore},
};

/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(8);

/// A node that runs.
struct Running {
    node: Arc<Node>,
    line: Arc<Line>,
    links: Vec<Weak<Link>>,
}

/// Places for nodes, some of them empty.
pub struct Fleet {
    depot: Arc<Depot>,
    places: Mutex<Vec<Option<Running>>>,
    dice: Mutex<Dice>,
    skew_ms: u64,
    waking_ms: u64,
    /// What the application says of calls, if it is asked.
    policy: Option<Arc<Whim>>,
}

impl Fleet {
    /// The empty places of a plan. The clocks of the machines are wrong by up to `skew_ms`.
    pub fn new(depot: &Arc<Depot>, plan: &Plan, skew_ms: u64, dice: &Dice) -> Arc<Self> {
        Arc::new(Self {
            depot: Arc::clone(depot),
            places: Mutex::new((0..plan.nodes).map(|_| None).collect()),
            dice: Mutex::new(dice.of("fleet")),
            skew_ms,
            waking_ms: plan.waking_ms,
            policy: plan.policy.then(|| Arc::new(Whim::new(dice.of("policy")))),
        })
    }

    fn places(&self) -> MutexGuard<'_, Vec<Option<Running>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throw<T>(&self, what: impl FnOnce(&mut Dice) -> T) -> T {
        what(&mut self.dice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.places().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The application agrees to all calls from now on.
    pub fn let_all_through(&self) {
        if let Some(policy) = &self.policy {
            policy.agree();
        }
    }

    /// Starts a node in an empty place.
    pub fn start(&self, place: usize) {
        if self.places()[place].is_some() {
            return;
        }
        let name = name(place);
        self.depot.trace.note(&name, "starts");
        let wrong = self.throw(|dice| dice.between(0, 2 * self.skew_ms));
        clock::set_machine((self.depot.clock.now().0 + wrong).saturating_sub(self.skew_ms));
        let line = Line::new(&self.depot, &name);
        let store = Arc::new(NodeStore::new(Arc::clone(&line)));
        let telemetry = Telemetry { metrics: Arc::clone(&METRICS), tracer: None };
        let mut config = config(&name);
        config.rules.timeouts.waking_ms = self.waking_ms;
        let node = Node::new(config, store, Verifier::TakesAnyName, CancellationToken::new(), telemetry);
        if let Some(policy) = &self.policy {
            node.ask_policy(Arc::<Whim>::clone(policy), policy::SETTINGS);
        }
        node.start();
        self.places()[place] = Some(Running { node, line, links: Vec::new() });
    }

    /// Kills the node in a place: nothing it has not sent yet leaves it, and its connections are reset.
    pub fn kill(&self, place: usize) {
        let Some(Running { node, line, links }) = self.places()[place].take() else { return };
        self.depot.trace.note(&name(place), "is killed");
        line.kill();
        for link in links.iter().filter_map(Weak::upgrade) {
            link.silence();
        }
        // What is left of its tasks ends; the store and the clients hear nothing of it.
        node.stop.cancel();
    }

    /// Lets the node in a place go as a deploy does, and returns once it has gone.
    pub async fn drain(&self, place: usize) {
        let Some(node) = self.node(place) else { return };
        self.depot.trace.note(&name(place), "is drained");
        node.draining.cancel();
        node.finish().await;
        let mut places = self.places();
        if places[place].as_ref().is_some_and(|running| Arc::ptr_eq(&running.node, &node))
            && let Some(running) = places[place].take()
        {
            drop(places);
            self.depot.trace.note(&name(place), "has gone");
            running.line.kill();
        }
    }

    /// The line of the node in a place.
    pub fn line(&self, place: usize) -> Option<Arc<Line>> {
        self.places()[place].as_ref().map(|running| Arc::clone(&running.line))
    }

    /// The node in a place.
    pub fn node(&self, place: usize) -> Option<Arc<Node>> {
        self.places()[place].as_ref().map(|running| Arc::clone(&running.node))
    }

    /// The nodes that run.
    pub fn nodes(&self) -> Vec<Arc<Node>> {
        self.places().iter().flatten().map(|running| Arc::clone(&running.node)).collect()
    }

    /// Places whose node a load balancer would choose; all where there is none.
    pub fn ready(&self) -> Vec<usize> {
        let places = self.places();
        let is_ready =
            |&place: &usize| places[place].as_ref().is_some_and(|running| running.node.not_ready().is_none());
        let ready: Vec<usize> = (0..places.len()).filter(is_ready).collect();
        if ready.is_empty() { (0..places.len()).collect() } else { ready }
    }

    /// Takes a client's connection to a place; `false` if nobody listens there.
    pub fn connect(&self, place: usize, link: &Arc<Link>, format: Format) -> bool {
        let mut places = self.places();
        let Some(running) = &mut places[place] else { return false };
        let node = &running.node;
        if node.stop.is_cancelled() {
            return false;
        }
        let Ok(admitted) = node.admission.enter(Newcomer::default()) else { return false };
        running.links.retain(|link| link.strong_count() > 0);
        running.links.push(Arc::downgrade(link));
        let served = serve(Arc::clone(node), ServerEnd::new(Arc::clone(link)), format, admitted);
        node.tasks.spawn(served);
        true
    }
}

/// Nobody looks at them: all nodes of all runs share them.
static METRICS: LazyLock<Arc<Metrics>> =
    LazyLock::new(|| Arc::new(Metrics::new().unwrap_or_else(|error| unreachable!("{error}"))));

fn name(place: usize) -> String {
    format!("gw-{}", place + 1)
}

/// The defaults of a gateway.
fn config(name: &str) -> Config {
    let seconds = Duration::from_secs;
    Config {
        name: NodeId::new(name).unwrap_or_else(|_| unreachable!("the names of places are valid")),
        heartbeat: seconds(1),
        ttl_ms: 5_000,
        connection: ConnectionTimes {
            hello: seconds(5),
            heartbeat: seconds(20),
            write: seconds(10),
            resume_ms: 600_000,
            trim: seconds(5),
        },
        rules: Rules::default(),
        frames: FrameLimits::default(),
        limits: Limits {
            connections: 100_000,
            greetings: 512,
            requests_per_second: 50,
            request_burst: 200,
            devices_per_user: 16,
            outbox_frames: 256,
            lag: Duration::ZERO,
            user_requests_per_second: 0,
            per_address: AddressLimits::default(),
            attempts: Attempts::default(),
        },
        keep: Keep {
            live_ms: 3_600_000,
            ended_ms: 120_000,
            log: LogBounds { entries: 10_000, age_ms: 86_400_000 },
        },
        events: Events { types: OutcomeEvent::ALL.to_vec(), ..Events::default() },
        sweep: Duration::from_millis(500),
        ice: ringback_node::ice::IceServers::default(),
        drain: DRAIN,
        machine: Machine { unguessable: || format!("{:032x}", fastrand::u128(..)), now: clock::machine },
    }
}

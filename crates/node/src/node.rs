//! All parts of a node, put together.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ringback_auth::Verifier;
use ringback_store::Store;
use ringback_telemetry::{Metrics, Telemetry};
use tokio::{runtime::Handle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admission::Admission,
    background::Background,
    calls::{self, Calls},
    clock::Clock,
    cluster::{self, Cluster},
    config::Config,
    delivery,
    measured::Measured,
    outbox::backlog,
    rate::{PerUser, UserRates},
    recovery,
    registry::Registry,
    sweeper::Sweeper,
    tokens::KeySource,
};

/// How long the background work may take to end once the connections are gone.
const LAST_WORK: Duration = Duration::from_secs(5);
/// Before a failed subscription is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How often a draining node looks whether its clients have gone.
const GLANCE: Duration = Duration::from_millis(20);

/// What every part of a node shares.
pub struct Node {
    /// What the operator chose.
    pub config: Arc<Config>,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What calls do.
    pub calls: Arc<Calls>,
    /// Who is connected here.
    pub registry: Arc<Registry>,
    /// What time it is.
    pub clock: Arc<Clock>,
    /// Who else is there.
    pub cluster: Arc<Cluster>,
    /// Who a token names.
    pub verifier: Arc<Verifier>,
    /// Where keys are fetched that tokens may be signed with, if anywhere.
    pub(crate) key_source: OnceLock<Arc<dyn KeySource>>,
    /// Who may come in.
    pub admission: Admission,
    /// What users may ask beside their connections.
    pub asked_by: PerUser,
    /// What they may ask by them.
    pub(crate) user_rates: Arc<UserRates>,
    /// What operators are told.
    pub metrics: Arc<Metrics>,
    /// Cancelled when clients are to be asked to leave.
    pub draining: CancellationToken,
    /// Cancelled when everything ends.
    pub stop: CancellationToken,
    /// Everything that runs.
    pub tasks: TaskTracker,
    /// Set once this node hears its own channels.
    pub subscribed: CancellationToken,
    /// Set when a part without which the node is of no use has failed.
    pub failed: CancellationToken,
    /// Work that nobody waits for.
    pub(crate) background: Arc<Background>,
}

impl Node {
    /// A node that does nothing yet.
    pub fn new(
        config: Config,
        store: Arc<dyn Store>,
        verifier: impl Into<Arc<Verifier>>,
        draining: CancellationToken,
        telemetry: Telemetry,
    ) -> Arc<Self> {
        let metrics = Arc::clone(&telemetry.metrics);
        let config = Arc::new(config);
        let store: Arc<dyn Store> = Arc::new(Measured::new(store, Arc::clone(&metrics)));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let connections = config.limits.connections;
        let background =
            Arc::new(Background::new(tasks.clone(), stop.clone(), connections, Arc::clone(&metrics)));
        let clock = Arc::new(Clock::new((config.machine.now)()));
        let cluster = Arc::new(Cluster::new(&config));
        let registry = Arc::new(Registry::default());
        let calls = Calls::new(
            Arc::clone(&store),
            &config,
            Arc::clone(&clock),
            Arc::clone(&cluster),
            Arc::clone(&registry),
            Arc::clone(&background),
            telemetry,
        );
        Arc::new(Self {
            admission: Admission::new(&config.limits),
            asked_by: PerUser::new(&config.limits),
            user_rates: Arc::new(UserRates::new(&config.limits)),
            config,
            store,
            calls,
            registry,
            clock,
            cluster,
            verifier: verifier.into(),
            key_source: OnceLock::new(),
            metrics,
            draining,
            stop,
            tasks,
            subscribed: CancellationToken::new(),
            failed: CancellationToken::new(),
            background,
        })
    }

    /// Starts everything but what carries frames.
    pub fn start(self: &Arc<Self>) {
        let strain = Arc::clone(&self.admission.strain);
        self.essential("strain", async move { strain.watch().await });
        self.essential("heartbeat", cluster::run(Arc::clone(self)));
        self.essential("delivery", Arc::clone(self).subscribe_and_deliver());
        self.essential("sweeper", Sweeper::new(self).run());
        self.essential("backlog", backlog::run(Arc::clone(self)));
        self.essential("cache", calls::let_go(Arc::clone(self)));
    }

    /// Runs a part that has to run as long as the node does. Should it end sooner, the node is better ended too:
    /// started anew it serves, and without its part it only seems to.
    pub fn essential(self: &Arc<Self>, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let node = Arc::clone(self);
        let running = self.tasks.spawn(part);
        self.tasks.spawn(async move {
            let ended = running.await;
            if !node.stop.is_cancelled() {
                tracing::error!(part = name, error = ?ended.err(), "an essential part has ended");
                node.failed.cancel();
            }
        });
    }

    /// Subscribes, however long the store takes to be there, and passes on what comes.
    async fn subscribe_and_deliver(self: Arc<Self>) {
        let subscribing = async {
            loop {
                match self.store.subscribe(self.cluster.node()).await {
                    Ok(subscription) => return subscription,
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "can't subscribe yet");
                        tokio::time::sleep(AGAIN).await;
                    }
                }
            }
        };
        let Some(subscription) = self.stop.run_until_cancelled(subscribing).await else { return };
        self.subscribed.cancel();
        if !self.registry.is_empty() {
            // Whoever came before may have missed something.
            recovery::interrupted(&self, self.store.partitions().all().collect()).await;
        }
        delivery::run(self, subscription).await;
    }

    /// Lets the clients go, then everything else.
    pub async fn finish(&self) {
        tracing::info!(connections = self.registry.len(), window = ?self.config.drain, "draining");
        let emptied = async {
            while !self.registry.is_empty() {
                tokio::time::sleep(GLANCE).await;
            }
        };
        if !self.failed.is_cancelled() {
            let _ = timeout(self.config.drain, emptied).await;
        }
        self.end().await;
    }

    /// Ends everything now: clients are closed with 4000.
    pub async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(LAST_WORK, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some work did not end in time");
        }
        tracing::info!("gateway stopped");
    }

    /// Everything the node counts and measures, in Prometheus' text format.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn scrape(&self) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let metrics = &self.metrics;
        let is = |whether: bool| f64::from(u8::from(whether));
        metrics.draining.set((), is(self.draining.is_cancelled()));
        metrics.ready.set((), is(self.not_ready().is_none()));
        metrics.store_heard.set((), self.cluster.last_heard().map_or(-1.0, |ago| ago.as_secs_f64()));
        metrics.connections.set_count((), self.registry.len());
        metrics.lag.set((), self.admission.strain.lag().as_secs_f64());
        metrics.overloaded.set((), is(self.admission.strain.is_too_much()));
        metrics.background.set_count((), self.background.len());
        metrics.tasks.set_count((), Handle::current().metrics().num_alive_tasks());
        metrics.nodes.set_count((), self.cluster.live().len());
        for (state, calls) in self.calls.live_by_state().await {
            metrics.calls.set_count((state,), calls);
        }
        Ok(metrics.encode()?)
    }

    /// What keeps this node from taking clients, if anything does.
    pub fn not_ready(&self) -> Option<&'static str> {
        if self.draining.is_cancelled() {
            Some("draining")
        } else if self.failed.is_cancelled() {
            Some("a part has failed")
        } else if !self.subscribed.is_cancelled() {
            Some("not subscribed to the store yet")
        } else {
            match self.cluster.last_heard() {
                None => Some("the store has not answered yet"),
                Some(ago) if ago > Duration::from_millis(self.config.ttl_ms) => {
                    Some("the store does not answer")
                }
                Some(_) => None,
            }
        }
    }
}

//! All parts of a gateway, put together.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use ringback_auth::Verifier;
use ringback_store::{Store, memory::MemoryStore};
use ringback_store_redis::{RedisSettings, RedisStore};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    calls::Calls,
    clock::Clock,
    cluster::{self, Cluster},
    delivery, http,
    registry::Registry,
    settings::{Auth, Settings},
    sweeper::Sweeper,
};

/// How long the background work may take to end once the connections are gone.
const LAST_WORK: Duration = Duration::from_secs(5);

/// What every part of a gateway shares.
pub struct App {
    /// What the operator chose.
    pub settings: Arc<Settings>,
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
    pub verifier: Verifier,
    /// Cancelled when clients are to be asked to leave.
    pub draining: CancellationToken,
    /// Cancelled when everything ends.
    pub stop: CancellationToken,
    /// Everything that runs.
    pub tasks: TaskTracker,
    /// Set once this node hears its own channels.
    pub subscribed: CancellationToken,
}

/// Runs a gateway until it is told to stop: `draining` begins the end, and the clients have the drain window to go.
///
/// # Errors
/// When an address can't be listened on or the store's address makes no sense. A store that is away is waited for.
pub async fn run(settings: Settings, draining: CancellationToken) -> anyhow::Result<()> {
    let settings = Arc::new(settings);
    let client_port = listen("server.listen", settings.listen).await?;
    let admin_port = listen("admin.listen", settings.admin_listen).await?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (store, redis) = open_store(&settings).await?;
    let clock = Arc::new(Clock::default());
    let cluster = Arc::new(Cluster::new(settings.node.clone()));
    let calls = Calls::new(
        Arc::clone(&store),
        &settings,
        Arc::clone(&clock),
        Arc::clone(&cluster),
        tasks.clone(),
        stop.clone(),
    );
    let verifier = match &settings.auth {
        Auth::Dev => Verifier::TakesAnyName,
        Auth::Hs256(secret) => Verifier::hs256(secret.as_bytes()),
    };
    let app = Arc::new(App {
        settings,
        store,
        calls,
        registry: Arc::default(),
        clock,
        cluster,
        verifier,
        draining,
        stop,
        tasks,
        subscribed: CancellationToken::new(),
    });
    app.start(client_port, admin_port);
    app.announce();
    app.draining.cancelled().await;
    app.finish().await;
    if let Some(redis) = redis {
        let _ = timeout(LAST_WORK, redis.close()).await;
    }
    Ok(())
}

async fn listen(key: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{key}: can't listen on {address}"))
}

async fn open_store(settings: &Settings) -> anyhow::Result<(Arc<dyn Store>, Option<RedisStore>)> {
    if settings.store_url.starts_with("memory:") {
        return Ok((Arc::new(MemoryStore::new(settings.partitions)), None));
    }
    let redis = RedisStore::connect(RedisSettings {
        partitions: settings.partitions,
        ..RedisSettings::new(settings.store_url.as_str())
    })
    .await
    .context("store.url")?;
    Ok((Arc::new(redis.clone()), Some(redis)))
}

impl App {
    fn start(self: &Arc<Self>, client_port: TcpListener, admin_port: TcpListener) {
        let Self { store, calls, clock, cluster, settings, stop, tasks, .. } = &**self;
        tasks.spawn(cluster::run(
            Arc::clone(cluster),
            Arc::clone(store),
            Arc::clone(calls),
            Arc::clone(clock),
            Arc::clone(settings),
            stop.clone(),
        ));
        tasks.spawn(Arc::clone(self).deliver());
        let sweeper = Sweeper {
            store: Arc::clone(store),
            calls: Arc::clone(calls),
            clock: Arc::clone(clock),
            cluster: Arc::clone(cluster),
        };
        tasks.spawn(sweeper.run(settings.sweep, stop.clone()));
        tasks.spawn(http::serve(client_port, http::client_port(Arc::clone(self)), stop.clone()));
        tasks.spawn(http::serve(admin_port, http::admin_port(Arc::clone(self)), stop.clone()));
    }

    /// Subscribes, however long the store takes to be there, and passes on what comes.
    async fn deliver(self: Arc<Self>) {
        let subscribing = async {
            loop {
                match self.store.subscribe(self.cluster.node()).await {
                    Ok(subscription) => return subscription,
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "can't subscribe yet");
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                }
            }
        };
        let Some(subscription) = self.stop.run_until_cancelled(subscribing).await else { return };
        self.subscribed.cancel();
        delivery::run(subscription, Arc::clone(&self.registry), Arc::clone(&self.calls), self.stop.clone())
            .await;
    }

    fn announce(&self) {
        let Settings { listen, admin_listen, node, auth, .. } = &*self.settings;
        tracing::info!(%node, version = env!("CARGO_PKG_VERSION"), %listen, admin = %admin_listen, "gateway started");
        if matches!(auth, Auth::Dev) {
            tracing::warn!("DEVELOPMENT MODE: a token is just a user's name, so anybody can be anybody");
            tracing::info!("open http://{listen}/ in two tabs to call from one to the other");
        }
    }

    /// Lets the clients go, then everything else.
    async fn finish(&self) {
        tracing::info!(connections = self.registry.len(), window = ?self.settings.drain, "draining");
        let emptied = async {
            while !self.registry.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = timeout(self.settings.drain, emptied).await;
        self.stop.cancel();
        self.tasks.close();
        if timeout(LAST_WORK, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some work did not end in time");
        }
        tracing::info!("gateway stopped");
    }

    /// What keeps this gateway from taking clients, if anything does.
    pub fn not_ready(&self) -> Option<&'static str> {
        if self.draining.is_cancelled() {
            Some("draining")
        } else if !self.subscribed.is_cancelled() {
            Some("not subscribed to the store yet")
        } else {
            match self.cluster.last_heard() {
                None => Some("the store has not answered yet"),
                Some(ago) if ago > Duration::from_millis(self.settings.node_ttl_ms) => {
                    Some("the store does not answer")
                }
                Some(_) => None,
            }
        }
    }
}

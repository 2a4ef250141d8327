//! The program's parts, put together: a store, a node on it, and two ports.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use ringback_auth::Verifier;
use ringback_node::Node;
use ringback_store::{Store, memory::MemoryStore};
use ringback_store_redis::{RedisSettings, RedisStore};
use ringback_telemetry::{Metrics, Telemetry, TlsPort, Tracer};
use tokio::{net::TcpListener, task::spawn_blocking, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    hooks::{client::HookClient, jwks::Fetcher, policy::PolicyHook, webhook::Webhook},
    http,
    logging::LogFilter,
    settings::{self, Auth, Policy, Settings, Webhooks},
    tls::{self, Live, Tls},
    version::{COMMIT, VERSION},
    visitors::{self, Knock, Visitors},
};

/// How long the connections to the store may take to end, and what is left of traces to be sent.
const GOODBYE: Duration = Duration::from_secs(5);

/// Runs a gateway until it is told to stop: `draining` begins the end, and the clients have the drain window to go.
///
/// # Errors
/// When an address can't be listened on, when the store's address makes no sense, or when a part fails without which
/// the gateway is of no use. A store that is away is waited for.
pub async fn run(settings: Settings, log: LogFilter, draining: CancellationToken) -> anyhow::Result<()> {
    let client_port = listen("server.listen", settings.listen).await?;
    let admin_port = listen("admin.listen", settings.admin_listen).await?;
    let (store, redis) = open_store(&settings).await?;
    let verifier = Arc::new(verifier(&settings.auth));
    announce(&settings);
    let metrics = if settings.metrics { Metrics::new() } else { Metrics::gauges() };
    let metrics = Arc::new(metrics.context("metrics")?);
    let traces = settings.traces.as_ref().map(|traces| Tracer::new(traces, settings.node.name.as_str()));
    let tracer = traces.transpose().context("telemetry.otlp_endpoint")?.map(Arc::new);
    let telemetry = Telemetry { metrics, tracer: tracer.clone() };
    let webhook = settings.webhooks.map(|Webhooks { url, secrets, terms }| {
        let client = HookClient::new(url, secrets).context("webhooks.url: certificates")?;
        anyhow::Ok((Arc::new(Webhook::new(client)), terms))
    });
    let webhook = webhook.transpose()?;
    let policy = settings.policy.map(|Policy { url, secrets, asking }| {
        let client = HookClient::new(url, secrets).context("policy.url: certificates")?;
        anyhow::Ok((Arc::new(PolicyHook::new(client)), asking))
    });
    let policy = policy.transpose()?;
    let keys = match &settings.auth {
        Auth::Signed(keys) if !keys.jwks.is_empty() => {
            let fetcher = Fetcher::new(keys, Arc::clone(&verifier), Arc::clone(&telemetry.metrics));
            Some(fetcher.context("auth.jwks_urls: certificates")?)
        }
        Auth::Signed(_) | Auth::Dev => None,
    };
    let (tls, certificate) = secure("server", TlsPort::Clients, settings.tls, &telemetry.metrics)?;
    let (admin_tls, admin_certificate) =
        secure("admin", TlsPort::Admin, settings.admin_tls, &telemetry.metrics)?;
    let node = Node::new(settings.node, store, verifier, draining, telemetry);
    if let Some(fetcher) = keys {
        node.fetch_keys(Arc::<Fetcher>::clone(&fetcher));
        node.essential("keys", fetcher.run(node.stop.clone()));
    }
    if let Some((policy, asking)) = policy {
        node.ask_policy(policy, asking);
    }
    for certificate in [certificate, admin_certificate].into_iter().flatten() {
        node.essential("certificate", certificate.watch(node.stop.clone()));
    }
    node.start();
    if let Some((receiver, terms)) = webhook {
        node.deliver_events(receiver, terms);
    }
    let stop = || node.stop.clone();
    let visitors = Arc::new(Visitors::new(settings.manners));
    let knock = visitors::at_the_door(Arc::clone(&visitors), Arc::clone(&node));
    let client_routes = http::client_port(Arc::clone(&node), visitors);
    node.essential("client port", http::serve(client_port, tls, client_routes, knock, stop()));
    let admin_routes = http::admin_port(Arc::clone(&node), log);
    let anybody = |_| Some(Knock::default());
    node.essential("admin port", http::serve(admin_port, admin_tls, admin_routes, anybody, stop()));
    tokio::select! {
        () = node.draining.cancelled() => {}
        () = node.failed.cancelled() => node.draining.cancel(),
    }
    node.finish().await;
    if let Some(tracer) = tracer {
        // It blocks, and has a limit of its own.
        let _ = spawn_blocking(move || tracer.shutdown(GOODBYE)).await;
    }
    if let Some(redis) = redis {
        let _ = timeout(GOODBYE, redis.close()).await;
    }
    if node.failed.is_cancelled() {
        bail!("an essential part has failed");
    }
    Ok(())
}

async fn listen(key: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{key}: can't listen on {address}"))
}

/// What a port speaks TLS by, if it does, and its certificate, to be looked after.
fn secure(
    section: &str,
    port: TlsPort,
    files: Option<tls::Files>,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<(Option<Tls>, Option<Arc<Live>>)> {
    let Some(files) = files else { return Ok((None, None)) };
    let live = Live::load(port, files, Arc::clone(metrics)).with_context(|| format!("{section}.tls_cert"))?;
    let tls = Tls::new(Arc::clone(&live), port, Arc::clone(metrics)).context("TLS")?;
    Ok((Some(tls), Some(live)))
}

async fn open_store(settings: &Settings) -> anyhow::Result<(Arc<dyn Store>, Option<RedisStore>)> {
    if settings.store.is_in_memory() {
        return Ok((Arc::new(MemoryStore::new(settings.store.partitions)), None));
    }
    let redis = RedisStore::connect(redis_settings(&settings.store)).await.context("store.url")?;
    Ok((Arc::new(redis.clone()), Some(redis)))
}

/// What the store in Redis is made of.
pub(crate) fn redis_settings(store: &settings::Store) -> RedisSettings {
    RedisSettings {
        partitions: store.partitions,
        durability: store.durability,
        clients_per_primary: store.connections,
        credentials: store.credentials.clone(),
        sentinel_credentials: store.sentinel_credentials.clone(),
        ..RedisSettings::new(store.url.as_str())
    }
}

/// What tokens are checked by.
pub(crate) fn verifier(auth: &Auth) -> Verifier {
    match auth {
        Auth::Dev => Verifier::TakesAnyName,
        Auth::Signed(keys) => Verifier::signed(keys.fixed.clone(), keys.accepts.clone()),
    }
}

fn announce(settings: &Settings) {
    let Settings { listen, admin_listen, node, auth, .. } = settings;
    let node = &node.name;
    tracing::info!(%node, version = VERSION, commit = COMMIT, %listen, admin = %admin_listen, "gateway started");
    if matches!(auth, Auth::Dev) {
        tracing::warn!("DEVELOPMENT MODE: a token is just a user's name, so anybody can be anybody");
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        tracing::info!("open {scheme}://{listen}/ in two tabs to call from one to the other");
    }
}

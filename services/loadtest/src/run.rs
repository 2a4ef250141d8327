//! A run: connects everybody, goes through the phases, waits for the last call, and gives the figures.

pub(crate) mod caller;
pub(crate) mod phases;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{
    crowd::{Crowd, Plan},
    fleet::{Fleet, Place},
    measure::{Measures, summary::Summary},
    metrics,
    progress::Progress,
    protocol::token::Tokens,
    report::Report,
    run::phases::Runner,
    scenario::Scenario,
    servers::{Server, Spent},
    watch::{Address, Watch, Watched, track::Seen},
};

/// How the memory of servers comes to rest before it is read.
const REST: Duration = Duration::from_secs(2);

/// What is to be run, and how.
#[derive(Debug)]
pub(crate) struct Task {
    /// What happens.
    pub(crate) scenario: Scenario,
    /// Where.
    pub(crate) targets: Vec<String>,
    /// As whom.
    pub(crate) tokens: Tokens,
    /// With whom.
    pub(crate) fleet: Option<Fleet>,
    /// Servers on this machine whose CPU and memory are watched.
    pub(crate) servers: Vec<Server>,
    /// What else is watched.
    pub(crate) redis: Vec<Address>,
    /// The same.
    pub(crate) metrics: Vec<Address>,
    /// Where `/metrics` is served.
    pub(crate) metrics_listen: Option<String>,
}

/// Where reports are written.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// For programs.
    pub(crate) json: Option<PathBuf>,
    /// For people.
    pub(crate) html: Option<PathBuf>,
}

/// Runs it. `None`: another worker has the report.
pub(crate) async fn run(task: Task, stop: CancellationToken) -> anyhow::Result<Option<Report>> {
    let Task { scenario, targets, tokens, fleet, servers, redis, metrics, metrics_listen } = task;
    let targets = if targets.is_empty() { scenario.targets.clone() } else { targets };
    let watch = Watch::prepare(Watched { servers: servers.clone(), redis, metrics }).await?;
    let place = match fleet {
        Some(fleet) => Some(fleet.join(&stop).await?),
        None => None,
    };
    let whole = scenario.clone();
    let scenario = scenario.share(place.as_ref().map_or(1, Place::workers));
    let measures = Arc::new(Measures::new());
    if let Some(listen) = metrics_listen {
        metrics::serve(&listen, Arc::clone(&measures), stop.clone()).await?;
    }
    let progress = Progress::start(Arc::clone(&measures));
    let before = Spent::of_all(&servers);
    progress.say(&format!("{} users connect", scenario.users.all()));
    let plan = Plan {
        users: &scenario.users,
        protocol: scenario.protocol,
        targets,
        tokens,
        measures: Arc::clone(&measures),
    };
    let crowd = Arc::new(Crowd::gather(plan, &stop).await?);
    if !servers.is_empty() {
        tokio::time::sleep(REST).await;
    }
    let connected = Spent::of_all(&servers);
    let connections = crowd.size();
    if let Some(place) = &place {
        progress.say("waiting for the other workers");
        place.start_together(&stop).await?;
    }
    let began = Instant::now();
    measures.begin();
    let watching = watch.start();
    let measured = Runner::new(&scenario, &crowd, &measures, &progress, &stop).run().await;
    let took = began.elapsed();
    let second = |at: Instant| at.saturating_duration_since(began).as_secs_f64();
    let measured = measured.map(|measured| second(measured.start)..second(measured.end));
    let seen = Seen { tracks: watching.end().await, measured: measured.unwrap_or_default() };
    if !servers.is_empty() {
        tokio::time::sleep(REST).await;
    }
    let after = Spent::of_all(&servers);
    if let Ok(crowd) = Arc::try_unwrap(crowd) {
        crowd.leave().await;
    }
    progress.end();
    let mut summary: Summary = measures.summary();
    let mut missing = Vec::new();
    if let Some(place) = place {
        match place.merge(summary).await? {
            Some((merged, absent)) => (summary, missing) = (merged, absent),
            None => return Ok(None),
        }
    }
    let usage = crate::servers::usage(&servers, &before, &connected, &after, connections);
    Ok(Some(Report::new(whole, summary, took, usage, seen, missing, stop.is_cancelled())))
}

//! What servers hold while they are under load, from second to second: is it more at the end than it was at the start?

pub(crate) mod gauge;
mod scrape;
mod source;
pub(crate) mod track;

use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::{
    task::JoinHandle,
    time::{sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{gauge::Gauge, source::Source};
pub(crate) use self::{source::Address, track::Track};
use crate::servers::Server;

/// Between looks, at first.
const EVERY: Duration = Duration::from_secs(1);
/// How long one look may take.
const LIMIT: Duration = Duration::from_secs(2);
/// Points of a track; of more every second one is let go, and looks become rarer.
const MOST: usize = 1_800;

/// Who is watched.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// Processes on this machine.
    pub(crate) servers: Vec<Server>,
    /// Redis servers.
    pub(crate) redis: Vec<Address>,
    /// Gateways that tell of themselves.
    pub(crate) metrics: Vec<Address>,
}

/// Those who are watched; not yet.
#[derive(Debug)]
pub(crate) struct Watch {
    sources: Vec<(String, Source)>,
}

/// It goes on.
#[derive(Debug)]
pub(crate) struct Watching {
    stop: CancellationToken,
    task: JoinHandle<Vec<Track>>,
}

impl Watch {
    /// Finds out whether each can be watched.
    pub(crate) async fn prepare(watched: Watched) -> anyhow::Result<Self> {
        let mut sources = Vec::new();
        for server in watched.servers {
            sources.push((server.name.clone(), Source::process(server)));
        }
        for Address { name, url } in watched.redis {
            sources.push((name, Source::redis(&url).await?));
        }
        for Address { name, url } in watched.metrics {
            sources.push((name, Source::metrics(&url).await?));
        }
        Ok(Self { sources })
    }

    /// Looks again and again, from now on.
    pub(crate) fn start(self) -> Watching {
        let stop = CancellationToken::new();
        let task = tokio::spawn(watch(self.sources, stop.clone()));
        Watching { stop, task }
    }
}

impl Watching {
    /// What was seen.
    pub(crate) async fn end(self) -> Vec<Track> {
        self.stop.cancel();
        // A look takes no longer than its limit.
        self.task.await.unwrap_or_default()
    }
}

async fn watch(sources: Vec<(String, Source)>, stop: CancellationToken) -> Vec<Track> {
    let mut tracks: Vec<Track> = Vec::new();
    let (begun, mut every, mut next) = (Instant::now(), EVERY, Instant::now());
    while !sources.is_empty() {
        let looks = sources.iter().map(|(_, source)| timeout(LIMIT, source.look()));
        let at = begun.elapsed().as_secs_f64();
        for ((name, _), seen) in sources.iter().zip(join_all(looks).await) {
            // Whoever can't be looked at now has no point here.
            for (gauge, value) in seen.ok().and_then(Result::ok).unwrap_or_default() {
                let points = &mut track(&mut tracks, name, gauge).points;
                // Of a gateway that is watched both ways, what its process has is what counts.
                if points.last().is_none_or(|(last, _)| *last < at) {
                    points.push((at, value));
                }
            }
        }
        if tracks.iter().any(|track| track.points.len() >= MOST) {
            tracks.iter_mut().for_each(Track::thin);
            every *= 2;
        }
        next += every;
        tokio::select! {
            () = sleep_until(next.into()) => {}
            () = stop.cancelled() => break,
        }
    }
    tracks
}

fn track<'a>(tracks: &'a mut Vec<Track>, of: &str, gauge: Gauge) -> &'a mut Track {
    let known = tracks.iter().position(|track| track.of == of && track.gauge == gauge);
    let place = known.unwrap_or_else(|| {
        tracks.push(Track::new(of, gauge));
        tracks.len() - 1
    });
    #[allow(clippy::indexing_slicing, reason = "it was found or added just now")]
    &mut tracks[place]
}

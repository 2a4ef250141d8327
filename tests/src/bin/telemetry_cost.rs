//! What a call costs its gateways with and without what is told about it: `make bench-telemetry`, `docs/benchmarks.md`.
//!
//! All variants run at once, each on gateways and a Redis of its own, and have their calls in turns; what a variant
//! computes is read off its own processes, in its own turn. Redis is not counted: it is the same for all but the timeline.

#![allow(clippy::print_stdout, reason = "a program for people")]
#![allow(clippy::large_futures, reason = "one task for each pair")]

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use ringback_tests::client::Client;
use ringback_tests::collector::Collector;
use ringback_tests::flow::{candidate, end, set_up, trickle};
use ringback_tests::http;
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, World};
use tempfile::TempDir;
use tokio::time::{interval, sleep};

/// Calls of one variant in one turn, by so many pairs at once, in so many turns.
const CALLS: usize = 2_000;
const PAIRS: usize = 32;
const TURNS: usize = 3;
/// Gateways send their traces every five seconds.
const SENT: Duration = Duration::from_secs(6);
/// A pair has its calls one after the other, as fast as it can.
const UNHURRIED: [(&str, &str); 5] = [
    ("LIMITS__REQUESTS_PER_SECOND", "100000"),
    ("LIMITS__REQUEST_BURST", "100000"),
    ("LIMITS__USER_REQUESTS_PER_SECOND", "0"),
    ("LIMITS__CALLS_MADE_PER_MINUTE", "0"),
    ("LIMITS__CALLS_RECEIVED_PER_MINUTE", "0"),
];
/// As Prometheus would, but oftener.
const SCRAPED: Duration = Duration::from_secs(5);

struct Variant {
    name: &'static str,
    world: Arc<World>,
    pairs: Vec<(Client, Client)>,
    micros: Vec<f64>,
}

impl Variant {
    async fn start(name: &'static str, settings: &[(&str, &str)]) -> Result<Self> {
        let settings: Vec<(&str, String)> =
            settings.iter().chain(&UNHURRIED).map(|(name, value)| (*name, (*value).to_owned())).collect();
        let world = Arc::new(World::start_with(Backend::Standalone, &settings, 2).await?);
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            pairs.push(Stage::new(Arc::clone(&world), Cast::ALL[0]).pair().await);
        }
        Ok(Self { name, world, pairs, micros: Vec::new() })
    }

    fn computed(&self) -> Result<Duration> {
        self.world.gateways.iter().map(ringback_tests::gateway::Gateway::computed).sum()
    }

    /// Has its calls, and what is told about them.
    async fn turn(&mut self) -> Result<()> {
        let before = self.computed()?;
        let scraper = tokio::spawn(scrape(Arc::clone(&self.world)));
        let mut pairs = Vec::new();
        for (alice, bob) in std::mem::take(&mut self.pairs) {
            pairs.push(tokio::spawn(async move {
                for _ in 0..CALLS / PAIRS {
                    converse(&alice, &bob).await;
                }
                (alice, bob)
            }));
        }
        self.pairs = try_join_all(pairs).await.context("a pair could not have its calls")?;
        sleep(SENT).await;
        scraper.abort();
        let spent = self.computed()? - before;
        self.micros.push(spent.as_secs_f64() * 1e6 / (CALLS / PAIRS * PAIRS) as f64);
        Ok(())
    }
}

/// A call with everything in it that calls have.
async fn converse(alice: &Client, bob: &Client) {
    let call = set_up(alice, bob).await;
    for n in 0..4 {
        trickle(alice, bob, &call, &[candidate("a", n)]).await;
        trickle(bob, alice, &call, &[candidate("b", n)]).await;
    }
    end(bob, &[alice], &call, "hangup").await;
}

async fn scrape(world: Arc<World>) {
    let mut ticks = interval(SCRAPED);
    loop {
        ticks.tick().await;
        for gateway in &world.gateways {
            // One that does not answer shows in the figures.
            let _ = http::get(gateway.admin(), "/metrics").await;
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[tokio::main]
async fn main() -> Result<()> {
    let dir = TempDir::new()?;
    let collector = Collector::start(dir.path()).await?;
    let endpoint = format!("http://127.0.0.1:{}", collector.grpc);
    let bare = [("TELEMETRY__METRICS", "false"), ("CALLS__TIMELINE_STEPS", "0")];
    let traced =
        |percent| [("TELEMETRY__OTLP_ENDPOINT", endpoint.as_str()), ("TELEMETRY__SAMPLE_PERCENT", percent)];
    let mut variants = [
        Variant::start("nothing", &bare).await?,
        Variant::start("metrics", &[("CALLS__TIMELINE_STEPS", "0")]).await?,
        Variant::start("metrics, timeline", &[]).await?,
        Variant::start("metrics, timeline, 10 % traced", &traced("10")).await?,
        Variant::start("metrics, timeline, all traced", &traced("100")).await?,
    ];
    for turn in 0..=TURNS {
        for variant in &mut variants {
            variant.turn().await?;
        }
        if turn == 0 {
            // The first one warms caches and allocators.
            variants.iter_mut().for_each(|variant| variant.micros.clear());
        }
    }
    println!("CPU of the gateways for each call, {TURNS} turns of {CALLS} calls, {PAIRS} at a time:");
    for variant in &variants {
        let ratios: Vec<f64> =
            variant.micros.iter().zip(&variants[0].micros).map(|(ours, bare)| ours / bare).collect();
        let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ratios.iter().copied().fold(0.0, f64::max);
        let (ratio, micros) = (median(&ratios), median(&variant.micros));
        println!("{:<32} x {ratio:.2} ({low:.2} to {high:.2})   {micros:.0} us", variant.name);
    }
    for variant in variants {
        variant.world.stop();
    }
    collector.stop();
    Ok(())
}

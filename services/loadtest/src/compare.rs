//! What Ringback costs beyond the floor, on this machine, in one run: it, the floor, and a floor that keeps what it passes on
//! are up at once and take turns.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde::Serialize;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    cli,
    measure::metric::Metric,
    stand::{
        Cost, Kind, Side,
        cost::REDIS_AND_IDLE,
        running::Running,
        side::{Make, Turn},
        table::{Spread, number, times},
    },
};

/// How many nodes either side has, unless gateways run already: then the floor has as many.
const NODES: usize = 2;

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// The gateway to start, twice, with a Redis of its own; built for release, or else the comparison is unfair.
    #[arg(long, default_value = "target/dist/ringback-gateway")]
    gateway_binary: PathBuf,
    #[command(flatten)]
    running: Running,
    /// How often each has its turn; one before them is not counted.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Calls in a turn, made one after the other by so many pairs at once, for their CPU.
    #[arg(long, default_value_t = 1_000)]
    calls: u64,
    /// See --calls.
    #[arg(long, default_value_t = 64)]
    at_once: usize,
    /// Calls a second that arrive in a turn, for their set-up time …
    #[arg(long, default_value_t = 50.0)]
    calls_per_s: f64,
    /// … for so many seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Users connected to either. So many that none exceeds a gateway's limits.requests_per_second.
    #[arg(long, default_value_t = 2_000)]
    users: usize,
    /// Before the calls of a turn so many seconds without any, to see what is spent anyway.
    #[arg(long, default_value_t = 2.0)]
    idle_seconds: f64,
    /// Write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// The sides, by their place in a turn.
const RINGBACK: usize = 0;
const FLOOR: usize = 1;
const KEEPER: usize = 2;

/// What a turn of one side has shown.
#[derive(Clone, Copy, Debug)]
struct Shown {
    cost: Cost,
    p50_ms: f64,
    p99_ms: f64,
}

/// One figure of all turns.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    unit: &'static str,
    ringback: f64,
    floor: f64,
    ratio: f64,
    ratio_least: f64,
    ratio_greatest: f64,
    /// Of the floor that keeps messages.
    keeper: f64,
    /// Of that floor to the other.
    keeper_ratio: f64,
    /// Of Ringback to the floor that keeps.
    ratio_to_keeper: f64,
}

/// Compares, and prints what it found.
pub(crate) async fn run(flags: Flags, stop: CancellationToken) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let nodes = flags.running.gateways().unwrap_or(NODES);
    let make =
        |name| Make { name, nodes, redis: Kind::Standalone, users: flags.users, folder: folder.path() };
    let ringback = match flags.running.gateways() {
        Some(_) => flags.running.attach(flags.users, &stop).await?,
        None => Side::gateways(make("gateway"), &flags.gateway_binary, &stop).await?,
    };
    let floor = Side::floors(make("floor"), false, &stop).await?;
    let keeper = Side::floors(make("keeper"), true, &stop).await?;
    let mut sides = [ringback, floor, keeper];
    let mut shown: Vec<[Shown; 3]> = Vec::new();
    for turn in 0..=flags.turns {
        let mut found = [None; 3];
        // Who is first changes, so that none always has the machine as another left it.
        for place in (0..3).map(|place| (place + turn) % 3) {
            found[place] = Some(flags.turn(&mut sides[place], &stop).await?);
        }
        let [Some(ours), Some(floor), Some(keeper)] = found else { continue };
        let all = [ours, floor, keeper];
        let said = |of: fn(&Shown) -> f64, decimals| {
            all.each_ref().map(|side| number(of(side), decimals)).join(", ")
        };
        cli::print(&format!(
            "turn {turn}{}: CPU of a call {} us, set-up p50 {} ms, p99 {} ms\n",
            if turn == 0 { " (not counted)" } else { "" },
            said(|shown| shown.cost.all.both_us(), 0),
            said(|shown| shown.p50_ms, 2),
            said(|shown| shown.p99_ms, 2),
        ));
        if turn > 0 {
            shown.push(all);
        }
    }
    let figures = figures(&shown);
    cli::print(&table(&figures, flags.turns));
    if let Some(path) = &flags.json {
        std::fs::write(path, serde_json::to_string_pretty(&figures)?)?;
    }
    for side in sides {
        side.leave().await;
    }
    Ok(())
}

impl Flags {
    /// Calls for their cost, then calls for their set-up time.
    async fn turn(&self, side: &mut Side, stop: &CancellationToken) -> anyhow::Result<Shown> {
        let idle = Duration::try_from_secs_f64(self.idle_seconds)?;
        let turn = Turn { calls: self.calls, at_once: self.at_once, idle };
        let cost = side.cost(turn, stop).await?;
        let found = side.arrivals(self.calls_per_s, Duration::from_secs(self.seconds), stop).await?;
        let setup = |percentile| found.percentile_ms(Metric::Setup, percentile);
        Ok(Shown { cost, p50_ms: setup(50.0), p99_ms: setup(99.0) })
    }
}

fn figures(shown: &[[Shown; 3]]) -> Vec<Figure> {
    type Of = fn(&Shown) -> f64;
    let own: [(&'static str, &'static str, Of); 5] = [
        ("CPU of a call, gateways", "us", |shown| shown.cost.all.nodes_us),
        ("CPU of a call, Redis", "us", |shown| shown.cost.all.redis_us),
        ("CPU of a call, both", "us", |shown| shown.cost.all.both_us()),
        ("set-up p50", "ms", |shown| shown.p50_ms),
        ("set-up p99", "ms", |shown| shown.p99_ms),
    ];
    let own = own.into_iter().map(|(name, unit, of)| Figure::of(name, unit, shown, of));
    let of_cost = REDIS_AND_IDLE.into_iter();
    own.chain(of_cost.map(|(name, unit, of)| Figure::of(name, unit, shown, |shown| of(&shown.cost))))
        .collect()
}

impl Figure {
    fn of(name: &'static str, unit: &'static str, shown: &[[Shown; 3]], of: impl Fn(&Shown) -> f64) -> Self {
        let median = |side: usize| Spread::of(shown.iter().map(|turn| of(&turn[side]))).median;
        let ratio =
            |one: usize, other: usize| Spread::of(shown.iter().map(|turn| of(&turn[one]) / of(&turn[other])));
        let to_floor = ratio(RINGBACK, FLOOR);
        Self {
            name,
            unit,
            ringback: median(RINGBACK),
            floor: median(FLOOR),
            ratio: to_floor.median,
            ratio_least: to_floor.least,
            ratio_greatest: to_floor.greatest,
            keeper: median(KEEPER),
            keeper_ratio: ratio(KEEPER, FLOOR).median,
            ratio_to_keeper: ratio(RINGBACK, KEEPER).median,
        }
    }
}

fn table(figures: &[Figure], turns: usize) -> String {
    let mut text = format!(
        "\nMedians of {turns} turns; a ratio is of the same turn, with the least and the greatest. The floor that keeps stores each \
         message and tells its sender. Scripts, commands and bytes are those of Redis beyond what it has idle.\n  \
         {:<26}{:>17}{:>17}{:>17}   {:<24}{:>14}{:>15}\n",
        "", "Ringback", "keeping floor", "floor", "Ringback to floor", "keeping to it", "Ringback to it"
    );
    for figure in figures {
        let ratio =
            Spread { median: figure.ratio, least: figure.ratio_least, greatest: figure.ratio_greatest };
        text.push_str(&format!("  {:<26}", figure.name));
        for value in [figure.ringback, figure.keeper, figure.floor] {
            text.push_str(&format!("{:>12} {:<4}", number(value, 2), figure.unit));
        }
        text.push_str(&format!(
            "   {:<24}{:>14}{:>15}\n",
            ratio.ratio(),
            times(figure.keeper_ratio),
            times(figure.ratio_to_keeper),
        ));
    }
    text
}

//! What a call costs by the size of the cluster: clusters of several sizes are up at once and take turns with the same calls.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde::Serialize;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    cli,
    stand::{
        Cost, Kind, Side,
        cost::{self, REDIS_AND_IDLE},
        side::{Make, Turn},
        table::{Spread, number},
    },
};

/// How many gateways a Redis Cluster has.
const ON_A_CLUSTER: usize = 2;

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// The gateway to start; built for release, or else the figures mean little.
    #[arg(long, default_value = "target/dist/ringback-gateway")]
    gateway_binary: PathBuf,
    /// Clusters of so many gateways, each on a Redis of its own. All ratios are to the first.
    #[arg(long, value_delimiter = ',', num_args = 0.., default_values_t = [1, 2, 4, 8])]
    gateways: Vec<usize>,
    /// Clusters of two gateways, each on a Redis Cluster of so many primaries.
    #[arg(long, value_delimiter = ',', num_args = 0.., default_values_t = [1, 3])]
    primaries: Vec<usize>,
    /// How often each has its turn; one before them is not counted.
    #[arg(long, default_value_t = 3)]
    turns: usize,
    /// Calls in a turn, made one after the other by so many pairs at once.
    #[arg(long, default_value_t = 1_000)]
    calls: u64,
    /// See --calls.
    #[arg(long, default_value_t = 64)]
    at_once: usize,
    /// Before the calls of a turn so many seconds without any, to see what is spent anyway.
    #[arg(long, default_value_t = 3.0)]
    idle_seconds: f64,
    /// Users connected to each, spread over its gateways.
    #[arg(long, default_value_t = 1_000)]
    users: usize,
    /// Write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// One cluster.
#[derive(Clone, Copy, Debug, Serialize)]
struct Size {
    gateways: usize,
    /// Of a Redis Cluster; none: a standalone Redis.
    primaries: Option<usize>,
}

/// What one cluster has shown.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    size: Size,
    figures: Vec<Figure>,
}

/// One figure of all turns.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    unit: &'static str,
    #[serde(flatten)]
    spread: Spread,
    /// To the same figure of the first cluster in the same turn.
    ratio: Spread,
}

/// What is told of each cluster before [`REDIS_AND_IDLE`], in the order of columns.
const CPU: [cost::Figure; 3] = [
    ("CPU of a call, gateways", "us", |cost| cost.call.nodes_us),
    ("CPU of a call, Redis", "us", |cost| cost.call.redis_us),
    ("CPU of a call, both", "us", |cost| cost.call.both_us()),
];
/// Of them, the one whose ratio is in the table.
const BOTH: usize = 2;

/// Compares, and prints what it found.
pub(crate) async fn run(flags: Flags, stop: CancellationToken) -> anyhow::Result<()> {
    let sizes = flags.sizes()?;
    let folder = TempDir::new()?;
    let mut sides = Vec::with_capacity(sizes.len());
    for (place, size) in sizes.iter().enumerate() {
        let name = format!("cluster-{place}");
        let redis = size.primaries.map_or(Kind::Standalone, Kind::Cluster);
        let (nodes, users) = (size.gateways, flags.users);
        let make = Make { name: &name, nodes, redis, users, folder: folder.path() };
        sides.push(Side::gateways(make, &flags.gateway_binary, &stop).await?);
        cli::print(&format!("up: {}\n", size.name()));
    }
    let idle = Duration::try_from_secs_f64(flags.idle_seconds)?;
    let turn = Turn { calls: flags.calls, at_once: flags.at_once, idle };
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); sides.len()];
    for number in 0..=flags.turns {
        // Another one is first each time, so that none always has the machine as the same other left it.
        for step in 0..sides.len() {
            let place = (number + step) % sides.len();
            let (Some(side), Some(size), Some(costs)) =
                (sides.get_mut(place), sizes.get(place), costs.get_mut(place))
            else {
                continue;
            };
            let cost = side.cost(turn, &stop).await?;
            cli::print(&format!(
                "turn {number}{}, {}: CPU of a call {:.0} us\n",
                if number == 0 { " (not counted)" } else { "" },
                size.name(),
                cost.call.both_us(),
            ));
            if number > 0 {
                costs.push(cost);
            }
        }
    }
    let rows = rows(&sizes, &costs);
    cli::print(&table(&rows, flags.turns));
    if let Some(path) = &flags.json {
        std::fs::write(path, serde_json::to_string_pretty(&rows)?)?;
    }
    for side in sides {
        side.leave().await;
    }
    Ok(())
}

impl Flags {
    fn sizes(&self) -> anyhow::Result<Vec<Size>> {
        let alone = self.gateways.iter().map(|gateways| Size { gateways: *gateways, primaries: None });
        let clustered = self
            .primaries
            .iter()
            .map(|primaries| Size { gateways: ON_A_CLUSTER, primaries: Some(*primaries) });
        let sizes: Vec<Size> = alone.chain(clustered).collect();
        anyhow::ensure!(!sizes.is_empty(), "no cluster: name some with --gateways or --primaries");
        let empty = |size: &Size| size.gateways == 0 || size.primaries == Some(0);
        anyhow::ensure!(!sizes.iter().any(empty), "--gateways, --primaries: at least one");
        Ok(sizes)
    }
}

impl Size {
    fn name(&self) -> String {
        let gateways = if self.gateways == 1 { "1 gateway" } else { &format!("{} gateways", self.gateways) };
        match self.primaries {
            None => gateways.to_owned(),
            Some(primaries) => format!("{gateways}, Cluster of {primaries}"),
        }
    }
}

fn rows(sizes: &[Size], costs: &[Vec<Cost>]) -> Vec<Row> {
    let first = costs.first().map(Vec::as_slice).unwrap_or_default();
    let row = |(size, costs): (&Size, &Vec<Cost>)| Row {
        size: *size,
        figures: CPU
            .into_iter()
            .chain(REDIS_AND_IDLE)
            .map(|(name, unit, of)| Figure {
                name,
                unit,
                spread: Spread::of(costs.iter().map(of)),
                ratio: Spread::of(costs.iter().zip(first).map(|(cost, first)| of(cost) / of(first))),
            })
            .collect(),
    };
    sizes.iter().zip(costs).map(row).collect()
}

fn table(rows: &[Row], turns: usize) -> String {
    let mut text = format!(
        "\nMedians of {turns} turns. What a call costs is beyond what is spent idle, which has its own columns. A ratio is to \
         the first\nrow in the same turn, with the least and the greatest.\n\n\
         {:<26}{:>30}{:26}{:>36}{:>34}\n{:<26}{:>10}{:>10}{:>10}  {:<24}{:>9}{:>9}{:>9}{:>9}{:>13}{:>10}{:>11}\n",
        "",
        "CPU of a call, us",
        "",
        "of a call, in Redis",
        "idle, a second",
        "",
        "gateways",
        "Redis",
        "both",
        "ratio",
        "scripts",
        "commands",
        "KB in",
        "KB out",
        "gateways us",
        "Redis us",
        "commands",
    );
    for row in rows {
        let at = |place: usize| row.figures.get(place).map_or(f64::NAN, |figure| figure.spread.median);
        let ratio = row.figures.get(BOTH).map(|figure| figure.ratio.ratio()).unwrap_or_default();
        let kb = |place| number(at(place) / 1e3, 1);
        text.push_str(&format!(
            "{:<26}{:>10}{:>10}{:>10}  {:<24}{:>9}{:>9}{:>9}{:>9}{:>13}{:>10}{:>11}\n",
            row.size.name(),
            number(at(0), 0),
            number(at(1), 0),
            number(at(BOTH), 0),
            ratio,
            number(at(3), 1),
            number(at(4), 1),
            kb(5),
            kb(6),
            number(at(7), 0),
            number(at(8), 0),
            number(at(9), 0),
        ));
    }
    text
}

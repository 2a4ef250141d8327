//! What Ringback costs beyond the floor, on this machine, in one run: both are up at once and take turns.

mod parts;
mod side;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use self::side::{Side, Turn};
use crate::{cli, scenario::Scenario};

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// The gateway to start, twice, with a Redis of its own; built for release, or else the comparison is unfair.
    #[arg(long, default_value = "target/release/ringback-gateway")]
    gateway_binary: PathBuf,
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
    /// Write the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
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
}

/// Compares, and prints what it found.
pub(crate) async fn run(flags: Flags, stop: CancellationToken) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let mut ringback = Side::ringback(&flags.gateway_binary, folder.path(), flags.users, &stop).await?;
    let mut floor = Side::floor(folder.path(), flags.users, &stop).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 0..=flags.turns {
        // Who is first changes, so that neither always has the machine as the other left it.
        let (first, second) =
            if turn % 2 == 0 { (&mut ringback, &mut floor) } else { (&mut floor, &mut ringback) };
        let (mut one, mut other) = (first.turn(&flags, &stop).await?, second.turn(&flags, &stop).await?);
        if turn % 2 == 1 {
            std::mem::swap(&mut one, &mut other);
        }
        if stop.is_cancelled() {
            anyhow::bail!("stopped");
        }
        cli::print(&format!(
            "turn {turn}{}: CPU of a call {:.0} us and {:.0} us, set-up p50 {:.2} ms and {:.2} ms, p99 {:.2} ms and {:.2} ms\n",
            if turn == 0 { " (not counted)" } else { "" },
            one.cpu_us,
            other.cpu_us,
            one.p50_ms,
            other.p50_ms,
            one.p99_ms,
            other.p99_ms,
        ));
        if turn > 0 {
            ours.push(one);
            theirs.push(other);
        }
    }
    let figures = figures(&ours, &theirs);
    cli::print(&table(&figures, flags.turns));
    if let Some(path) = &flags.json {
        std::fs::write(path, serde_json::to_string_pretty(&figures)?)?;
    }
    ringback.leave().await;
    floor.leave().await;
    Ok(())
}

impl Flags {
    fn scenario(&self) -> anyhow::Result<Scenario> {
        // What the two have in common: the call of 23 messages, without talking.
        Scenario::parse(
            "name = \"compare\"\nusers.calling = 2\ncall.hold = \"0s\"\nphase = [{ name = \"turn\", for = \"1s\" }]",
        )
    }
}

fn figures(ours: &[Turn], theirs: &[Turn]) -> Vec<Figure> {
    type Of = fn(&Turn) -> f64;
    let all: [(&'static str, &'static str, Of); 5] = [
        ("CPU of a call, gateways", "us", |turn| turn.nodes_us),
        ("CPU of a call, Redis", "us", |turn| turn.redis_us),
        ("CPU of a call, both", "us", |turn| turn.cpu_us),
        ("set-up p50", "ms", |turn| turn.p50_ms),
        ("set-up p99", "ms", |turn| turn.p99_ms),
    ];
    all.into_iter()
        .map(|(name, unit, of)| {
            let ratios: Vec<f64> =
                ours.iter().zip(theirs).map(|(ours, theirs)| of(ours) / of(theirs)).collect();
            Figure {
                name,
                unit,
                ringback: median(ours.iter().map(of)),
                floor: median(theirs.iter().map(of)),
                ratio: median(ratios.iter().copied()),
                ratio_least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
                ratio_greatest: ratios.iter().copied().fold(0.0, f64::max),
            }
        })
        .collect()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
    } else {
        at(middle)
    }
}

fn table(figures: &[Figure], turns: usize) -> String {
    let mut text = format!(
        "\nMedians of {turns} turns; a ratio is of the same turn, with the least and the greatest.\n"
    );
    for figure in figures {
        text.push_str(&format!(
            "  {:<26}{:>10.2} {}{:>12.2} {}   x {:.2} ({:.2} to {:.2})\n",
            figure.name,
            figure.ringback,
            figure.unit,
            figure.floor,
            figure.unit,
            figure.ratio,
            figure.ratio_least,
            figure.ratio_greatest,
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
    }
}

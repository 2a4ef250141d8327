//! `make chaos`: see `docs/chaos.md`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use ringback_tests::chaos::report::{Row, table};
use ringback_tests::chaos::run::{Terms, run};
use ringback_tests::chaos::scenario::{self, Scenario};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(watched()),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// All of it, unless a signal ends it: what was started ends with what started it.
async fn watched() -> Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        code = chaos() => code,
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
    }
}

async fn chaos() -> Result<ExitCode> {
    let terms = Terms {
        seed: from_env("CHAOS_SEED")?.unwrap_or_else(a_seed),
        time: Duration::from_secs(from_env("CHAOS_SECONDS")?.unwrap_or(5)),
        pairs: from_env("CHAOS_PAIRS")?.unwrap_or(16),
    };
    let scenarios = chosen()?;
    println!(
        "CHAOS_SEED={}: {} scenarios, {} pairs of callers, {} s of faults each",
        terms.seed,
        scenarios.len(),
        terms.pairs,
        terms.time.as_secs()
    );
    let mut rows: Vec<Row> = Vec::new();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for scenario in &scenarios {
        let begun = tokio::time::Instant::now();
        let outcome = Box::pin(run(scenario, &terms)).await;
        let took = begun.elapsed().as_secs();
        match outcome {
            Ok(None) => {
                skipped += 1;
                println!("{}: skipped, this gateway has no {}", scenario.name, scenario.needs.unwrap_or("-"));
            }
            Ok(Some(outcome)) => {
                rows.push(outcome.row);
                let allowed = match outcome.allowed.as_str() {
                    "" => String::new(),
                    allowed => format!(", allowed: {allowed}"),
                };
                if let Some(slowest) = &outcome.slowest {
                    println!("{slowest}");
                }
                match outcome.failure {
                    None => {
                        passed += 1;
                        println!("{}: ok, {took} s{allowed}", scenario.name);
                    }
                    Some(story) => {
                        failed += 1;
                        println!("{}: FAILED, {took} s, CHAOS_SEED={}\n{story}", scenario.name, terms.seed);
                    }
                }
            }
            Err(error) => {
                failed += 1;
                println!("{}: FAILED, {took} s: {error:#}", scenario.name);
            }
        }
    }
    let skips = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    println!("\n{}\nchaos: {passed} passed, {failed} failed{skips}", table(&rows));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Those whose names contain one of the words of `CHAOS_SCENARIOS`; without it all, or with `CHAOS_QUICK` the quick ones.
fn chosen() -> Result<Vec<Scenario>> {
    let all = scenario::all();
    let Some(words) = std::env::var("CHAOS_SCENARIOS").ok().filter(|words| !words.is_empty()) else {
        let quick = std::env::var_os("CHAOS_QUICK").is_some_and(|quick| !quick.is_empty());
        return Ok(all.into_iter().filter(|scenario| scenario.quick || !quick).collect());
    };
    let words: Vec<&str> = words.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    let names: Vec<&str> = all.iter().map(|scenario| scenario.name).collect();
    let chosen: Vec<Scenario> = all
        .iter()
        .filter(|scenario| words.iter().any(|word| scenario.name.contains(word)))
        .cloned()
        .collect();
    if chosen.is_empty() {
        bail!("CHAOS_SCENARIOS names none of: {}", names.join(" "));
    }
    Ok(chosen)
}

fn from_env<T: FromStr>(name: &str) -> Result<Option<T>> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => {
            text.parse().ok().with_context(|| format!("{name}={text} is not a number")).map(Some)
        }
        _ => Ok(None),
    }
}

fn a_seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64 % 1_000_000_000)
}

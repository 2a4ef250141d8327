//! Runs seeds, and says which of them failed.
#![allow(clippy::print_stdout, reason = "what it finds is for whoever runs it")]

use std::{
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use clap::Parser;
use ringback_sim::{Fault, Menu, Mutant, Options, Outcome, run, tally::Figures};

/// Simulates whole clusters of Ringback with their clients, each from one seed.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Runs those that have found something before, besides.
    #[arg(long)]
    kept: bool,
    /// Replays one seed and prints everything that happens.
    #[arg(long)]
    seed: Option<u64>,
    /// With --seed: prints the outcome alone.
    #[arg(long)]
    quiet: bool,
    /// Which faults there may be: all (each seed draws some), all,-losses,-wipe, none, or names with commas between them.
    #[arg(long, default_value_t = Menu::default())]
    faults: Menu,
    /// Takes a rule out, to see whether that is noticed.
    #[arg(long)]
    mutant: Option<Mutant>,
    /// Takes each rule out in turn, and says which seed notices first; fails if none of --seeds does.
    #[arg(long, conflicts_with_all = ["seed", "mutant"])]
    mutants: bool,
    /// Stops after so many failing seeds.
    #[arg(long, default_value_t = u64::MAX)]
    failures: u64,
    /// How many seeds run at once.
    #[arg(long, default_value_t = 2)]
    threads: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options { menu: arguments.faults.clone(), mutant: arguments.mutant, printed: false };
    match arguments.seed {
        Some(seed) => replay(seed, &arguments, options),
        None if arguments.mutants => take_rules_out(&arguments),
        None => sweep(&arguments, &options),
    }
}

/// A simulator that notices nothing when a rule is missing would prove nothing when none is.
fn take_rules_out(arguments: &Arguments) -> ExitCode {
    let mut unnoticed = 0;
    for mutant in Mutant::ALL {
        let menu = mutant.shows_by().parse().unwrap_or_else(|_| arguments.faults.clone());
        let options = Options { menu, mutant: Some(*mutant), printed: false };
        let mut seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
        let noticed = seeds.find_map(|seed| Some((seed, run(seed, &options).violations.into_iter().next()?)));
        match noticed {
            Some((seed, violation)) => println!("{mutant:<20} seed {seed:>4}: {violation}"),
            None => {
                unnoticed += 1;
                println!("{mutant:<20} NOT NOTICED by {} seeds", arguments.seeds);
            }
        }
    }
    println!("{} rules taken out, {unnoticed} of them unnoticed", Mutant::ALL.len());
    if unnoticed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn replay(seed: u64, arguments: &Arguments, options: Options) -> ExitCode {
    let options = Options { printed: !arguments.quiet, ..options };
    let outcome = if arguments.quiet {
        run(seed, &options)
    } else {
        ringback_sim::trace::aloud(|| run(seed, &options))
    };
    println!("{}", outcome.plan);
    for violation in &outcome.violations {
        println!("{violation}");
    }
    println!("hash {:016x}", outcome.hash);
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs many seeds; each thread takes the next one that nobody has taken.
fn sweep(arguments: &Arguments, options: &Options) -> ExitCode {
    let began = Instant::now();
    let kept = if arguments.kept { kept() } else { Vec::new() };
    let all = (arguments.from..arguments.from.saturating_add(arguments.seeds)).chain(kept);
    let next = Mutex::new(all);
    let (failed, enough) = (AtomicU64::new(0), AtomicBool::new(false));
    let work = || {
        let (mut figures, mut seeds) = (Figures::default(), 0_u64);
        while !enough.load(Ordering::Relaxed) {
            let Some(seed) = next.lock().unwrap_or_else(PoisonError::into_inner).next() else { break };
            let outcome = run(seed, options);
            figures.add(&outcome.figures);
            seeds += 1;
            if !outcome.violations.is_empty() {
                tell(&outcome, arguments);
                let failures = failed.fetch_add(1, Ordering::Relaxed) + 1;
                enough.fetch_or(failures >= arguments.failures, Ordering::Relaxed);
            }
        }
        (figures, seeds)
    };
    let mut total = (Figures::default(), 0);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..arguments.threads.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            if let Ok((figures, seeds)) = thread.join() {
                total.0.add(&figures);
                total.1 += seeds;
            }
        }
    });
    let failed = failed.load(Ordering::Relaxed);
    summarize(&total.0, total.1, failed, began);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The seeds that have found something before.
fn kept() -> Vec<u64> {
    let lines = include_str!("../seeds.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).filter_map(|seed| seed.parse().ok()).collect()
}

fn tell(outcome: &Outcome, arguments: &Arguments) {
    let first = outcome.violations.first().map_or("", String::as_str);
    let mutant = arguments.mutant.map(|mutant| format!(" --mutant {mutant}")).unwrap_or_default();
    let faults = match &arguments.faults {
        menu if *menu == Menu::default() => String::new(),
        menu => format!(" --faults {menu}"),
    };
    println!("{first}\n    cargo run -p ringback-sim -- --seed {}{faults}{mutant}", outcome.seed);
}

fn summarize(figures: &Figures, seeds: u64, failed: u64, began: Instant) {
    let Figures { virtual_ms, calls, connected, acks, events, frames, store, faults } = figures;
    let hours = *virtual_ms as f64 / 3_600_000.0;
    println!("{seeds} seeds, {failed} failed, {:.1} s", began.elapsed().as_secs_f64());
    println!("{hours:.1} virtual hours, {calls} calls placed, {connected} connected");
    println!(
        "{acks} requests acknowledged, {events} events delivered, {frames} frames, {store} calls on the store"
    );
    let kinds = Fault::ALL.iter().filter_map(|fault| Some(format!("{fault} {}", faults.get(fault)?)));
    println!("faults: {}", kinds.collect::<Vec<_>>().join(", "));
}

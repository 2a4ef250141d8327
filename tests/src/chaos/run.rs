//! One scenario, from its start to its verdict.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use tokio::time::{Instant, sleep};

use super::digest::Digest;
use super::fault::{Breaker, Faults};
use super::oracle::{Kind, Timeouts, Verdict, Violation, judge};
use super::pair::{Pair, Setting};
use super::recovery::Recovery;
use super::report::{Row, faults, slowest, story, write_diaries};
use super::scenario::Scenario;
use super::stand::{Stand, timeouts};
use crate::dice::Dice;
use crate::gateway;
use crate::patience::eventually;

/// How long it may take until every pair has had a call, before anything is broken ...
const WARM_UP: Duration = Duration::from_secs(60);
/// ... and until every pair has had one after the last fault: longer than a device in a stuck call waits before it gives
/// it up, so that one lost message does not count as a pair that never gets well.
const RECOVERY: Duration = Duration::from_secs(75);
/// How long the last calls may take: longer than anybody waits in vain.
const REST: Duration = Duration::from_secs(120);
/// How long what is still under way may take to arrive.
const SETTLING: Duration = Duration::from_secs(8);

/// What a run is given.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Everything random comes from it.
    pub seed: u64,
    /// How long things are broken.
    pub time: Duration,
    /// Pairs of users.
    pub pairs: usize,
}

/// How a scenario went.
#[derive(Debug)]
pub struct Outcome {
    /// Its line of the table.
    pub row: Row,
    /// What went wrong and is allowed.
    pub allowed: String,
    /// With `CHAOS_VERBOSE`: what the pair did that was without a call for longest.
    pub slowest: Option<String>,
    /// What is to be told, if it failed.
    pub failure: Option<String>,
}

/// The settings this gateway knows; those it does not are left out, unless the scenario needs them: then `None`.
fn settings(scenario: &Scenario) -> Result<Option<Vec<(&'static str, String)>>> {
    let known = gateway::defaults()?;
    let knows = |name: &str| {
        let key = name.rsplit("__").next().unwrap_or(name).to_lowercase();
        known.lines().any(|line| line.trim_start_matches(['#', ' ']).starts_with(&format!("{key} =")))
    };
    if scenario.needs.is_some_and(|need| !knows(need)) {
        return Ok(None);
    }
    let wanted = scenario.settings.iter().filter(|(name, _)| knows(name));
    Ok(Some(wanted.map(|(name, value)| (*name, (*value).to_owned())).collect()))
}

/// Runs one scenario; `None` if this gateway lacks what it is about.
pub async fn run(scenario: &Scenario, terms: &Terms) -> Result<Option<Outcome>> {
    let Some(extra) = settings(scenario)? else { return Ok(None) };
    let (timeouts, mut all) = timeouts(scenario.ringing);
    all.extend(extra);
    let stand = Stand::start(scenario.ground, &all).await?;
    let mut load = Load::start(&stand, scenario, terms);
    let broken = load.go_through(&stand, scenario, terms).await;
    let (digest, mut verdict) = load.settle(scenario, &timeouts).await;
    if let Err(error) = broken {
        verdict.violations.push(odd(format!("{error:#}")));
    }
    for panic in stand.panics() {
        verdict.violations.push(odd(format!("a gateway panicked: {panic}")));
    }
    let times = load.faults.all();
    let starts: Vec<Duration> = times.iter().map(|(from, ..)| *from).collect();
    let recovery = Recovery::of(&digest, &starts);
    let row = Row::new(scenario.name, times.len(), &verdict, &recovery);
    let diaries: Vec<_> = load.pairs.iter().flat_map(|pair| pair.diaries.clone()).collect();
    let verbose = std::env::var_os("CHAOS_VERBOSE").is_some();
    let slowest = if verbose { slowest(&recovery, &diaries) } else { None };
    let failure =
        (!verdict.is_sound()).then(|| format!("{}\n{}", story(&digest, &diaries, &verdict), faults(&times)));
    for pair in load.pairs {
        pair.end().await;
    }
    let failure = match failure {
        Some(text) => {
            let folder = stand.keep_logs()?;
            write_diaries(&folder, &diaries)?;
            Some(format!("{text}\nlogs, and every device's diary: {}", folder.display()))
        }
        None => None,
    };
    Ok(Some(Outcome { row, allowed: verdict.allowed(), slowest, failure }))
}

fn odd(text: String) -> Violation {
    Violation::new(Kind::Odd, text)
}

/// With the pair's latest call: the one it is stuck in, perhaps.
fn not_recovered(digest: &Digest, n: usize) -> Violation {
    let text = format!("pair {n} had no call connected within {RECOVERY:?} after the last fault");
    let user = format!("alice{n}");
    let of_pair = digest.calls.iter().filter(|call| call.views.iter().any(|view| view.user == user));
    let call = of_pair.max_by_key(|call| call.began()).map(|call| call.id.clone());
    Violation { call, ..Violation::new(Kind::NotRecovered, text) }
}

/// The callers of one run.
struct Load {
    pairs: Vec<Pair>,
    enough: Arc<AtomicBool>,
    faults: Arc<Faults>,
    dice: Dice,
    /// Pairs that did not recover.
    unwell: Vec<usize>,
}

impl Load {
    fn start(stand: &Stand, scenario: &Scenario, terms: &Terms) -> Self {
        // Each scenario has dice of its own: alone it falls as it does among the others.
        let name =
            scenario.name.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let mut dice = Dice::new(terms.seed ^ name);
        let enough: Arc<AtomicBool> = Arc::default();
        let start = Instant::now();
        let setting = Setting {
            doors: stand.doors(),
            start,
            mix: scenario.mix,
            ringing: scenario.ringing,
            lasting: false,
            enough: Arc::clone(&enough),
        };
        let pairs = (0..terms.pairs).map(|n| Pair::start(n, &setting, &mut dice)).collect();
        Self { pairs, enough, faults: Faults::new(start), dice, unwell: Vec::new() }
    }

    /// Warms up, breaks things, and gives them time to get well again.
    async fn go_through(&mut self, stand: &Stand, scenario: &Scenario, terms: &Terms) -> Result<()> {
        let begun = Instant::now();
        let cold = self.wait_for_setups(begun, WARM_UP).await;
        ensure!(cold.is_empty(), "pairs {cold:?} had no call within {WARM_UP:?}, before anything was broken");
        let until = Instant::now() + terms.time;
        let mut breakers: Vec<Breaker<'_>> = Vec::new();
        for _ in &scenario.faults {
            breakers.push(Breaker {
                stand,
                bells: self.pairs.iter().flat_map(|pair| pair.bells.clone()).collect(),
                dice: Dice::new(self.dice.roll()),
                faults: Arc::clone(&self.faults),
            });
        }
        let broken =
            breakers.iter_mut().zip(&scenario.faults).map(|(breaker, fault)| breaker.run(*fault, until));
        let broken = try_join_all(broken).await.map(drop);
        if let Some(last) = self.faults.last() {
            self.unwell = self.wait_for_setups(last, RECOVERY).await;
        }
        broken
    }

    /// Waits until every pair has had a call that was asked for since; returns those that have not.
    async fn wait_for_setups(&self, since: Instant, limit: Duration) -> Vec<usize> {
        let missing = || -> Vec<usize> {
            let pairs = self.pairs.iter().enumerate();
            pairs.filter(|(_, pair)| !pair.setups.since(since)).map(|(n, _)| n).collect()
        };
        let all = eventually(limit, async || missing().is_empty().then_some(())).await;
        if all.is_some() { Vec::new() } else { missing() }
    }

    /// No more calls; what is under way arrives; then the verdict.
    async fn settle(&mut self, scenario: &Scenario, timeouts: &Timeouts) -> (Digest, Verdict) {
        self.enough.store(true, Ordering::Relaxed);
        let limit = Instant::now() + REST;
        for pair in &mut self.pairs {
            pair.comes_to_rest(limit).await;
        }
        let diaries: Vec<_> = self.pairs.iter().flat_map(|pair| pair.diaries.clone()).collect();
        let times = self.faults.all();
        let times: Vec<(Duration, Duration)> = times.iter().map(|(from, to, _)| (*from, *to)).collect();
        let limit = Instant::now() + SETTLING;
        let mut pause = Duration::from_millis(250);
        loop {
            let digest = Digest::of(&diaries);
            let mut verdict = judge(&digest, timeouts, &scenario.allowance, &times);
            if verdict.violations.is_empty() || Instant::now() >= limit {
                verdict.violations.extend(self.unwell.iter().map(|n| not_recovered(&digest, *n)));
                return (digest, verdict);
            }
            sleep(pause).await;
            pause *= 2;
        }
    }
}

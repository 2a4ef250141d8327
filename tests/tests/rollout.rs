//! A rolling update in the middle of the day, with the drain settings of the chart and processes for pods: calls in progress go on,
//! both ways, and new ones are placed meanwhile.
//!
//! `RINGBACK_ROLLOUT_VALUES` are values of the chart over its own, by default such as make it quick; "": none.
//! `RINGBACK_SECOND_GATEWAY` names an older version: then the update goes there, and back to the one to test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringback_tests::chaos::account::Call;
use ringback_tests::chaos::digest::Digest;
use ringback_tests::chaos::oracle::{Allowance, Timeouts, Verdict, judge};
use ringback_tests::chaos::pair::{Pair, Setting};
use ringback_tests::chaos::plan::Mix;
use ringback_tests::chaos::report::story;
use ringback_tests::chaos::tag::Side;
use ringback_tests::dice::Dice;
use ringback_tests::gateway::{program, second_program};
use ringback_tests::patience::{START, eventually};
use ringback_tests::redis::Redis;
use ringback_tests::rollout::{Deployment, Gone, Terms};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// Pairs whose call goes on until the update is over ...
const LASTING: usize = 12;
/// ... and pairs who call each other again and again.
const BRIEF: usize = 6;
/// How long both are watched after the update.
const AFTER: Duration = Duration::from_secs(2);

/// What a gateway ends calls by, unless it is told otherwise: `ringback-gateway --print-defaults`.
const TIMEOUTS: Timeouts = Timeouts {
    ringing: Duration::from_secs(45),
    connecting: Duration::from_secs(30),
    idle: Duration::from_secs(15),
    reconnect: Duration::from_secs(20),
};

/// All who call each other.
struct Callers {
    start: Instant,
    lasting: Vec<Pair>,
    brief: Vec<Pair>,
    enough: Arc<AtomicBool>,
}

impl Callers {
    /// Starts them, and waits until each pair has had a call connected.
    async fn start(port: u16) -> Self {
        let (start, enough) = (Instant::now(), Arc::<AtomicBool>::default());
        let setting = |lasting, mix| Setting {
            doors: Arc::new(vec![port]),
            start,
            mix,
            ringing: TIMEOUTS.ringing,
            lasting,
            enough: Arc::clone(&enough),
        };
        let mut dice = Dice::new(7);
        let (lasting, brief) = (
            setting(true, Mix::default()),
            setting(false, Mix { reject: 8, cancel: 8, ignore: 0, crossing: 10 }),
        );
        let callers = Self {
            start,
            lasting: (0..LASTING).map(|n| Pair::start(n, &lasting, &mut dice)).collect(),
            brief: (LASTING..LASTING + BRIEF).map(|n| Pair::start(n, &brief, &mut dice)).collect(),
            enough: Arc::clone(&enough),
        };
        let all = async || callers.pairs().all(|pair| pair.setups.since(start)).then_some(());
        eventually(START, all).await.expect("each pair has a call before the update");
        callers
    }

    fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.lasting.iter().chain(&self.brief)
    }

    /// No more calls, and those there are come to their end; then what all of them have seen.
    async fn settle(mut self) -> (Digest, Verdict, String) {
        self.enough.store(true, Ordering::Relaxed);
        self.pairs().flat_map(|pair| &pair.bells).for_each(|bell| bell.wind_up());
        let limit = Instant::now() + Duration::from_secs(60);
        for pair in self.lasting.iter_mut().chain(&mut self.brief) {
            assert!(pair.comes_to_rest(limit).await, "calls come to their end");
        }
        let diaries: Vec<_> = self.pairs().flat_map(|pair| pair.diaries.clone()).collect();
        let sound = async || {
            let digest = Digest::of(&diaries);
            let verdict = judge(&digest, &TIMEOUTS, &Allowance::Nothing, &[]);
            verdict.is_sound().then_some((digest, verdict))
        };
        let (digest, verdict) = match eventually(Duration::from_secs(8), sound).await {
            Some(sound) => sound,
            None => {
                let digest = Digest::of(&diaries);
                let verdict = judge(&digest, &TIMEOUTS, &Allowance::Nothing, &[]);
                (digest, verdict)
            }
        };
        let told = if verdict.is_sound() { String::new() } else { story(&digest, &diaries, &verdict) };
        for pair in self.lasting.into_iter().chain(self.brief) {
            pair.end().await;
        }
        (digest, verdict, told)
    }
}

/// Whether a message of this side has been got by the other since.
fn talks(call: &Call, side: Side, since: Duration) -> bool {
    let got = call.bound(side.other()).into_iter().flat_map(|view| &view.told);
    got.filter(|told| told.at > since).flat_map(|told| &told.tags).any(|tag| tag.side == side)
}

/// How people end calls.
const WANTED: [&str; 5] = ["hangup", "cancelled", "rejected", "busy", "answered_elsewhere"];

/// The calls since that came to another end, and when the devices of who was called were connected.
fn failed(digest: &Digest, since: Duration) -> String {
    let mut text = String::new();
    // At the very beginning not everybody is connected.
    for call in digest.calls.iter().filter(|call| call.began() > since) {
        let ended = call.views.iter().flat_map(|view| view.all_told("call:ended"));
        let reasons: BTreeSet<&str> = ended.filter_map(|told| told.frame["reason"].as_str()).collect();
        if reasons.iter().all(|reason| WANTED.contains(reason)) {
            continue;
        }
        let init = call.views.iter().flat_map(|view| view.all_asked("call:init")).next();
        let to = init.and_then(|asked| asked.frame["to"].as_str()).unwrap_or_default();
        let devices: Vec<_> = digest.devices.iter().filter(|device| device.user == to).collect();
        let there: Vec<_> = devices.iter().map(|device| (&device.device, &device.there)).collect();
        let _ = writeln!(text, "{} at {:?}, to {to}: {reasons:?}; there: {there:?}", call.id, call.began());
    }
    text
}

fn middle_and_most(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let ms = |at: usize| times.get(at).map(Duration::as_millis).unwrap_or_default();
    format!("p50 {} ms, p99 {} ms", ms(times.len() / 2), ms(times.len() * 99 / 100))
}

/// Updates to this program, under load.
async fn roll(deployment: &mut Deployment, from_older: bool, to: &Path, what: &str) {
    let callers = Callers::start(deployment.port()).await;
    let from = callers.start.elapsed();
    let gone = deployment.update(to).await.expect("the update goes through");
    let until = callers.start.elapsed();
    sleep(AFTER).await;
    let (digest, verdict, told) = callers.settle().await;
    assert!(verdict.is_sound(), "{what}\n{told}");
    for Gone { node, code, after } in &gone {
        assert_eq!(*code, Some(0), "{what}: {node} after {after:?}");
    }

    let lasting: Vec<&Call> = digest
        .calls
        .iter()
        .filter(|call| call.connected().is_some_and(|at| at < from) && call.last() > until)
        .collect();
    assert_eq!(lasting.len(), LASTING, "{what}: each of the lasting calls was there before and after");
    for call in &lasting {
        for side in Side::BOTH {
            assert!(talks(call, side, until), "{what}: {} is silent on one side after the update", call.id);
        }
    }
    let placed: Vec<&Call> =
        digest.calls.iter().filter(|call| call.began() > from && call.began() < until).collect();
    let setups: Vec<Duration> =
        placed.iter().filter_map(|call| Some(call.connected()? - call.began())).collect();
    assert!(setups.len() >= BRIEF * gone.len(), "{what}: only {} new calls were connected", setups.len());
    assert_eq!(verdict.unproved, 0, "{what}");
    let failed = failed(&digest, from);
    // Older gateways take who is on the way from one to the next for offline.
    assert!(failed.is_empty() || from_older, "{what}: nobody asked for the ends of these:\n{failed}");
    assert!(verdict.resumed >= LASTING, "{what}: only {} sessions have moved", verdict.resumed);
    let slowest = gone.iter().map(|gone| gone.after).max().unwrap_or_default();
    eprintln!(
        "{what}: {} pods replaced in {:.1} s, the last gone {:.1} s after its deletion, all with exit code 0; {} calls in progress \
         kept, 0 ended; {} new ones placed meanwhile, {} answered, set-up {} with what people took; {} sessions resumed, 0 without \
         proof; {} messages, 0 lost, 0 doubled, 0 out of order",
        gone.len(),
        (until - from).as_secs_f64(),
        slowest.as_secs_f64(),
        lasting.len(),
        placed.len(),
        setups.len(),
        middle_and_most(setups),
        verdict.resumed,
        verdict.messages,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_ends_no_call_and_loses_no_message() {
    let values = std::env::var("RINGBACK_ROLLOUT_VALUES");
    let values = values.as_deref().unwrap_or("settings.drain.window_ms=4000");
    let terms = Terms::of_chart(&values.split_whitespace().collect::<Vec<_>>()).unwrap();
    let dir = TempDir::with_prefix("ringback-rollout-").unwrap();
    let redis = Redis::start(dir.path()).await.unwrap();
    let store = redis.url();
    let (ours, other) = (program(), second_program());
    let mut deployment = Deployment::start(terms, dir.path(), &store, &ours).await.unwrap();
    let what = if other == ours { "an update" } else { "an update taken back, to an older version" };
    roll(&mut deployment, false, &other, what).await;
    if other != ours {
        roll(&mut deployment, true, &ours, "an update from an older version").await;
    }
    assert_eq!(deployment.panics(), Vec::<String>::new());
    deployment.stop();
    redis.kill9();
}

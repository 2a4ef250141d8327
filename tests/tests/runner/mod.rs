//! Turns stories into trials, and a story's failure into something one can work with: where it stopped, which
//! invariants were broken, every frame of every connection, and the gateways' last words.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use libtest_mimic::{Failed, Trial};
use ringback_tests::gateway::Gateway;
use ringback_tests::stage::{Cast, Stage};
use ringback_tests::world::{Backend, World, Worlds};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use crate::stories::{self, Place, Story, programs};

/// Longer than any story takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

thread_local! {
    /// What this thread's story said when it panicked; `None` outside of stories.
    static LAST_WORDS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps a story's panic for its report, instead of printing it into the list of results.
pub(crate) fn catch_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let kept = LAST_WORDS.with_borrow_mut(|words| match words {
            Some(words) => {
                let message = info.payload_as_str().unwrap_or("a panic without a message");
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                let _ = writeln!(words, "{message}\n(panic at {place})");
                true
            }
            None => false,
        });
        if !kept {
            usual(info);
        }
    }));
}

/// One trial for each story, backend and encoding.
pub(crate) fn trials(handle: &Handle, worlds: &Arc<Worlds>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for story in stories::all() {
        for (backend, cast) in story.kind.stages().filter(|(backend, cast)| plays(&story, *backend, cast)) {
            let name = format!("{backend}::{}::{}", cast.name, story.name);
            let (handle, worlds) = (handle.clone(), Arc::clone(worlds));
            trials.push(Trial::test(name, move || handle.block_on(perform(story, backend, cast, &worlds))));
        }
    }
    for program in programs::ALL.iter().chain(programs::doctor::ALL).filter(|_| !two_versions()) {
        let handle = handle.clone();
        let name = format!("program::{}", program.name);
        trials.push(Trial::test(name, move || {
            let report = handle.block_on(listen((program.run)()));
            if report.is_empty() { Ok(()) } else { Err(Failed::from(report)) }
        }));
    }
    trials
}

/// Of two versions that serve calls together, what they store and tell each other is in question: one kind of Redis is enough, and
/// one mixture of encodings where a story has it.
fn plays(story: &Story, backend: Backend, cast: &Cast) -> bool {
    let alone = matches!(story.kind.place, Place::Own(_));
    !two_versions() || (backend == Backend::Standalone && (cast.name == "mixed" || alone))
}

fn two_versions() -> bool {
    std::env::var_os("RINGBACK_SECOND_GATEWAY").is_some()
}

async fn perform(story: Story, backend: Backend, cast: Cast, worlds: &Worlds) -> Result<(), Failed> {
    let world = match story.kind.place {
        Place::Shared(pace) => worlds.get(backend, pace).await?,
        Place::Own(settings) => {
            let started = World::start(backend, &settings()).await;
            let own = Arc::new(started.map_err(|error| format!("{error:#}"))?);
            worlds.adopt(&own);
            own
        }
    };
    let stage = Stage::new(Arc::clone(&world), cast);
    let mut report = listen((story.run)(&stage)).await;
    for fault in stage.faults() {
        let _ = writeln!(report, "broken invariant: {fault}");
    }
    for panic in world.gateways.iter().flat_map(Gateway::new_panics) {
        let _ = writeln!(report, "a gateway panicked (perhaps over another story): {panic}");
    }
    if !report.is_empty() {
        let _ = writeln!(report, "\n--- all that was sent and received\n{}", stage.transcript());
        world.gateways.iter().for_each(|gateway| report.push_str(&gateway.tail()));
    }
    if matches!(story.kind.place, Place::Own(_)) {
        world.stop();
    }
    if report.is_empty() { Ok(()) } else { Err(Failed::from(report)) }
}

/// Runs a story to its end; what it gives is the reason why it failed, empty if it did not.
async fn listen(story: impl Future<Output = ()>) -> String {
    LAST_WORDS.set(Some(String::new()));
    // Nothing of a story is used after its panic but the inboxes, which are whole at every await.
    let outcome = AssertUnwindSafe(tokio::time::timeout(LIMIT, story)).catch_unwind().await;
    let words = LAST_WORDS.take().unwrap_or_default();
    match outcome {
        Ok(Ok(())) => String::new(),
        Ok(Err(_)) => format!("not finished after {LIMIT:?}\n"),
        Err(_) => words,
    }
}

/// Stops all worlds; `false` if a gateway's log holds a panic.
pub(crate) fn stop(worlds: &Worlds) -> bool {
    let mut sound = true;
    for world in worlds.running() {
        for panic in world.gateways.iter().flat_map(Gateway::panics) {
            eprintln!("a gateway panicked: {panic}");
            sound = false;
        }
        world.stop();
    }
    sound
}

/// A run that is broken off must not leave its servers behind.
pub(crate) async fn stop_on_signal(worlds: Arc<Worlds>) {
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler of SIGINT");
    let mut terminate = signal(SignalKind::terminate()).expect("a handler of SIGTERM");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop(&worlds);
    std::process::exit(130);
}

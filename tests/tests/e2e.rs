//! Ringback's end-to-end stories, over real processes: each one for every backend and encoding, as one trial.
//!
//! `cargo test -p ringback-tests --test e2e -- cluster::msgpack` runs a part; see `--help` for the rest. What must be
//! there: `redis-server` on the path, and a gateway (see `ringback_tests::gateway`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed story panics")]
#![allow(clippy::print_stderr, reason = "the harness reports there what no trial can")]
#![allow(clippy::large_futures, reason = "stories hold many clients at once, one story a thread")]

mod runner;
mod stories;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;
use ringback_tests::world::Worlds;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let mut args = Arguments::from_args();
    // Stories mostly wait for each other's frames, so more of them than there are cores.
    args.test_threads.get_or_insert(6);
    runner::catch_panics();

    let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let worlds: Arc<Worlds> = Arc::default();
    runtime.spawn(runner::stop_on_signal(Arc::clone(&worlds)));

    let trials = runner::trials(runtime.handle(), &worlds);
    let conclusion = libtest_mimic::run(&args, trials);
    let sound = runner::stop(&worlds);
    if conclusion.has_failed() || !sound { ExitCode::from(101) } else { ExitCode::SUCCESS }
}

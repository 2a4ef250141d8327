//! Everything that happens, in order: hashed, so that two runs can be compared, and printed where somebody wants to read it.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3;

use crate::frames;

/// The record of one simulation.
pub struct Trace {
    start: Instant,
    printed: bool,
    hash: Mutex<Xxh3>,
}

impl Trace {
    /// Begins now, in virtual time.
    pub fn new(printed: bool) -> Self {
        let start = Instant::now();
        BEGAN.set(Some(start));
        Self { start, printed, hash: Mutex::new(Xxh3::new()) }
    }

    /// Virtual milliseconds since the beginning.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Something happened.
    pub fn note(&self, who: &str, what: impl std::fmt::Display) {
        let line = format!("{who}: {what}");
        self.digest(line.as_bytes());
        if self.printed {
            self.print(&line);
        }
    }

    /// A frame passed between a client and a node.
    pub fn frame(&self, who: &str, arrow: &str, bytes: &[u8]) {
        self.digest(who.as_bytes());
        self.digest(arrow.as_bytes());
        self.digest(bytes);
        if self.printed {
            self.print(&format!("{who} {arrow} {}", frames::show(bytes)));
        }
    }

    /// What a node or the store says; for readers only.
    pub fn aside(&self, line: impl FnOnce() -> String) {
        if self.printed {
            self.print(&line());
        }
    }

    /// Stands for everything noted so far.
    pub fn hash(&self) -> u64 {
        self.hash.lock().unwrap_or_else(PoisonError::into_inner).digest()
    }

    fn digest(&self, bytes: &[u8]) {
        let mut hash = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        hash.update(&self.now_ms().to_le_bytes());
        hash.update(bytes);
    }

    #[allow(clippy::print_stdout, reason = "a trace is for whoever runs the program")]
    fn print(&self, line: &str) {
        let now = self.now_ms();
        println!("{:>5}.{:03} {line}", now / 1_000, now % 1_000);
    }
}

/// Runs something with everything that the nodes log printed, in virtual time.
pub fn aloud<T>(what: impl FnOnce() -> T) -> T {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| "debug".to_owned());
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(VirtualTime)
        .with_target(false)
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(logs, what)
}

thread_local! {
    static BEGAN: std::cell::Cell<Option<Instant>> = const { std::cell::Cell::new(None) };
}

struct VirtualTime;

impl tracing_subscriber::fmt::time::FormatTime for VirtualTime {
    fn format_time(&self, to: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        let now = BEGAN.get().map_or(0, |began| began.elapsed().as_millis());
        write!(to, "{:>5}.{:03}", now / 1_000, now % 1_000)
    }
}

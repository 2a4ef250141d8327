//! How far a run is: a line that changes on a terminal, a line every few seconds elsewhere.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::{task::JoinHandle, time::interval};

use crate::measure::{Measures, count::Count, metric::Metric};

const ON_A_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Shown until it is ended or dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    phase: Arc<Mutex<String>>,
    ticker: JoinHandle<()>,
}

impl Progress {
    /// On standard error, so that standard output has the report alone.
    pub(crate) fn start(measures: Arc<Measures>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}");
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        let phase = Arc::new(Mutex::new(String::new()));
        let (shown, bar_shown) = (Arc::clone(&phase), bar.clone());
        let ticker = tokio::spawn(async move {
            let mut ticks = interval(if bar_shown.is_some() { ON_A_TERMINAL } else { ELSEWHERE });
            // The first one is at once, when there is nothing to say.
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let phase = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let line = format!("{phase}: {}", state(&measures));
                match &bar_shown {
                    Some(bar) => {
                        bar.set_message(line);
                        bar.tick();
                    }
                    None => plain(&line),
                }
            }
        });
        Self { bar, phase, ticker }
    }

    /// What goes on now.
    pub(crate) fn say(&self, what: &str) {
        what.clone_into(&mut self.phase.lock().unwrap_or_else(PoisonError::into_inner));
        match &self.bar {
            Some(bar) => bar.println(what),
            None => plain(what),
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.ticker.abort();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn plain(line: &str) {
    // Nobody who listens is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn state(measures: &Measures) -> String {
    let second = measures.second();
    measures.look(|found| {
        let last = found.timeline.slots().last().map(|(_, slot)| slot.online).unwrap_or_default();
        if found.count(Count::Calls) == 0 {
            return format!("{second} s, {last} connected");
        }
        format!(
            "{second} s, {last} connected, {} calls, {} failed, {} lost, set-up p50 {:.1} ms, p99 {:.1} ms",
            found.count(Count::Calls),
            found.count(Count::Failed),
            found.count(Count::Lost),
            found.percentile_ms(Metric::Setup, 50.0),
            found.percentile_ms(Metric::Setup, 99.0),
        )
    })
}

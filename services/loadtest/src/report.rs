//! The figures of a run, for people and for programs.

pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod plot;
pub(crate) mod table;

use std::time::Duration;

use crate::{
    measure::{metric::Metric, summary::Summary},
    scenario::{Scenario, threshold::Judged},
    servers::Usage,
    watch::track::Seen,
};

/// If the tool itself was this late for one call in a hundred, its figures say more of it than of the gateways.
const LATE_MS: f64 = 10.0;

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Report {
    /// What was run.
    pub(crate) scenario: Scenario,
    /// What it has shown.
    pub(crate) summary: Summary,
    /// How long the phases took.
    pub(crate) took: Duration,
    /// What the servers spent.
    pub(crate) servers: Vec<Usage>,
    /// What they, and others who are watched, held over time.
    pub(crate) seen: Seen,
    /// The thresholds.
    pub(crate) judged: Vec<Judged>,
    /// What a reader must know before believing the figures.
    pub(crate) warnings: Vec<String>,
    complete: bool,
}

impl Report {
    /// Judges.
    pub(crate) fn new(
        scenario: Scenario,
        summary: Summary,
        took: Duration,
        servers: Vec<Usage>,
        seen: Seen,
        missing: Vec<usize>,
        stopped: bool,
    ) -> Self {
        let judged = scenario.thresholds.judge(&summary, &seen);
        let mut warnings = Vec::new();
        let late = summary.percentile_ms(Metric::Lag, 99.0);
        if late > LATE_MS {
            warnings.push(format!(
                "The load tool was late itself: one call in a hundred began {late:.1} ms or more after its time. It is \
                 short of CPU; its times are too long by about that."
            ));
        }
        for worker in &missing {
            warnings
                .push(format!("The figures of worker {worker} are missing: it did not leave them in time."));
        }
        if stopped {
            warnings.push("The run was stopped before its end.".to_owned());
        }
        let complete = missing.is_empty() && !stopped;
        Self { scenario, summary, took, servers, seen, judged, warnings, complete }
    }

    /// What all servers together grew by for each connection, in bytes.
    pub(crate) fn rss_per_connection(&self) -> f64 {
        self.servers.iter().map(|server| server.rss_per_connection).sum()
    }

    /// Whether all thresholds were kept, in a run that is complete.
    pub(crate) fn passed(&self) -> bool {
        self.complete && self.judged.iter().all(|judged| judged.passed)
    }
}

#[cfg(test)]
mod tests;

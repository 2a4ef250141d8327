//! One phase of a scenario.

use serde::{Deserialize, Serialize};

use super::wait::Span;

/// For some time calls arrive at a rate (an open loop), or a number of calls is made, so many at a time (a closed loop).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phase {
    /// What it is called in reports.
    pub(crate) name: String,
    /// How long it lasts; a closed loop ends with its calls.
    #[serde(default, rename = "for")]
    pub(crate) length: Option<Span>,
    /// New calls a second, whatever becomes of those before.
    #[serde(default)]
    pub(crate) calls_per_s: Rate,
    /// How they are spread.
    #[serde(default)]
    pub(crate) arrivals: Arrivals,
    /// A closed loop: so many calls at any time …
    #[serde(default)]
    pub(crate) at_once: Option<usize>,
    /// … until so many have been made.
    #[serde(default)]
    pub(crate) calls: Option<u64>,
    /// Connections that are cut at the start of the phase, and come back at once. It is over when all are back.
    #[serde(default)]
    pub(crate) herd: Option<Herd>,
    /// Its times are in no figure. What is lost or doubled in it counts all the same.
    #[serde(default)]
    pub(crate) warm_up: bool,
}

/// Whose connections are cut at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Herd {
    /// Everybody's.
    All,
    /// Those of idle users: calls go on meanwhile, on connections that stay.
    Idle,
}

/// A rate, the same throughout (`50`) or from one to another (`{ from = 0, to = 50 }`).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged, expecting = "a number of calls, or { from, to }")]
pub(crate) enum Rate {
    /// The same throughout.
    Steady(f64),
    /// A ramp.
    Ramp {
        /// At the start of the phase.
        from: f64,
        /// At its end.
        to: f64,
    },
}

impl Default for Rate {
    fn default() -> Self {
        Self::Steady(0.0)
    }
}

impl Rate {
    /// At the start and at the end.
    pub(crate) fn ends(self) -> (f64, f64) {
        match self {
            Self::Steady(rate) => (rate, rate),
            Self::Ramp { from, to } => (from, to),
        }
    }
}

/// How arrivals are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Arrivals {
    /// Independently of one another, as people call.
    #[default]
    Poisson,
    /// At even distances.
    Constant,
}

impl Phase {
    /// One worker's share of it.
    pub(crate) fn share(&mut self, workers: usize) {
        let part = 1.0 / workers as f64;
        self.calls_per_s = match self.calls_per_s {
            Rate::Steady(rate) => Rate::Steady(rate * part),
            Rate::Ramp { from, to } => Rate::Ramp { from: from * part, to: to * part },
        };
        self.at_once = self.at_once.map(|at_once| at_once.div_ceil(workers));
        self.calls = self.calls.map(|calls| calls.div_ceil(workers as u64));
    }
}

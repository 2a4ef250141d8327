//! A scenario: who is there, what they do and for how long, and what the figures must be. `docs/load.md` describes the
//! file, `scenarios/` has examples.

pub(crate) mod check;
pub(crate) mod mix;
pub(crate) mod phase;
pub(crate) mod threshold;
pub(crate) mod wait;

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use self::{
    mix::Mix,
    phase::Phase,
    threshold::Thresholds,
    wait::{Span, Wait},
};

/// One scenario file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// What it is called in reports.
    pub(crate) name: String,
    /// WebSocket URLs; `--target` wins over them.
    #[serde(default)]
    pub(crate) targets: Vec<String>,
    /// What is spoken.
    #[serde(default)]
    pub(crate) protocol: Protocol,
    /// Who is there.
    pub(crate) users: Users,
    /// How calls go.
    #[serde(default)]
    pub(crate) mix: Mix,
    /// What is in a call.
    #[serde(default)]
    pub(crate) call: CallPlan,
    /// Connections that are cut and come back.
    #[serde(default)]
    pub(crate) churn: Option<Churn>,
    /// What happens, one after the other.
    #[serde(rename = "phase")]
    pub(crate) phases: Vec<Phase>,
    /// What the figures must be.
    #[serde(default)]
    pub(crate) thresholds: Thresholds,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    /// Ringback's, in JSON.
    #[default]
    Json,
    /// Ringback's, in MessagePack.
    Msgpack,
    /// Ringback's, every second user in MessagePack.
    Mixed,
    /// That of the least relay possible (`ringback-loadtest floor`).
    Floor,
}

/// Who is there.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Users {
    /// Users who call one another.
    #[serde(default)]
    pub(crate) calling: usize,
    /// Users who are connected and nothing else.
    #[serde(default)]
    pub(crate) idle: usize,
    /// New connections a second, until all are there.
    #[serde(default = "Users::connect_per_s")]
    pub(crate) connect_per_s: f64,
}

impl Users {
    fn connect_per_s() -> f64 {
        500.0
    }

    /// All of them.
    pub(crate) fn all(&self) -> usize {
        self.calling + self.idle
    }
}

/// What is in a call.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CallPlan {
    /// How long a call rings before it is accepted or rejected; no part of the set-up time.
    pub(crate) ring: Wait,
    /// How long the two talk.
    pub(crate) hold: Wait,
    /// When a caller who cancels does so, from the first ring on.
    pub(crate) cancel_after: Wait,
    /// When a caller whom nobody answers gives up; unset: never, the gateway's ringing timeout ends the call.
    pub(crate) patience: Option<Span>,
    /// Candidates of each side, one a message.
    pub(crate) candidates: usize,
    /// About the size of `call:init`, in bytes.
    pub(crate) init_bytes: usize,
    /// The size of a session description.
    pub(crate) sdp_bytes: usize,
    /// About the size of a candidate.
    pub(crate) candidate_bytes: usize,
    /// How long a message may take before it counts as lost, and the call as failed.
    pub(crate) step_limit: Span,
    /// How long nobody may answer before the gateway must have ended the call.
    pub(crate) ringing_limit: Span,
}

impl Default for CallPlan {
    fn default() -> Self {
        Self {
            ring: Wait::Fixed(Span::ZERO),
            hold: Wait::Fixed(Span::seconds(1)),
            cancel_after: Wait::Fixed(Span::millis(500)),
            patience: None,
            candidates: 8,
            init_bytes: 200,
            sdp_bytes: 3_000,
            candidate_bytes: 180,
            step_limit: Span::seconds(15),
            ringing_limit: Span::seconds(90),
        }
    }
}

/// Connections that are cut without a word, and come back with their session.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Churn {
    /// How many a second, of all.
    pub(crate) per_s: f64,
    /// How long they are away.
    pub(crate) away: Wait,
}

impl Scenario {
    /// Reads and checks a file.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no proper scenario", path.display()))
    }

    /// Reads and checks a text.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        check::check(&scenario)?;
        Ok(scenario)
    }

    /// The share of one of `workers`: that part of the users, of the calls, and of the churn.
    pub(crate) fn share(mut self, workers: usize) -> Self {
        let part = |whole: usize| whole.div_ceil(workers);
        self.users.calling = part(self.users.calling);
        self.users.idle = part(self.users.idle);
        self.users.connect_per_s /= workers as f64;
        for phase in &mut self.phases {
            phase.share(workers);
        }
        if let Some(churn) = &mut self.churn {
            churn.per_s /= workers as f64;
        }
        self
    }
}

#[cfg(test)]
mod tests;

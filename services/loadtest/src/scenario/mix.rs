//! How calls go, and how many of each there are.

use serde::{Deserialize, Serialize};

/// How a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Accepted, negotiated, connected, held, hung up.
    Answered,
    /// The callee says no.
    Rejected,
    /// Nobody answers.
    Missed,
    /// The caller thinks better of it while it rings.
    Cancelled,
    /// The callee is in another call.
    Busy,
    /// Both call each other at once, and get one call.
    Glare,
}

impl Outcome {
    /// All of them, in the order of reports.
    pub(crate) const ALL: [Self; 6] =
        [Self::Answered, Self::Rejected, Self::Missed, Self::Cancelled, Self::Busy, Self::Glare];

    /// As in scenario files and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Rejected => "rejected",
            Self::Missed => "missed",
            Self::Cancelled => "cancelled",
            Self::Busy => "busy",
            Self::Glare => "glare",
        }
    }
}

/// Weights: of `answered + rejected + …` calls, so many go this way.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mix {
    answered: u32,
    rejected: u32,
    missed: u32,
    cancelled: u32,
    busy: u32,
    glare: u32,
}

impl Default for Mix {
    /// Written without a mix, every call is answered. Within one, what is not named does not happen.
    fn default() -> Self {
        Self { answered: 0, rejected: 0, missed: 0, cancelled: 0, busy: 0, glare: 0 }
    }
}

impl Mix {
    /// How many in [`Self::total`] go this way.
    pub(crate) fn weight(&self, outcome: Outcome) -> u32 {
        match outcome {
            Outcome::Answered if self.named() == 0 => 1,
            Outcome::Answered => self.answered,
            Outcome::Rejected => self.rejected,
            Outcome::Missed => self.missed,
            Outcome::Cancelled => self.cancelled,
            Outcome::Busy => self.busy,
            Outcome::Glare => self.glare,
        }
    }

    /// The sum of all weights.
    pub(crate) fn total(&self) -> u32 {
        self.named().max(1)
    }

    fn named(&self) -> u32 {
        let Self { answered, rejected, missed, cancelled, busy, glare } = self;
        [answered, rejected, missed, cancelled, busy, glare]
            .into_iter()
            .fold(0, |sum, n| sum.saturating_add(*n))
    }
}

/// Deals outcomes out evenly (smooth weighted round robin): any `total` calls in a row are mixed exactly as asked.
#[derive(Debug)]
pub(crate) struct Deal {
    mix: Mix,
    credit: [i64; Outcome::ALL.len()],
}

impl Deal {
    /// The first one comes next.
    pub(crate) fn new(mix: Mix) -> Self {
        Self { mix, credit: [0; Outcome::ALL.len()] }
    }

    /// How the next call goes.
    pub(crate) fn next(&mut self) -> Outcome {
        let mut best = (i64::MIN, 0, Outcome::Answered);
        for (place, (credit, outcome)) in self.credit.iter_mut().zip(Outcome::ALL).enumerate() {
            *credit += i64::from(self.mix.weight(outcome));
            if *credit > best.0 {
                best = (*credit, place, outcome);
            }
        }
        if let Some(credit) = self.credit.get_mut(best.1) {
            *credit -= i64::from(self.mix.total());
        }
        best.2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dealt(mix: &str, calls: usize) -> Vec<usize> {
        let mut deal = Deal::new(toml::from_str(mix).unwrap());
        let dealt: Vec<Outcome> = (0..calls).map(|_| deal.next()).collect();
        Outcome::ALL.iter().map(|outcome| dealt.iter().filter(|dealt| *dealt == outcome).count()).collect()
    }

    #[test]
    fn every_round_is_mixed_exactly_as_asked() {
        assert_eq!(dealt("answered = 3\nrejected = 1\nglare = 2", 6), [3, 1, 0, 0, 0, 2]);
        assert_eq!(dealt("answered = 3\nrejected = 1\nglare = 2", 60), [30, 10, 0, 0, 0, 20]);
    }

    #[test]
    fn without_a_mix_every_call_is_answered() {
        assert_eq!(dealt("", 5), [5, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn what_is_not_named_does_not_happen() {
        assert_eq!(dealt("busy = 1", 5), [0, 0, 0, 0, 5, 0]);
    }
}

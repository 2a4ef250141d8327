//! Durations as people write them, and how long something takes when it does not always take the same.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration, written as `"250ms"`, `"10s"`, `"20m"` or `"1h"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    /// None at all.
    pub(crate) const ZERO: Self = Self(Duration::ZERO);

    /// So many seconds.
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub(crate) const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no duration: write it as \"250ms\", \"10s\", \"20m\" or \"1h\"");
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let seconds = match unit.trim() {
            "us" => number / 1e6,
            "ms" => number / 1e3,
            "s" => number,
            "m" => number * 60.0,
            "h" => number * 3600.0,
            _ => return Err(wrong()),
        };
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // From whole microseconds: a fraction of a second times a thousand has digits that nobody measured.
        let us = self.0.as_micros() as f64;
        if us >= 1e6 { write!(f, "{}s", us / 1e6) } else { write!(f, "{}ms", us / 1e3) }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How long something takes: always the same (`"2s"`), anything between two bounds (`{ min = "1s", max = "3s" }`), or
/// exponentially distributed (`{ mean = "30s" }`, cut at five times the mean).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged, expecting = "a duration, { min, max } or { mean }")]
pub(crate) enum Wait {
    /// Always the same.
    Fixed(Span),
    /// Evenly between two bounds.
    Between {
        /// At least.
        min: Span,
        /// At most.
        max: Span,
    },
    /// As people's calls are: many short ones, few long ones.
    Exponential {
        /// On average.
        mean: Span,
    },
}

/// An exponential wait is cut here, in means: a run has to end.
const LONGEST: f64 = 5.0;

impl Wait {
    /// One of them.
    pub(crate) fn draw(self, dice: &mut fastrand::Rng) -> Duration {
        match self {
            Self::Fixed(span) => span.0,
            Self::Between { min, max } => min.0 + (max.0.saturating_sub(min.0)).mul_f64(dice.f64()),
            Self::Exponential { mean } => mean.0.mul_f64((-(1.0 - dice.f64()).ln()).min(LONGEST)),
        }
    }

    /// No draw is longer.
    pub(crate) fn longest(self) -> Duration {
        match self {
            Self::Fixed(span) => span.0,
            Self::Between { max, .. } => max.0,
            Self::Exponential { mean } => mean.0.mul_f64(LONGEST),
        }
    }
}

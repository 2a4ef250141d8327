//! How far away a server is, and what time it is there.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::visit::{Guest, Trouble};
use crate::reply;

/// How often it is asked.
const SAMPLES: usize = 9;

/// A server's clock, as seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The time there and back: the median of some.
    pub round_trip: Duration,
    /// How far the server's clock is ahead of this machine's, ms; behind when negative. By the fastest answer, so that it is
    /// right to half of that one's time.
    pub ahead_ms: i64,
}

struct Sample {
    took: Duration,
    ahead_us: i128,
}

pub(super) async fn look_at(guest: &Guest) -> Result<Clock, Trouble> {
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let (asked, before) = (Instant::now(), SystemTime::now());
        let answer = guest.ask("TIME", &[]).await?;
        let took = asked.elapsed();
        let mut parts = reply::list(answer)?.into_iter();
        let seconds = reply::number(reply::next(&mut parts)?)?;
        let micros = reply::number(reply::next(&mut parts)?)?;
        let there = i128::from(seconds) * 1_000_000 + i128::from(micros);
        let here = before.duration_since(UNIX_EPOCH).unwrap_or_default() + took / 2;
        let here = i128::try_from(here.as_micros()).unwrap_or(i128::MAX);
        samples.push(Sample { took, ahead_us: there - here });
    }
    Ok(read(samples))
}

fn read(mut samples: Vec<Sample>) -> Clock {
    samples.sort_by_key(|sample| sample.took);
    let round_trip = samples.get(samples.len() / 2).map(|sample| sample.took).unwrap_or_default();
    let ahead = samples.first().map(|sample| sample.ahead_us / 1_000).unwrap_or_default();
    Clock { round_trip, ahead_ms: i64::try_from(ahead).unwrap_or(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_answer_tells_the_time_and_the_median_the_distance() {
        let sample = |ms, ahead_us| Sample { took: Duration::from_millis(ms), ahead_us };
        let clock = read(vec![sample(40, 9_000_000), sample(2, -1_500_000), sample(3, 8_000_000)]);
        assert_eq!(clock, Clock { round_trip: Duration::from_millis(3), ahead_ms: -1_500 });
    }
}

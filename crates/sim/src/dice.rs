//! Chance, all of it drawn from one seed.
//!
//! Each part of a simulation has dice of its own, made from the seed and the part's name: a part that throws once more
//! does not change what the others throw.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A stream of chances.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: u64,
    rng: fastrand::Rng,
}

impl Dice {
    /// Those of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, rng: fastrand::Rng::with_seed(seed) }
    }

    /// Those of a part.
    pub fn of(&self, part: &str) -> Self {
        Self::new(xxh3_64_with_seed(part.as_bytes(), self.seed))
    }

    /// Whether something happens that does so with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        // The dice are thrown in any case, so that a probability that is changed changes nothing else.
        self.rng.f64() < probability
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.rng.u64(low..=high.max(low))
    }

    /// An index below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        self.rng.usize(..count.max(1))
    }

    /// So many milliseconds.
    pub fn ms(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// How long until something happens that does so once in `mean` on average, in whole milliseconds.
    pub fn wait(&mut self, mean: Duration) -> Duration {
        let waits = -(1.0 - self.rng.f64()).ln();
        Duration::from_millis(mean.mul_f64(waits.min(8.0)).as_millis() as u64)
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len());
        &from[at]
    }

    /// Those of several that each are taken with this probability, in order.
    pub fn some<T: Clone>(&mut self, from: &[T], probability: f64) -> Vec<T> {
        let mut taken = Vec::new();
        for one in from {
            if self.chance(probability) {
                taken.push(one.clone());
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_dice_of_their_own() {
        let dice = Dice::new(7);
        let mut other = dice.clone();
        other.chance(0.5);
        assert_eq!(dice.of("x").between(0, u64::MAX), other.of("x").between(0, u64::MAX));
        assert_ne!(dice.of("x").between(0, u64::MAX), dice.of("y").between(0, u64::MAX));
    }
}

//! Figures of several turns.

use serde::Serialize;

/// The same figure in all turns.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    /// In the middle.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The greatest.
    pub(crate) greatest: f64,
}

impl Spread {
    /// Of these; none of them is a number if there are none.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let (middle, last) = (sorted.len() / 2, sorted.len().wrapping_sub(1));
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
        } else {
            at(middle)
        };
        Self { median, least: at(0), greatest: at(last) }
    }

    /// As a ratio.
    pub(crate) fn ratio(&self) -> String {
        let median = times(self.median);
        if self.median.is_finite() {
            format!("{median} ({:.2} to {:.2})", self.least, self.greatest)
        } else {
            median
        }
    }
}

/// A multiple; a dash if it is not known.
pub(crate) fn times(ratio: f64) -> String {
    if ratio.is_finite() { format!("x {ratio:.2}") } else { "-".to_owned() }
}

/// A number with so many decimals; a dash if it is not known.
pub(crate) fn number(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}") } else { "-".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let odd = Spread::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!((odd.median, odd.least, odd.greatest), (2.0, 1.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0].into_iter()).median, 2.5);
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(Spread::of([].into_iter()).ratio(), "-");
        assert_eq!(number(f64::NAN, 1), "-");
    }
}

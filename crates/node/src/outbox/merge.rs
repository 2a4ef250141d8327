//! The first of what all partitions hold, in one order, without reading much more than that. Each partition is read in
//! pages: small ones at first, since each has about its share of what is wanted, and then larger ones where it has more.

use std::collections::VecDeque;

use futures::{StreamExt as _, TryStreamExt as _};
use ringback_call::Timestamp;
use ringback_store::{Partition, Position, StoreError};

use super::reading::{Mark, Marked};

/// Partitions read at once.
const AT_ONCE: usize = 16;

/// What is wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// So many at most.
    pub(super) limit: usize,
    /// Only what was stored until then.
    pub(super) until: Timestamp,
}

/// One partition, as far as it has been read.
struct Source<T> {
    partition: Partition,
    from: Position,
    page: usize,
    read: VecDeque<Marked<T>>,
    /// Whether there may be more behind what was read.
    more: bool,
}

impl<T> Source<T> {
    fn runs_dry(&self) -> bool {
        self.read.is_empty() && self.more
    }
}

/// The first of them all, each partition read from a position on.
///
/// # Errors
/// When the store fails.
pub(super) async fn first<T, F>(
    starts: Vec<(Partition, Position)>,
    wanted: Wanted,
    read: impl Fn(Partition, Position, usize) -> F,
    position: impl Fn(&T) -> Position,
) -> Result<Vec<Marked<T>>, StoreError>
where
    F: Future<Output = Result<Vec<T>, StoreError>>,
{
    let page = (2 * wanted.limit).div_ceil(starts.len().max(1));
    let source = |(partition, from)| Source { partition, from, page, read: VecDeque::new(), more: true };
    let mut sources: Vec<Source<T>> = starts.into_iter().map(source).collect();
    let mut found: Vec<Marked<T>> = Vec::new();
    while found.len() < wanted.limit {
        // What comes first is known only where the first of each partition is.
        let left = wanted.limit - found.len();
        let dry = sources.iter().enumerate().filter(|(_, source)| source.runs_dry()).map(|(n, source)| {
            let (partition, from, limit) = (source.partition, source.from, source.page.min(left));
            let letters = read(partition, from, limit);
            async move { letters.await.map(|letters| (n, limit, letters)) }
        });
        let dry: Vec<_> = dry.collect();
        let pages: Vec<(usize, usize, Vec<T>)> =
            futures::stream::iter(dry).buffer_unordered(AT_ONCE).try_collect().await?;
        for (n, limit, letters) in pages {
            let Some(source) = sources.get_mut(n) else { continue };
            source.more = letters.len() >= limit;
            source.page *= 2;
            source.from = letters.last().map_or(source.from, &position);
            let partition = source.partition;
            source.read.extend(
                letters
                    .into_iter()
                    .map(|letter| Marked { mark: Mark::of(partition, position(&letter)), letter }),
            );
        }
        while found.len() < wanted.limit && !sources.iter().any(Source::runs_dry) {
            let heads = sources.iter_mut().filter(|source| !source.read.is_empty());
            let earliest = heads.min_by_key(|source| source.read.front().map(|letter| letter.mark));
            match earliest.and_then(|source| source.read.pop_front()) {
                Some(letter) if letter.mark.position().at <= wanted.until => found.push(letter),
                _ => return Ok(found),
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The first of what these partitions hold, and how many were read for it.
    async fn first_of(held: &[Vec<u64>], limit: usize, until: u64) -> (Vec<(u64, u16)>, usize) {
        let fetched = Cell::new(0);
        let read = |partition: Partition, from: Position, limit: usize| {
            let all = held[usize::from(partition.0)].iter().copied();
            let page: Vec<u64> = all.filter(|at| *at > from.at.0).take(limit).collect();
            fetched.set(fetched.get() + page.len());
            async move { Ok(page) }
        };
        let starts = (0..held.len()).map(|n| (Partition(n as u16), Position::START)).collect();
        let wanted = Wanted { limit, until: Timestamp(until) };
        let position = |at: &u64| Position { at: Timestamp(*at), seq: 0 };
        let found = first(starts, wanted, read, position).await.unwrap();
        (found.iter().map(|found| (found.letter, found.mark.partition().0)).collect(), fetched.get())
    }

    fn all_in_order(held: &[Vec<u64>]) -> Vec<(u64, u16)> {
        let each = held.iter().enumerate().flat_map(|(n, all)| all.iter().map(move |at| (*at, n as u16)));
        let mut all: Vec<_> = each.collect();
        all.sort_unstable();
        all
    }

    #[tokio::test]
    async fn little_more_is_read_than_is_wanted() {
        let spread: Vec<Vec<u64>> =
            (0..64).map(|n| (0..500).map(|k| 1 + k * 64 + (n * 7 + k) % 64).collect()).collect();
        let mut one_sided = vec![Vec::new(); 64];
        one_sided[9] = (1..=500).collect();
        one_sided[10] = (400..=900).collect();
        for (held, most) in [(spread, 500), (one_sided, 500)] {
            for limit in [1, 10, 200] {
                let (found, fetched) = first_of(&held, limit, u64::MAX).await;
                assert_eq!(found, all_in_order(&held)[..limit]);
                assert!(fetched <= most, "{fetched} were read for {limit}");
            }
        }
    }

    #[tokio::test]
    async fn what_there_is_is_found_to_the_end_and_not_beyond_what_is_settled() {
        let held = vec![vec![1, 4, 5, 9], vec![], vec![1, 2, 3, 8, 10, 11, 12]];
        let all = all_in_order(&held);
        assert_eq!(first_of(&held, 100, u64::MAX).await.0, all);
        assert_eq!(first_of(&held, 100, 9).await.0, all[..8]);
        assert_eq!(first_of(&held, 3, 9).await.0, all[..3]);
        assert_eq!(first_of(&held, 0, 9).await.0, []);
    }
}

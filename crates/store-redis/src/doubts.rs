//! Partitions in which nobody knows what a node has missed. To be told of one costs the node a look at every call there
//! and a word to every connection. A subscription that was away a while has missed messages in many of them, which are
//! found one after the other: they are told together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ringback_store::Partition;
use tokio::{sync::Notify, time::sleep};

/// How long more of them are waited for. What was missed has been missed for up to two seconds already.
const GATHER: Duration = Duration::from_millis(100);

/// By node. There are no more of them than there are partitions.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    gathered: Mutex<BTreeMap<String, BTreeSet<Partition>>>,
    wake: Notify,
}

impl Doubts {
    pub(crate) fn add(&self, node: String, partition: Partition) {
        self.gathered().entry(node).or_default().insert(partition);
        self.wake.notify_one();
    }

    /// Waits until there are any, and for more to come.
    pub(crate) async fn take(&self) -> BTreeMap<String, BTreeSet<Partition>> {
        self.wake.notified().await;
        sleep(GATHER).await;
        std::mem::take(&mut *self.gathered())
    }

    fn gathered(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<Partition>>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_of_one_moment_are_told_together_and_later_ones_again() {
        let doubts = Doubts::default();
        doubts.add("a".to_owned(), Partition(1));
        let later = async {
            sleep(GATHER / 2).await;
            doubts.add("a".to_owned(), Partition(0));
            doubts.add("b".to_owned(), Partition(1));
            doubts.add("a".to_owned(), Partition(1));
        };
        let (taken, ()) = tokio::join!(doubts.take(), later);
        let a = BTreeSet::from([Partition(0), Partition(1)]);
        let both = BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), BTreeSet::from([Partition(1)]))]);
        assert_eq!(taken, both);
        let after = async {
            sleep(GATHER * 3).await;
            doubts.add("b".to_owned(), Partition(2));
        };
        let mut taken = BTreeMap::new();
        let again = async {
            while taken.is_empty() {
                taken = doubts.take().await;
            }
        };
        tokio::join!(again, after);
        assert_eq!(taken, BTreeMap::from([("b".to_owned(), BTreeSet::from([Partition(2)]))]));
    }
}

//! Which of a partition's calls that are due are looked at now. One that is still due after it was looked at could not be
//! helped: its document can't be read, or the partition of one of its users is away. It is looked at again after a pause
//! that grows, and meanwhile those behind it have their turn.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use ringback_call::CallId;
use tokio::time::Instant;

/// Calls looked at in one sweep; the rest waits for the next.
pub(super) const BATCH: usize = 128;
/// Calls that are remembered. Of more, that one is forgotten whose turn comes soonest.
const MOST: usize = 512;
/// The pause after the first look, ...
const FIRST: Duration = Duration::from_secs(1);
/// ... and the longest. An outage may be the cause, and when that is over nobody should wait for long.
const LONGEST: Duration = Duration::from_secs(16);

/// The calls of one partition that were looked at, and are due as far as is known.
#[derive(Debug, Default)]
pub(super) struct Looks(HashMap<CallId, Look>);

#[derive(Clone, Copy, Debug)]
struct Look {
    pause: Duration,
    again: Instant,
}

impl Looks {
    /// How many that are due have to be read, the earliest first, so that some of them are not resting.
    pub(super) fn reach(&self) -> usize {
        BATCH + self.0.len()
    }

    /// Those that are to be looked at now, of those that are due: first those that were not before, and of each kind the
    /// earliest. What is remembered and not among them is not due any more.
    pub(super) fn choose(&mut self, due: Vec<CallId>, now: Instant) -> Vec<CallId> {
        let still: HashSet<&CallId> = due.iter().collect();
        self.0.retain(|call, _| still.contains(call));
        let (new, known): (Vec<_>, Vec<_>) = due.into_iter().partition(|call| !self.0.contains_key(call));
        let rested = known.into_iter().filter(|call| self.0.get(call).is_none_or(|look| look.again <= now));
        new.into_iter().chain(rested).take(BATCH).collect()
    }

    pub(super) fn looked_at(&mut self, call: CallId, now: Instant) {
        let before = self.0.get(&call).map(|look| look.pause * 2);
        if before.is_none() && self.0.len() >= MOST {
            let soonest = self.0.iter().min_by_key(|(call, look)| (look.again, *call));
            if let Some(soonest) = soonest.map(|(call, _)| call.clone()) {
                self.0.remove(&soonest);
            }
        }
        let pause = before.unwrap_or(FIRST).min(LONGEST);
        self.0.insert(call, Look { pause, again: now + pause });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(numbers: std::ops::Range<usize>) -> Vec<CallId> {
        numbers.map(|n| CallId::new(format!("call-{n:04}")).unwrap()).collect()
    }

    /// One sweep a second, in which nothing is done about anything; which calls were looked at, and how often.
    fn sweep(due: &[CallId], seconds: u64) -> HashMap<CallId, usize> {
        let (mut looks, mut seen) = (Looks::default(), HashMap::new());
        let start = Instant::now();
        for second in 0..seconds {
            let now = start + Duration::from_secs(second);
            let read = due.iter().take(looks.reach()).cloned().collect();
            for call in looks.choose(read, now) {
                *seen.entry(call.clone()).or_default() += 1;
                looks.looked_at(call, now);
            }
            assert!(looks.0.len() <= MOST);
        }
        seen
    }

    #[test]
    fn what_nobody_gets_done_is_looked_at_ever_less_often() {
        let due = calls(0..1);
        let seen = sweep(&due, 64);
        // After 1, 2, 4, 8, 16, 16, 16 seconds.
        assert_eq!(seen[&due[0]], 1 + 4 + (64 - 15) / 16);
    }

    #[test]
    fn those_behind_it_have_their_turn() {
        let due = calls(0..1_000);
        assert_eq!(sweep(&due, 1).len(), BATCH);
        let seen = sweep(&due, 4);
        assert!(due[..4 * BATCH].iter().all(|call| seen.contains_key(call)), "{}", seen.len());
    }

    #[test]
    fn what_was_done_is_forgotten() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        let due = calls(0..2);
        for call in looks.choose(due.clone(), now) {
            looks.looked_at(call, now);
        }
        assert!(looks.choose(due[..1].to_vec(), now).is_empty());
        assert_eq!(looks.choose(due.clone(), now), due[1..], "it is due for another reason");
        assert_eq!(looks.reach(), BATCH + 1);
    }
}

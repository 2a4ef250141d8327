//! Which of a partition's calls that are due are looked at now. One that is still due after it was looked at could not be
//! helped: its document can't be read, or the partition of one of its users is away. It is looked at again after a pause
//! that grows, and meanwhile those behind it have their turn: also where there are more of them than can be remembered.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use ringback_call::CallId;
use ringback_store::Due;
use tokio::time::Instant;

/// Calls looked at in one sweep; the rest waits for the next.
const BATCH: usize = 128;
/// Of these, calls that have their turn whatever is remembered of them, where there are more than can be remembered.
pub(super) const IN_TURN: usize = BATCH / 2;
/// Calls that are remembered. Of more, that one is forgotten whose turn comes soonest.
const MOST: usize = 512;
/// The pause after the first look, ...
const FIRST: Duration = Duration::from_secs(1);
/// ... and the longest. An outage may be the cause, and when that is over nobody should wait for long.
const LONGEST: Duration = Duration::from_secs(16);

/// The calls of one partition that were looked at, and are due as far as is known.
#[derive(Debug, Default)]
pub(super) struct Looks {
    remembered: HashMap<CallId, Look>,
    /// The last one that had its turn: from there it goes on, round and round.
    turn: Option<Due>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    pause: Duration,
    again: Instant,
}

impl Looks {
    /// How many that are due have to be read, the earliest first, so that some of them are not resting.
    pub(super) fn reach(&self) -> usize {
        BATCH + self.remembered.len()
    }

    /// Whether there may be more than can be remembered, where so many were due and `limit` were asked for. Then some are
    /// looked at in turn: those after the one returned.
    pub(super) fn goes_round(&mut self, due: usize, limit: usize) -> Option<Option<Due>> {
        if due < limit || self.remembered.len() < MOST {
            self.turn = None;
            return None;
        }
        Some(self.turn.clone())
    }

    /// These have their turn. Behind the last it begins anew.
    pub(super) fn have_their_turn(&mut self, in_turn: &[Due]) {
        self.turn = in_turn.last().filter(|_| in_turn.len() >= IN_TURN).cloned();
    }

    /// Those that are to be looked at now, of those that are due, beside those that have their turn: first those that were not
    /// before, and of each kind the earliest. What is remembered and not among them is not due any more.
    pub(super) fn choose(&mut self, due: Vec<Due>, in_turn: &[Due], now: Instant) -> Vec<CallId> {
        let due: Vec<CallId> = due.into_iter().map(|due| due.call).collect();
        let still: HashSet<&CallId> = due.iter().collect();
        self.remembered.retain(|call, _| still.contains(call));
        let in_turn: HashSet<&CallId> = in_turn.iter().map(|due| &due.call).collect();
        let (new, known): (Vec<_>, Vec<_>) = due
            .into_iter()
            .filter(|call| !in_turn.contains(call))
            .partition(|call| !self.remembered.contains_key(call));
        let has_rested = |call: &CallId| self.remembered.get(call).is_none_or(|look| look.again <= now);
        let most = BATCH.saturating_sub(in_turn.len());
        new.into_iter().chain(known.into_iter().filter(has_rested)).take(most).collect()
    }

    pub(super) fn looked_at(&mut self, call: CallId, now: Instant) {
        let before = self.remembered.get(&call).map(|look| look.pause * 2);
        if before.is_none() && self.remembered.len() >= MOST {
            let soonest = self.remembered.iter().min_by_key(|(call, look)| (look.again, *call));
            if let Some(soonest) = soonest.map(|(call, _)| call.clone()) {
                self.remembered.remove(&soonest);
            }
        }
        let pause = before.unwrap_or(FIRST).min(LONGEST);
        self.remembered.insert(call, Look { pause, again: now + pause });
    }
}

#[cfg(test)]
mod tests {
    use ringback_call::Timestamp;

    use super::*;

    fn calls(numbers: std::ops::Range<usize>) -> Vec<Due> {
        let call = |n| CallId::new(format!("call-{n:04}")).unwrap();
        numbers.map(|n| Due { at: Timestamp(n as u64 / 2), call: call(n) }).collect()
    }

    /// One sweep a second, in which nothing is done about anything; which calls were looked at, and how often.
    fn sweep(due: &[Due], seconds: u64) -> HashMap<CallId, usize> {
        let (mut looks, mut seen) = (Looks::default(), HashMap::new());
        let start = Instant::now();
        for second in 0..seconds {
            let now = start + Duration::from_secs(second);
            let limit = looks.reach();
            let read: Vec<Due> = due.iter().take(limit).cloned().collect();
            let mut in_turn = Vec::new();
            if let Some(after) = looks.goes_round(read.len(), limit) {
                let behind = due.iter().filter(|due| after.as_ref().is_none_or(|after| *due > after));
                in_turn.extend(behind.take(IN_TURN).cloned());
                looks.have_their_turn(&in_turn);
            }
            let chosen = looks.choose(read, &in_turn, now);
            assert!(chosen.len() + in_turn.len() <= BATCH);
            for call in &chosen {
                looks.looked_at(call.clone(), now);
            }
            for call in chosen.into_iter().chain(in_turn.into_iter().map(|due| due.call)) {
                *seen.entry(call).or_default() += 1;
            }
            assert!(looks.remembered.len() <= MOST);
        }
        seen
    }

    #[test]
    fn what_nobody_gets_done_is_looked_at_ever_less_often() {
        let due = calls(0..1);
        let seen = sweep(&due, 64);
        // After 1, 2, 4, 8, 16, 16, 16 seconds.
        assert_eq!(seen[&due[0].call], 1 + 4 + (64 - 15) / 16);
    }

    #[test]
    fn those_behind_it_have_their_turn() {
        let due = calls(0..1_000);
        assert_eq!(sweep(&due, 1).len(), BATCH);
        let seen = sweep(&due, 4);
        assert!(due[..4 * BATCH].iter().all(|due| seen.contains_key(&due.call)), "{}", seen.len());
    }

    #[test]
    fn so_have_those_behind_more_than_can_be_remembered() {
        let due = calls(0..5_000);
        let round = due.len().div_ceil(IN_TURN) as u64;
        let seen = sweep(&due, 4 + round);
        assert_eq!(seen.len(), due.len());
        let seen = sweep(&due, 4 + 3 * round);
        assert!(due.iter().all(|due| seen[&due.call] >= 3), "and again and again");
    }

    #[test]
    fn what_was_done_is_forgotten() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        let due = calls(0..2);
        for call in looks.choose(due.clone(), &[], now) {
            looks.looked_at(call, now);
        }
        assert!(looks.choose(due[..1].to_vec(), &[], now).is_empty());
        assert_eq!(
            looks.choose(due.clone(), &[], now),
            [due[1].call.clone()],
            "it is due for another reason"
        );
        assert_eq!(looks.reach(), BATCH + 1);
    }
}

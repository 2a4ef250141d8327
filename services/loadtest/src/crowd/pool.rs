//! Users who are in no call.

use std::collections::VecDeque;

use crate::user::User;

/// By the target they first connect to; who was free longest is taken first, so that calls spread over all targets, however few
/// there are at a time.
#[derive(Debug)]
pub(crate) struct Pool {
    queues: Vec<VecDeque<Free>>,
    /// How many have become free so far.
    freed: u64,
}

#[derive(Debug)]
struct Free {
    user: User,
    /// Who became free before has a lower one.
    number: u64,
}

impl Pool {
    /// Nobody yet, at so many targets.
    pub(crate) fn new(targets: usize) -> Self {
        Self { queues: (0..targets).map(|_| VecDeque::new()).collect(), freed: 0 }
    }

    /// So many users, each at another target than the one before, where others are free. `None`, and nobody taken, if
    /// there are not enough.
    pub(crate) fn take(&mut self, parties: usize) -> Option<Vec<User>> {
        if self.queues.iter().map(VecDeque::len).sum::<usize>() < parties {
            return None;
        }
        let mut taken: Vec<User> = Vec::with_capacity(parties);
        while taken.len() < parties {
            let last = taken.last().map(|user| user.home);
            let first = |(home, queue): (usize, &VecDeque<Free>)| Some((home, queue.front()?.number));
            // Another target counts for more than how long somebody was free.
            let next = self.queues.iter().enumerate().filter_map(first);
            let (home, _) = next.min_by_key(|(home, number)| (Some(*home) == last, *number))?;
            taken.extend(self.queues.get_mut(home)?.pop_front().map(|free| free.user));
        }
        Some(taken)
    }

    /// They are free again; whoever is gone is left out.
    pub(crate) fn give_back(&mut self, users: Vec<User>) {
        for user in users.into_iter().filter(|user| !user.is_gone()) {
            if let Some(queue) = self.queues.get_mut(user.home) {
                queue.push_back(Free { user, number: self.freed });
                self.freed += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::user::Command;

    /// Users at those targets; their connections stay while the receivers do.
    fn pool(targets: usize, homes: &[usize]) -> (Pool, Vec<mpsc::Receiver<Command>>) {
        let mut pool = Pool::new(targets);
        let connections = homes.iter().enumerate().map(|(number, home)| {
            let ((commands, asked), (_, told)) = (mpsc::channel(1), mpsc::channel(1));
            pool.give_back(vec![User::new(number.to_string().into(), *home, commands, told, true)]);
            asked
        });
        let connections = connections.collect();
        (pool, connections)
    }

    fn homes(users: &[User]) -> Vec<usize> {
        users.iter().map(|user| user.home).collect()
    }

    #[test]
    fn caller_and_callee_are_at_different_targets() {
        let (mut pool, _connections) = pool(2, &[0, 0, 0, 1]);
        assert_eq!(homes(&pool.take(2).unwrap()), [0, 1]);
        // Nobody is left at the other one.
        assert_eq!(homes(&pool.take(2).unwrap()), [0, 0]);
    }

    #[test]
    fn one_call_after_the_other_comes_to_every_target() {
        let (mut pool, _connections) = pool(4, &[0, 1, 2, 3, 0, 1, 2, 3]);
        let mut calls = [0; 4];
        for _ in 0..20 {
            let taken = pool.take(2).unwrap();
            homes(&taken).into_iter().for_each(|home| calls[home] += 1);
            pool.give_back(taken);
        }
        assert_eq!(calls, [10; 4]);
    }

    #[test]
    fn one_target_is_enough() {
        let (mut pool, _connections) = pool(1, &[0, 0, 0]);
        assert_eq!(pool.take(3).unwrap().len(), 3);
    }

    #[test]
    fn who_was_free_longest_is_first() {
        let (mut pool, _connections) = pool(1, &[0, 0, 0, 0]);
        let first = pool.take(2).unwrap();
        pool.give_back(first);
        let names: Vec<_> = pool.take(4).unwrap().iter().map(|user| user.name.to_string()).collect();
        assert_eq!(names, ["2", "3", "0", "1"]);
    }

    #[test]
    fn too_few_are_not_taken() {
        let (mut pool, _connections) = pool(2, &[0, 1]);
        assert!(pool.take(3).is_none());
        assert!(pool.take(2).is_some());
    }

    #[test]
    fn who_is_gone_does_not_come_back() {
        let (mut pool, connections) = pool(1, &[0, 0]);
        let users = pool.take(2).unwrap();
        drop(connections);
        pool.give_back(users);
        assert!(pool.take(1).is_none());
    }
}

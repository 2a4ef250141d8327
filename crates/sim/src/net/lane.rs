//! One direction of a connection.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::Access;

/// What travels.
#[derive(Clone, Debug)]
pub enum Item {
    /// A frame of the protocol.
    Frame(Bytes),
    /// The server asks whether the client lives.
    Ping(u64),
    /// The client does: it answers that ping.
    Pong(u64),
    /// The server closes the connection, and says why.
    Close(u16),
    /// Nothing more will come.
    Gone,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<(Instant, Item)>,
    last: Option<Instant>,
    over: bool,
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    queue: Mutex<Queue>,
    changed: Notify,
    taken: Notify,
}

impl Lane {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, item: Item, delay: Duration) {
        let mut queue = self.queue();
        if queue.over {
            return;
        }
        queue.over = matches!(item, Item::Gone);
        let at =
            queue.last.map_or_else(Instant::now, |last| last.max(Instant::now())).max(Instant::now() + delay);
        queue.last = Some(at);
        queue.items.push_back((at, item));
        drop(queue);
        self.changed.notify_one();
    }

    pub(super) fn len(&self) -> usize {
        self.queue().items.len()
    }

    /// Forgets all but the first few.
    pub(super) fn clear(&self, kept: usize) {
        let mut queue = self.queue();
        queue.items.truncate(kept);
        queue.over = queue.items.back().is_some_and(|(_, item)| matches!(item, Item::Gone));
        drop(queue);
        self.taken.notify_one();
    }

    pub(super) fn nudge(&self) {
        self.changed.notify_one();
    }

    /// Whether its end has been sent.
    pub(super) fn is_over(&self) -> bool {
        self.queue().over
    }

    /// Waits until there is room.
    pub(super) async fn room(&self, room: usize) {
        while self.len() >= room {
            self.taken.notified().await;
        }
    }

    /// The next that arrives. Can be dropped and called again without losing anything.
    pub(super) async fn receive(&self, access: &Access) -> Item {
        loop {
            let next = {
                let mut queue = self.queue();
                match queue.items.front() {
                    _ if access.swallows() => None,
                    None => None,
                    Some((at, _)) if *at > Instant::now() => Some(*at),
                    Some((_, Item::Gone)) => return Item::Gone,
                    Some(_) => {
                        let item = queue.items.pop_front().map_or(Item::Gone, |(_, item)| item);
                        drop(queue);
                        self.taken.notify_one();
                        return item;
                    }
                }
            };
            let arrival = async {
                match next {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.changed.notified() => {}
                () = arrival => {}
            }
        }
    }
}

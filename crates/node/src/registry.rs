//! The connections this gateway has, by user and device.

mod inbox;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ringback_call::{ConnectionId, DeviceId, UserId};
use ringback_wire::CloseCode;
use tokio::task::yield_now;
use xxhash_rust::xxh3::xxh3_64;

pub use inbox::{Handle, Inbox, Mail};

/// Locks a lookup is spread over, so that connecting and delivering do not wait for each other.
const SHARDS: usize = 16;

/// All connections. At most one for each device: a newer one takes the older one's place.
///
/// Whoever goes through all of them does so in the same order each time: a simulation depends on it.
#[derive(Debug, Default)]
pub struct Registry {
    shards: [Mutex<BTreeMap<UserId, Vec<Handle>>>; SHARDS],
}

impl Registry {
    fn shard(&self, user: &UserId) -> MutexGuard<'_, BTreeMap<UserId, Vec<Handle>>> {
        let at = xxh3_64(user.as_str().as_bytes()) as usize % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection and closes an older one of the same device. A connection that is itself the older one is
    /// closed instead, with 4000: where a clock is to blame, its client comes back by a newer one.
    pub fn insert(&self, user: &UserId, handle: Handle) {
        let mut shard = self.shard(user);
        // Most users have one device at a gateway.
        let handles = shard.entry(user.clone()).or_insert_with(|| Vec::with_capacity(1));
        match handles.iter_mut().find(|known| known.device() == handle.device()) {
            Some(known) if known.connection() > handle.connection() => handle.close(CloseCode::GoingAway),
            Some(known) => std::mem::replace(known, handle).close(CloseCode::Replaced),
            None => handles.push(handle),
        }
    }

    /// Takes a connection out, unless another has its place already.
    pub fn remove(&self, user: &UserId, device: &DeviceId, connection: ConnectionId) {
        let mut shard = self.shard(user);
        if let Some(handles) = shard.get_mut(user) {
            handles.retain(|handle| !handle.is_of(device, connection));
            if handles.is_empty() {
                shard.remove(user);
            }
        }
    }

    /// Closes this connection of a device, if it is here.
    pub fn close(&self, user: &UserId, device: &DeviceId, connection: ConnectionId, code: CloseCode) {
        for handle in self.shard(user).get(user).into_iter().flatten() {
            if handle.is_of(device, connection) {
                handle.close(code);
            }
        }
    }

    /// Puts mail into the queue of each of a user's connections, and returns how many those were. A connection whose
    /// queue is full reads too slowly and is closed; it gets what it missed from its mailboxes when it is back.
    pub fn deliver(&self, user: &UserId, mail: &Mail) -> usize {
        let shard = self.shard(user);
        let handles = shard.get(user).map(Vec::as_slice).unwrap_or_default();
        handles.iter().filter(|handle| handle.deliver(mail)).count()
    }

    /// Puts mail into the queue of every connection whose user is one of these. There may be many: others have their turn
    /// meanwhile.
    pub async fn deliver_where(&self, of: impl Fn(&UserId) -> bool, mail: &Mail) {
        for shard in &self.shards {
            {
                let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
                for (_, handles) in shard.iter().filter(|(user, _)| of(user)) {
                    for handle in handles {
                        handle.deliver(mail);
                    }
                }
            }
            yield_now().await;
        }
    }

    /// Whether a user has a connection here.
    pub fn has_user(&self, user: &UserId) -> bool {
        self.shard(user).contains_key(user)
    }

    /// Whether this connection of a device is here.
    pub fn has(&self, user: &UserId, device: &DeviceId, connection: ConnectionId) -> bool {
        let shard = self.shard(user);
        let mut handles = shard.get(user).into_iter().flatten();
        handles.any(|handle| handle.is_of(device, connection))
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        let shards = self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner));
        shards.map(|shard| shard.values().map(Vec::len).sum::<usize>()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;
    use ringback_call::{Audience, CallId, Event, Side, Timestamp};
    use ringback_store::{Version, record::Envelope};

    use super::*;

    fn user() -> UserId {
        UserId::new("alice").unwrap()
    }

    fn handle(device: &str, connection: u64, room: usize) -> (Handle, Inbox) {
        Handle::new(DeviceId::new(device).unwrap(), ConnectionId(connection), room)
    }

    fn entry() -> Mail {
        Mail::Entry(Arc::new(Envelope {
            call: CallId::new("p0-1").unwrap(),
            version: Version { count: 1, stamp: 0 },
            side: Side::Callee,
            seq: 1,
            at: Timestamp(1),
            user: user(),
            to: Audience::All,
            event: Event::Ringing,
        }))
    }

    #[test]
    fn a_newer_connection_replaces_the_older_and_a_late_goodbye_does_not_remove_it() {
        let registry = Registry::default();
        let (old, old_inbox) = handle("d1", 1, 1);
        let (new, new_inbox) = handle("d1", 2, 1);
        registry.insert(&user(), old);
        registry.insert(&user(), new);
        assert_eq!(old_inbox.closing().now_or_never(), Some(CloseCode::Replaced));
        registry.remove(&user(), &DeviceId::new("d1").unwrap(), ConnectionId(1));
        assert_eq!(registry.deliver(&user(), &entry()), 1);
        assert!(new_inbox.mail().now_or_never().is_some());
        let device = DeviceId::new("d1").unwrap();
        assert!(registry.has(&user(), &device, ConnectionId(2)));
        assert!(!registry.has(&user(), &device, ConnectionId(1)));
    }

    #[test]
    fn an_older_connection_that_comes_late_is_the_one_to_go() {
        let registry = Registry::default();
        let (new, new_inbox) = handle("d1", 2, 1);
        let (old, old_inbox) = handle("d1", 1, 1);
        registry.insert(&user(), new);
        registry.insert(&user(), old);
        assert_eq!(old_inbox.closing().now_or_never(), Some(CloseCode::GoingAway));
        assert_eq!(new_inbox.closing().now_or_never(), None);
    }

    #[test]
    fn a_full_queue_closes_its_connection_and_no_other() {
        let registry = Registry::default();
        let (slow, slow_inbox) = handle("slow", 1, 1);
        let (fast, fast_inbox) = handle("fast", 2, 8);
        registry.insert(&user(), slow);
        registry.insert(&user(), fast);
        assert_eq!(registry.deliver(&user(), &entry()), 2);
        assert_eq!(registry.deliver(&user(), &entry()), 1);
        assert_eq!(slow_inbox.closing().now_or_never(), Some(CloseCode::SlowReader));
        assert!((0..2).all(|_| fast_inbox.mail().now_or_never().is_some()));
    }

    #[tokio::test]
    async fn mail_reaches_the_users_it_is_for() {
        let registry = Registry::default();
        let (one, inbox) = handle("d1", 1, 1);
        registry.insert(&user(), one);
        registry.deliver_where(|user| user.as_str() == "bob", &Mail::Renew).await;
        assert!(inbox.mail().now_or_never().is_none());
        registry.deliver_where(|user| user.as_str() == "alice", &Mail::Renew).await;
        assert!(matches!(inbox.mail().now_or_never(), Some(Mail::Renew)));
        assert!(registry.has_user(&user()) && !registry.has_user(&UserId::new("bob").unwrap()));
    }
}

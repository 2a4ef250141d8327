//! The connections this gateway has, by user and device.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ringback_call::{ConnectionId, DeviceId, UserId};
use ringback_store::record::Envelope;
use ringback_wire::CloseCode;
use tokio::sync::{mpsc, watch};

/// Locks a lookup is spread over, so that connecting and delivering do not wait for each other.
const SHARDS: usize = 16;

/// The gateway's end of a connection.
#[derive(Clone, Debug)]
pub struct Handle {
    device: DeviceId,
    connection: ConnectionId,
    outbox: mpsc::Sender<Arc<Envelope>>,
    closing: watch::Sender<Option<CloseCode>>,
}

/// The connection's end: what it takes from the gateway.
#[derive(Debug)]
pub struct Inbox {
    /// Entries for this user, in order; not all are for this device.
    pub entries: mpsc::Receiver<Arc<Envelope>>,
    /// Set once the connection has to close.
    pub closing: watch::Receiver<Option<CloseCode>>,
}

impl Handle {
    /// Both ends, with room for this many entries.
    pub fn new(device: DeviceId, connection: ConnectionId, room: usize) -> (Self, Inbox) {
        let (outbox, entries) = mpsc::channel(room);
        let (closing, closed) = watch::channel(None);
        (Self { device, connection, outbox, closing }, Inbox { entries, closing: closed })
    }

    /// Asks the connection to close; the first reason stays.
    pub fn close(&self, code: CloseCode) {
        self.closing.send_if_modified(|closing| {
            closing.is_none() && {
                *closing = Some(code);
                true
            }
        });
    }
}

/// All connections. At most one for each device: a newer one takes the older one's place.
#[derive(Debug)]
pub struct Registry {
    hasher: RandomState,
    shards: [Mutex<HashMap<UserId, Vec<Handle>>>; SHARDS],
}

impl Default for Registry {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Registry {
    fn shard(&self, user: &UserId) -> MutexGuard<'_, HashMap<UserId, Vec<Handle>>> {
        let at = self.hasher.hash_one(user) as usize % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection and closes an older one of the same device. A connection that is itself the older one is
    /// closed instead.
    pub fn insert(&self, user: &UserId, handle: Handle) {
        let mut shard = self.shard(user);
        let handles = shard.entry(user.clone()).or_default();
        match handles.iter_mut().find(|known| known.device == handle.device) {
            Some(known) if known.connection > handle.connection => handle.close(CloseCode::Replaced),
            Some(known) => std::mem::replace(known, handle).close(CloseCode::Replaced),
            None => handles.push(handle),
        }
    }

    /// Takes a connection out, unless another has its place already.
    pub fn remove(&self, user: &UserId, device: &DeviceId, connection: ConnectionId) {
        let mut shard = self.shard(user);
        if let Some(handles) = shard.get_mut(user) {
            handles.retain(|handle| !(handle.device == *device && handle.connection == connection));
            if handles.is_empty() {
                shard.remove(user);
            }
        }
    }

    /// Closes this connection of a device, if it is here.
    pub fn close(&self, user: &UserId, device: &DeviceId, connection: ConnectionId, code: CloseCode) {
        for handle in self.shard(user).get(user).into_iter().flatten() {
            if handle.device == *device && handle.connection == connection {
                handle.close(code);
            }
        }
    }

    /// Puts an entry into the queue of each connection it is for, and returns how many those were. A connection
    /// whose queue is full reads too slowly and is closed; it will get the entry from its mailbox when it is back.
    pub fn deliver(&self, entry: &Arc<Envelope>) -> usize {
        let shard = self.shard(&entry.user);
        let handles = shard.get(&entry.user).map(Vec::as_slice).unwrap_or_default();
        let mut reached = 0;
        for handle in handles.iter().filter(|handle| entry.to.includes(&handle.device)) {
            match handle.outbox.try_send(Arc::clone(entry)) {
                Ok(()) => reached += 1,
                Err(mpsc::error::TrySendError::Full(_)) => handle.close(CloseCode::SlowReader),
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        }
        reached
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
    use ringback_call::{Audience, CallId, Event, Side, Timestamp};

    use super::*;

    fn user() -> UserId {
        UserId::new("alice").unwrap()
    }

    fn handle(device: &str, connection: u64, room: usize) -> (Handle, Inbox) {
        Handle::new(DeviceId::new(device).unwrap(), ConnectionId(connection), room)
    }

    fn entry(to: Audience) -> Arc<Envelope> {
        Arc::new(Envelope {
            call: CallId::new("p0-1").unwrap(),
            version: 1,
            side: Side::Callee,
            seq: 1,
            at: Timestamp(1),
            user: user(),
            to,
            event: Event::Ringing,
        })
    }

    #[test]
    fn a_newer_connection_replaces_the_older_and_a_late_goodbye_does_not_remove_it() {
        let registry = Registry::default();
        let (old, old_inbox) = handle("d1", 1, 1);
        let (new, mut new_inbox) = handle("d1", 2, 1);
        registry.insert(&user(), old);
        registry.insert(&user(), new);
        assert_eq!(*old_inbox.closing.borrow(), Some(CloseCode::Replaced));
        registry.remove(&user(), &DeviceId::new("d1").unwrap(), ConnectionId(1));
        assert_eq!(registry.deliver(&entry(Audience::All)), 1);
        assert!(new_inbox.entries.try_recv().is_ok());
    }

    #[test]
    fn an_older_connection_that_comes_late_is_the_one_to_go() {
        let registry = Registry::default();
        let (new, new_inbox) = handle("d1", 2, 1);
        let (old, old_inbox) = handle("d1", 1, 1);
        registry.insert(&user(), new);
        registry.insert(&user(), old);
        assert_eq!(*old_inbox.closing.borrow(), Some(CloseCode::Replaced));
        assert_eq!(*new_inbox.closing.borrow(), None);
    }

    #[test]
    fn a_full_queue_closes_its_connection_and_no_other() {
        let registry = Registry::default();
        let (slow, slow_inbox) = handle("slow", 1, 1);
        let (fast, mut fast_inbox) = handle("fast", 2, 8);
        registry.insert(&user(), slow);
        registry.insert(&user(), fast);
        assert_eq!(registry.deliver(&entry(Audience::All)), 2);
        assert_eq!(registry.deliver(&entry(Audience::All)), 1);
        assert_eq!(*slow_inbox.closing.borrow(), Some(CloseCode::SlowReader));
        assert!(fast_inbox.entries.try_recv().is_ok() && fast_inbox.entries.try_recv().is_ok());
    }

    #[test]
    fn an_entry_reaches_only_its_audience() {
        let registry = Registry::default();
        let (one, mut one_inbox) = handle("d1", 1, 1);
        let (two, mut two_inbox) = handle("d2", 2, 1);
        registry.insert(&user(), one);
        registry.insert(&user(), two);
        registry.deliver(&entry(Audience::Only(DeviceId::new("d2").unwrap())));
        assert!(one_inbox.entries.try_recv().is_err());
        assert!(two_inbox.entries.try_recv().is_ok());
    }
}

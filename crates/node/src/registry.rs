//! The connections this gateway has, by user and device.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ringback_call::{CallId, ConnectionId, DeviceId, UserId};
use ringback_store::{Partition, record::Envelope};
use ringback_wire::CloseCode;
use tokio::sync::{mpsc, watch};
use xxhash_rust::xxh3::xxh3_64;

/// Locks a lookup is spread over, so that connecting and delivering do not wait for each other.
const SHARDS: usize = 16;

/// The gateway's end of a connection.
#[derive(Clone, Debug)]
pub struct Handle {
    device: DeviceId,
    connection: ConnectionId,
    mail: mpsc::Sender<Mail>,
    closing: watch::Sender<Option<CloseCode>>,
}

/// What a connection is told by the gateway.
#[derive(Clone, Debug)]
pub enum Mail {
    /// An entry of this user's mailbox in a call, not necessarily for this device.
    Entry(Arc<Envelope>),
    /// Something was said in this call that did not arrive: its mailbox has to be read.
    CatchUp(CallId),
    /// So it may be in any call of these partitions: the mailboxes of all that the connection knows have to be read.
    Doubt(Arc<[Partition]>),
    /// What is stored of this connection may be lost, and has to be stored again.
    Renew,
}

/// The connection's end: what it takes from the gateway.
#[derive(Debug)]
pub struct Inbox {
    /// In order.
    pub mail: mpsc::Receiver<Mail>,
    /// Set once the connection has to close.
    pub closing: watch::Receiver<Option<CloseCode>>,
}

impl Handle {
    /// Both ends, with room for this many entries.
    pub fn new(device: DeviceId, connection: ConnectionId, room: usize) -> (Self, Inbox) {
        let (mail, inbox) = mpsc::channel(room);
        let (closing, closed) = watch::channel(None);
        (Self { device, connection, mail, closing }, Inbox { mail: inbox, closing: closed })
    }

    fn deliver(&self, mail: &Mail) -> bool {
        match self.mail.try_send(mail.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.close(CloseCode::SlowReader);
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
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
        let handles = shard.entry(user.clone()).or_default();
        match handles.iter_mut().find(|known| known.device == handle.device) {
            Some(known) if known.connection > handle.connection => handle.close(CloseCode::GoingAway),
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

    /// Puts mail into the queue of each of a user's connections, and returns how many those were. A connection whose
    /// queue is full reads too slowly and is closed; it gets what it missed from its mailboxes when it is back.
    pub fn deliver(&self, user: &UserId, mail: &Mail) -> usize {
        let shard = self.shard(user);
        let handles = shard.get(user).map(Vec::as_slice).unwrap_or_default();
        handles.iter().filter(|handle| handle.deliver(mail)).count()
    }

    /// Puts mail into the queue of every connection whose user is one of these.
    pub fn deliver_where(&self, of: impl Fn(&UserId) -> bool, mail: &Mail) {
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for (_, handles) in shard.iter().filter(|(user, _)| of(user)) {
                for handle in handles {
                    handle.deliver(mail);
                }
            }
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
        handles.any(|handle| handle.device == *device && handle.connection == connection)
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
    use ringback_call::{Audience, Event, Side, Timestamp};
    use ringback_store::Version;

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
        let (new, mut new_inbox) = handle("d1", 2, 1);
        registry.insert(&user(), old);
        registry.insert(&user(), new);
        assert_eq!(*old_inbox.closing.borrow(), Some(CloseCode::Replaced));
        registry.remove(&user(), &DeviceId::new("d1").unwrap(), ConnectionId(1));
        assert_eq!(registry.deliver(&user(), &entry()), 1);
        assert!(new_inbox.mail.try_recv().is_ok());
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
        assert_eq!(*old_inbox.closing.borrow(), Some(CloseCode::GoingAway));
        assert_eq!(*new_inbox.closing.borrow(), None);
    }

    #[test]
    fn a_full_queue_closes_its_connection_and_no_other() {
        let registry = Registry::default();
        let (slow, slow_inbox) = handle("slow", 1, 1);
        let (fast, mut fast_inbox) = handle("fast", 2, 8);
        registry.insert(&user(), slow);
        registry.insert(&user(), fast);
        assert_eq!(registry.deliver(&user(), &entry()), 2);
        assert_eq!(registry.deliver(&user(), &entry()), 1);
        assert_eq!(*slow_inbox.closing.borrow(), Some(CloseCode::SlowReader));
        assert!(fast_inbox.mail.try_recv().is_ok() && fast_inbox.mail.try_recv().is_ok());
    }

    #[test]
    fn mail_reaches_the_users_it_is_for() {
        let registry = Registry::default();
        let (one, mut inbox) = handle("d1", 1, 1);
        registry.insert(&user(), one);
        registry.deliver_where(|user| user.as_str() == "bob", &Mail::Renew);
        assert!(inbox.mail.try_recv().is_err());
        registry.deliver_where(|user| user.as_str() == "alice", &Mail::Renew);
        assert!(matches!(inbox.mail.try_recv(), Ok(Mail::Renew)));
        assert!(registry.has_user(&user()) && !registry.has_user(&UserId::new("bob").unwrap()));
    }
}

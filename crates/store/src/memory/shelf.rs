//! What one partition holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use ringback_call::{CallId, DeviceId, Endpoint, SessionId, Timestamp, UserId};

use super::call_log::LogRow;
use super::outbox::OutboxRow;
use crate::{Attempt, Log, Pair, Route, Stored};

/// How long a user's record lives that nobody touches: a day, as in the Redis store.
pub(super) const USER_TTL_MS: u64 = 86_400_000;

#[derive(Clone, Default)]
pub(super) struct Shelf {
    pub(super) calls: HashMap<CallId, CallRow>,
    pub(super) pairs: HashMap<Pair, PairRow>,
    pub(super) users: HashMap<UserId, UserRow>,
    pub(super) logs: HashMap<UserId, LogRow>,
    pub(super) sessions: HashMap<(Endpoint, SessionId), (Bytes, Timestamp)>,
    pub(super) deadlines: BTreeSet<(Timestamp, CallId)>,
    pub(super) outbox: OutboxRow,
    /// The last time that a connection was told.
    pub(super) last_us: u64,
    expiries: BTreeSet<(Timestamp, Key)>,
}

#[derive(Clone)]
pub(super) struct CallRow {
    pub(super) stored: Stored,
    pub(super) logs: BTreeMap<(Log, u64), Bytes>,
    pub(super) deadline: Option<Timestamp>,
    expires_at: Timestamp,
}

#[derive(Clone)]
pub(super) struct PairRow {
    pub(super) call: CallId,
    expires_at: Timestamp,
}

#[derive(Clone, Default)]
pub(super) struct UserRow {
    pub(super) routes: BTreeMap<DeviceId, Route>,
    pub(super) calls: BTreeMap<CallId, Timestamp>,
    /// The calls that have ended of late, and until when they are remembered.
    pub(super) ended: BTreeMap<CallId, Timestamp>,
    /// When the attempts that have come would have come at their pace.
    pub(super) attempts: HashMap<Attempt, Timestamp>,
    expires_at: Timestamp,
}

/// What expires. Kept in order of time beside the rows, which hold the binding date.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
enum Key {
    Call(CallId),
    Pair(Pair),
    User(UserId),
    Log(UserId),
    Session(DeviceId, UserId, SessionId),
}

impl Shelf {
    pub(super) fn put_call(&mut self, call: &CallId, stored: Stored, expires_at: Timestamp) -> &mut CallRow {
        self.expiries.insert((expires_at, Key::Call(call.clone())));
        let row = self.calls.entry(call.clone()).or_insert_with(|| CallRow {
            stored: stored.clone(),
            logs: BTreeMap::new(),
            deadline: None,
            expires_at,
        });
        if row.expires_at != expires_at {
            self.expiries.remove(&(row.expires_at, Key::Call(call.clone())));
        }
        row.expires_at = expires_at;
        row.stored = stored;
        row
    }

    pub(super) fn put_pair(&mut self, pair: &Pair, call: &CallId, expires_at: Timestamp) {
        let key = Key::Pair(pair.clone());
        let row = PairRow { call: call.clone(), expires_at };
        if let Some(old) = self.pairs.insert(pair.clone(), row) {
            self.expiries.remove(&(old.expires_at, key.clone()));
        }
        self.expiries.insert((expires_at, key));
    }

    pub(super) fn user_mut(&mut self, user: &UserId, expires_at: Timestamp) -> &mut UserRow {
        let row = self.users.entry(user.clone()).or_default();
        self.expiries.remove(&(row.expires_at, Key::User(user.clone())));
        self.expiries.insert((expires_at, Key::User(user.clone())));
        row.expires_at = expires_at;
        row
    }

    pub(super) fn log_mut(&mut self, user: &UserId, expires_at: Timestamp) -> &mut LogRow {
        let row = self.logs.entry(user.clone()).or_default();
        self.expiries.remove(&(row.expires_at, Key::Log(user.clone())));
        self.expiries.insert((expires_at, Key::Log(user.clone())));
        row.expires_at = expires_at;
        row
    }

    pub(super) fn put_session(
        &mut self,
        owner: Endpoint,
        session: SessionId,
        notes: Bytes,
        expires_at: Timestamp,
    ) {
        let key = Key::Session(owner.device.clone(), owner.user.clone(), session.clone());
        if let Some((_, old)) = self.sessions.insert((owner, session), (notes, expires_at)) {
            self.expiries.remove(&(old, key.clone()));
        }
        self.expiries.insert((expires_at, key));
    }

    /// Drops what has outlived its time.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.outbox.expire(now);
        while let Some((at, _)) = self.expiries.first()
            && *at <= now
            && let Some((_, key)) = self.expiries.pop_first()
        {
            match key {
                Key::Call(call) => {
                    // As in Redis, the deadline is a key of its own and stays until the sweeper forgets it.
                    self.calls.remove(&call);
                }
                Key::Pair(pair) => {
                    self.pairs.remove(&pair);
                }
                Key::User(user) => {
                    self.users.remove(&user);
                }
                Key::Log(user) => {
                    self.logs.remove(&user);
                }
                Key::Session(device, user, session) => {
                    self.sessions.remove(&(Endpoint { user, device }, session));
                }
            }
        }
    }
}

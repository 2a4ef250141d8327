//! Every key and channel this store uses.
//!
//! All of them begin with the namespace (`rb1`: the 1 is the version of this table) and carry their partition as
//! a hash tag, so that a partition is one slot of a cluster. Every key has a time to live, refreshed with each
//! write, so that nothing stays should every gateway die.
//!
//! | key | type | contents | time to live |
//! | --- | --- | --- | --- |
//! | `rb1:{pN}:c:<call>` | hash | `v` version, `d` document, `r:<seq>` and `e:<seq>` the caller's and callee's mailbox | the commit's |
//! | `rb1:{pN}:t:<call>` | list | the call's notes, each with its number in front | the commit's |
//! | `rb1:{pN}:pair:<pair>` | string | the id of the pair's newest call | the commit's |
//! | `rb1:{pN}:dl` | sorted set | calls by deadline, ms | [`DEADLINES_TTL_MS`] or the commit's, never shortened |
//! | `rb1:{pM}:u:<user>` | hash | `d:<device>` → `<connection>:<node>`, `c:<call>` → since when | [`USER_TTL_MS`] |
//! | `rb1:{pM}:made:<user>`, `rb1:{pM}:got:<user>` | string | when the calls that the user has made, and got, of late would have come at the pace that is allowed, ms | until then |
//! | `rb1:{pM}:ended:<user>` | sorted set | the last calls that have ended, by the moment until which each is remembered, ms | as long as the newest is |
//! | `rb1:{pM}:log:<user>` | sorted set | the user's calls that are over, by their end, ms | [the log's age](ringback_store::LogBounds) |
//! | `rb1:{pM}:missed:<user>` | sorted set | the missed ones of them, by the moment at which each was written down, ms | the log's age |
//! | `rb1:{pM}:rec:<user>` | hash | `<call>` → its record | the log's age |
//! | `rb1:{pM}:told:<user>` | sorted set | devices by the moment until which each knows of the missed ones, ms | the log's age |
//! | `rb1:{pM}:s:<session>:<user>` | string | the device the session belongs to, a blank, and what is remembered of it | the session's |
//! | `rb1:{pN}:q:<node>` | hash | `n` messages on the node's channel so far, `0` … `63` the last of them (see `publish.lua`) | [`COUNT_TTL_MS`] |
//! | `rb1:{pN}:history` | string | changes when data may have been lost (see `probe.lua`) | [`USER_TTL_MS`] |
//! | `rb1:{pN}:events` | stream | the outbox: letters, `event` each; group [`OUTBOX_GROUP`] delivers them | the commit's retention |
//! | `rb1:{pN}:dead` | stream | letters that could not be delivered, `event` and `why` | the burial's |
//! | `rb1:{pN}:lease` | string | the node that delivers the letters | the lease's |
//! | `rb1:{pN}:settle` | string | a write to wait for (`durability = "replicated"`) | a second |
//! | `rb1:{pN}:trial:<trial>:<what>` | any | nothing that counts (see `rights.lua`) | ten seconds |
//! | `rb1:{p0}:nodes` | sorted set | nodes by the time until which they live, ms | [`NODES_TTL_MS`] or the heartbeat's |
//!
//! | channel (sharded) | messages |
//! | --- | --- |
//! | `rb1:{pN}:n:<node>` | see [`crate::bus`] |
//!
//! Of the tags `{p0}` … `{p63}`, 20, 20 and 24 fall to three primaries of equal slot ranges (a test in
//! [`crate::slots`] holds that figure), and no two to one slot. User ids are in the keys of users and pairs: keys are never logged.

use fred::types::Key;
use ringback_call::{CallId, ConnectionId, NodeId, SessionId, Side, Timestamp, UserId};
use ringback_store::{Attempt, Log, Pair, Partition};

/// How long a user's record lives that nobody touches.
pub(crate) const USER_TTL_MS: u64 = 86_400_000;
/// The least time a partition's deadlines live that nobody touches.
pub(crate) const DEADLINES_TTL_MS: u64 = 7 * 86_400_000;
/// The least time the list of nodes lives that nobody touches.
pub(crate) const NODES_TTL_MS: u64 = 86_400_000;
/// How long a node's counts live that nobody touches; a node touches its own every few seconds.
pub(crate) const COUNT_TTL_MS: u64 = 3_600_000;
/// No time to live is longer (100 years): Redis refuses one that ends after its calendar does.
pub(crate) const LONGEST_TTL_MS: u64 = 100 * 365 * 86_400_000;

/// The list of nodes is here.
pub(crate) const NODES: Partition = Partition(0);

/// The name of a document's version in its hash.
pub(crate) const VERSION: &str = "v";
/// The name of a document's bytes in its hash.
pub(crate) const DOCUMENT: &str = "d";

/// The group that delivers an outbox's letters, as the scripts name it too.
pub(crate) const OUTBOX_GROUP: &str = "webhooks";

/// Makes the names.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    namespace: String,
}

impl Keys {
    pub(crate) fn new(namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into() }
    }

    pub(crate) fn call(&self, partition: Partition, call: &CallId) -> Key {
        self.key(partition, "c:", call.as_str())
    }

    pub(crate) fn notes(&self, partition: Partition, call: &CallId) -> Key {
        self.key(partition, "t:", call.as_str())
    }

    pub(crate) fn pair(&self, partition: Partition, pair: &Pair) -> Key {
        self.key(partition, "pair:", pair.as_str())
    }

    pub(crate) fn deadlines(&self, partition: Partition) -> Key {
        self.key(partition, "dl", "")
    }

    pub(crate) fn user(&self, partition: Partition, user: &UserId) -> Key {
        self.key(partition, "u:", user.as_str())
    }

    pub(crate) fn attempts(&self, partition: Partition, user: &UserId, attempt: Attempt) -> Key {
        let kind = match attempt {
            Attempt::Made => "made:",
            Attempt::Received => "got:",
        };
        self.key(partition, kind, user.as_str())
    }

    pub(crate) fn ended(&self, partition: Partition, user: &UserId) -> Key {
        self.key(partition, "ended:", user.as_str())
    }

    pub(crate) fn log(&self, partition: Partition, user: &UserId) -> Key {
        self.key(partition, "log:", user.as_str())
    }

    pub(crate) fn missed(&self, partition: Partition, user: &UserId) -> Key {
        self.key(partition, "missed:", user.as_str())
    }

    pub(crate) fn records(&self, partition: Partition, user: &UserId) -> Key {
        self.key(partition, "rec:", user.as_str())
    }

    pub(crate) fn told(&self, partition: Partition, user: &UserId) -> Key {
        self.key(partition, "told:", user.as_str())
    }

    /// A session's own text has no colon, so that the user's may have any.
    pub(crate) fn session(&self, partition: Partition, user: &UserId, session: &SessionId) -> Key {
        self.key(partition, "s:", &format!("{}:{}", session.as_str(), user.as_str()))
    }

    /// The key of no session at all, in this partition.
    pub(crate) fn no_session(&self, partition: Partition) -> Key {
        self.key(partition, "s:", "")
    }

    pub(crate) fn nodes(&self) -> Key {
        self.key(NODES, "nodes", "")
    }

    pub(crate) fn count(&self, partition: Partition, node: &str) -> Key {
        self.key(partition, "q:", node)
    }

    pub(crate) fn history(&self, partition: Partition) -> Key {
        self.key(partition, "history", "")
    }

    pub(crate) fn outbox(&self, partition: Partition) -> Key {
        self.key(partition, "events", "")
    }

    pub(crate) fn dead_letters(&self, partition: Partition) -> Key {
        self.key(partition, "dead", "")
    }

    pub(crate) fn outbox_lease(&self, partition: Partition) -> Key {
        self.key(partition, "lease", "")
    }

    pub(crate) fn settle(&self, partition: Partition) -> Key {
        self.key(partition, "settle", "")
    }

    pub(crate) fn trial(&self, partition: Partition, trial: &NodeId, what: &str) -> Key {
        self.key(partition, "trial:", &format!("{}:{what}", trial.as_str()))
    }

    pub(crate) fn channel(&self, partition: Partition, node: &str) -> String {
        self.name(partition, "n:", node)
    }

    /// The partition and the node that a channel belongs to.
    pub(crate) fn read_channel<'a>(&self, channel: &'a str) -> Option<(Partition, &'a str)> {
        let rest = channel.strip_prefix(self.namespace.as_str())?.strip_prefix(":{p")?;
        let (partition, node) = rest.split_once("}:n:")?;
        Some((Partition(partition.parse().ok()?), node))
    }

    fn key(&self, partition: Partition, kind: &str, name: &str) -> Key {
        self.name(partition, kind, name).into()
    }

    /// Without the formatting machinery: there are ten of them in each commit.
    fn name(&self, partition: Partition, kind: &str, name: &str) -> String {
        [self.namespace.as_str(), ":{p", &partition.0.to_string(), "}:", kind, name].concat()
    }
}

/// The part of a log's field names before the number. Notes are no fields.
pub(crate) const fn log_prefix(log: Log) -> &'static str {
    match log {
        Log::Mailbox(Side::Caller) => "r:",
        Log::Mailbox(Side::Callee) => "e:",
        Log::Notes => "n:",
    }
}

/// The field of an entry.
pub(crate) fn field(log: Log, seq: u64) -> String {
    [log_prefix(log), &seq.to_string()].concat()
}

/// A time as the score of a member of a sorted set, which is exact up to 2^53.
pub(crate) fn score(at: Timestamp) -> String {
    at.0.min((1 << 53) - 1).to_string()
}

/// A connection as the scripts compare it: as text, since it is greater than a Lua number can hold.
pub(crate) fn padded(connection: ConnectionId) -> String {
    format!("{:020}", connection.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_names_its_node() {
        let keys = Keys::new("rb1");
        let channel = keys.channel(Partition(12), "eu-1.a_b");
        assert_eq!(channel, "rb1:{p12}:n:eu-1.a_b");
        assert_eq!(keys.read_channel(&channel), Some((Partition(12), "eu-1.a_b")));
        assert_eq!(keys.read_channel("other:{p12}:n:x"), None);
        assert_eq!(keys.read_channel("rb1:{p12}:dl"), None);
    }

    #[test]
    fn numbers_stay_in_order() {
        assert!(
            padded(ConnectionId(9)) < padded(ConnectionId(10))
                && padded(ConnectionId(10)) < padded(ConnectionId(u64::MAX))
        );
        assert_eq!(score(Timestamp(10)), "10");
        assert_eq!(score(Timestamp(u64::MAX)).parse::<f64>().unwrap() as u64, (1 << 53) - 1);
    }

    #[test]
    fn a_user_s_braces_do_not_move_the_key() {
        let keys = Keys::new("rb1");
        let key = keys.user(Partition(3), &UserId::new("{x}").unwrap());
        assert_eq!(key.cluster_hash(), keys.deadlines(Partition(3)).cluster_hash());
    }
}

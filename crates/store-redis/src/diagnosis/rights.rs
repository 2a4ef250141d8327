//! Whether the user that gateways are may do what they do: by doing it, through the store, on keys that nobody else uses.

use std::error::Error as _;

use fred::{
    interfaces::ClientLike as _,
    types::{ClusterHash, CustomCommand, Key, Value},
};
use ringback_call::NodeId;
use ringback_store::{Partition, Store as _, StoreError};

use super::visit::Trouble;
use crate::{
    RedisStore,
    errors::GivenUp,
    reply,
    request::{RIGHTS, Request},
};

/// How long the keys live that are made, should they not be taken away.
const TTL_MS: &str = "10000";

/// What gateways send besides scripts.
const COMMANDS: [(&str, &[&str]); 12] = [
    ("SET", &["1", "PX", TTL_MS]),
    ("GET", &[]),
    ("HGET", &["a"]),
    ("HMGET", &["a"]),
    ("HGETALL", &[]),
    ("HKEYS", &[]),
    ("LRANGE", &["0", "-1"]),
    ("ZRANGE", &["0", "-1"]),
    ("ZRANGEBYSCORE", &["-inf", "+inf"]),
    ("ZREM", &["a"]),
    ("XACK", &["g", "1-1"]),
    ("XRANGE", &["-", "+"]),
];

/// A command that a gateway needs, and that does not work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// Which one, such as `EVALSHA` or, in a script, `script: ZADD`.
    pub command: String,
    /// What the server said.
    pub why: String,
}

impl RedisStore {
    /// Tries on every primary whether all works that gateways need, and says what does not. A trial needs a name of its own.
    /// What it writes is gone after ten seconds.
    ///
    /// # Errors
    /// When a primary can't be reached in time.
    pub async fn try_rights(&self, trial: &NodeId) -> Result<Vec<Refused>, Trouble> {
        let mut refused = Vec::new();
        for partition in self.one_of_each_primary(trial).await? {
            refused.extend(self.try_script(partition, trial).await?);
            for (command, args) in COMMANDS {
                // A key for each: they are of different types.
                let key = self.keys().trial(partition, trial, command);
                let args = args.iter().map(|arg| Value::from(*arg)).collect();
                let request = Request::command("a trial", command, key, args);
                match self.run(partition, &request).await {
                    Ok(_) => {}
                    Err(error) => refused.push(Refused { command: command.to_owned(), why: refusal(error)? }),
                }
            }
            if self.waits_for_replicas() {
                refused.extend(self.try_wait(partition).await?);
            }
        }
        refused.sort();
        refused.dedup();
        Ok(refused)
    }

    /// A partition of each primary: every server has users of its own.
    async fn one_of_each_primary(&self, trial: &NodeId) -> Result<Vec<Partition>, Trouble> {
        let any = Partition(0);
        let key = self.keys().trial(any, trial, "GET");
        // Until somebody has answered there may be no map. Whether it may be read is found out below.
        match self.run(any, &Request::command("a trial", "GET", key, Vec::new())).await {
            Ok(_) => {}
            Err(error) => drop(refusal(error)?),
        }
        let map = self.topology.map();
        let mut met: Vec<&str> = Vec::new();
        let first_of = |partition: &Partition| {
            let Some(owner) = map.owner(*partition) else { return false };
            let new = !met.contains(&owner.name());
            met.push(owner.name());
            new
        };
        Ok(self.partitions().all().filter(first_of).collect())
    }

    async fn try_script(&self, partition: Partition, trial: &NodeId) -> Result<Vec<Refused>, Trouble> {
        let names = ["hash", "list", "zset", "stream", "text"];
        let mut keys: Vec<Key> = names.map(|name| self.keys().trial(partition, trial, name)).into();
        keys.push(self.keys().channel(partition, trial.as_str()).into());
        let request = Request::script("a trial", &RIGHTS, keys, vec![TTL_MS.into()]);
        let answer = match self.run(partition, &request).await {
            Ok(answer) => answer,
            Err(error) => {
                return Ok(vec![Refused {
                    command: "EVALSHA, SCRIPT LOAD".to_owned(),
                    why: refusal(error)?,
                }]);
            }
        };
        let mut pairs = reply::list(answer)?.into_iter();
        let mut refused = Vec::new();
        while let Some(command) = pairs.next() {
            let command = format!("script: {}", reply::text(command)?);
            refused.push(Refused { command, why: reply::text(reply::next(&mut pairs)?)? });
        }
        Ok(refused)
    }

    async fn try_wait(&self, partition: Partition) -> Result<Option<Refused>, Trouble> {
        let map = self.topology.map();
        let Some(shard) = map.owner(partition) else { return Ok(None) };
        let wait = CustomCommand::new_static("WAIT", ClusterHash::FirstKey, false);
        // For no replica, which is at once.
        let answer = shard
            .commands(partition)
            .custom::<Value, Value>(wait, vec![Value::Integer(0), Value::Integer(1)])
            .await;
        let Err(error) = answer else { return Ok(None) };
        match Trouble::of(&error) {
            Trouble::Forbidden(why) => Ok(Some(Refused { command: "WAIT".to_owned(), why })),
            trouble => Err(trouble),
        }
    }
}

/// What the server said, if it has refused; else why it has not answered.
fn refusal(error: StoreError) -> Result<String, Trouble> {
    let source = error.source();
    if let Some(GivenUp::NoPrimary) = source.and_then(|source| source.downcast_ref()) {
        return Err(Trouble::Silent);
    }
    let mut cause = source;
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<fred::error::Error>() {
            return match Trouble::of(error) {
                Trouble::Forbidden(why) | Trouble::Unknown(why) => Ok(why),
                trouble => Err(trouble),
            };
        }
        cause = error.source();
    }
    Err(Trouble::Unknown(error.to_string()))
}

#[cfg(test)]
mod tests;

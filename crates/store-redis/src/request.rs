//! One command or script, sent until it is known what became of it.

use std::{sync::LazyLock, time::Duration};

use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike as _, LuaInterface as _},
    types::{ClusterHash, CustomCommand, Key, Value, scripts::Script},
};
use ringback_store::{COMMAND_TIMEOUT_MS, Partition, StoreError, Version};
use tokio::time::{Instant, timeout_at};

use crate::{
    errors::{Fault, GivenUp},
    keys::{self, COUNT_TTL_MS, DEADLINES_TTL_MS},
    reply,
    topology::Topology,
};

/// The first pause before a command is sent again, and the longest.
const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(100);

/// What the scripts know without being told each time: an argument costs Redis about as much as a command.
fn constants() -> String {
    format!(
        "local PUBLISHED, COUNT_TTL, DEADLINES_TTL = {PUBLISHED_DOCUMENT}, {COUNT_TTL_MS}, {DEADLINES_TTL_MS}\n"
    )
}

macro_rules! script {
    ($name:ident, $file:literal $(, $with:literal)*) => {
        pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| {
            let parts = concat!(
                $(include_str!(concat!("scripts/", $with)),)*
                include_str!(concat!("scripts/", $file))
            );
            Script::from_lua(constants() + parts)
        });
    };
}
script!(COMMIT, "commit.lua", "publish.lua", "post.lua");
script!(SEND, "send.lua", "publish.lua");
script!(PROBE, "probe.lua");
script!(FORGET, "forget.lua");
script!(REGISTER, "register.lua");
script!(UNREGISTER, "unregister.lua");
script!(ENLIST, "enlist.lua");
script!(DELIST, "delist.lua");
script!(LOG, "log.lua");
script!(MISSED, "missed.lua");
script!(CONFIRM, "confirm.lua");
script!(RESCHEDULE, "reschedule.lua");
script!(GREET, "greet.lua");
script!(HEARTBEAT, "heartbeat.lua");
script!(COLLECT, "collect.lua", "group.lua");
script!(BURY, "bury.lua", "post.lua");
script!(REVIVE, "revive.lua", "post.lua");
script!(RELEASE, "release.lua");
script!(WAITING, "waiting.lua", "group.lua");

/// A document is sent along with an entry up to this size. A larger one costs Redis more to copy than the round
/// trip it may spare.
const PUBLISHED_DOCUMENT: usize = 4_096;

/// How long a replica may take to have a commit, in milliseconds. Shorter than a command may take.
const REPLICA_MS: i64 = 500;

/// What is sent.
#[derive(Clone, Copy)]
enum Verb {
    Command(&'static str),
    Script(&'static Script),
}

/// A command with its arguments.
#[derive(Clone)]
pub(crate) struct Request {
    /// What it is about, for errors.
    what: &'static str,
    verb: Verb,
    keys: Vec<Key>,
    args: Vec<Value>,
    repeatable: bool,
}

impl Request {
    /// A command with one key.
    pub(crate) fn command(what: &'static str, name: &'static str, key: Key, args: Vec<Value>) -> Self {
        Self { what, verb: Verb::Command(name), keys: vec![key], args, repeatable: true }
    }

    pub(crate) fn script(
        what: &'static str,
        script: &'static Script,
        keys: Vec<Key>,
        args: Vec<Value>,
    ) -> Self {
        Self { what, verb: Verb::Script(script), keys, args, repeatable: true }
    }

    /// Not to be sent again when it may have been applied.
    pub(crate) fn once(self) -> Self {
        Self { repeatable: false, ..self }
    }

    pub(crate) async fn send(self, client: &Client) -> Result<Value, Error> {
        send(&|| self.clone(), client).await
    }
}

/// Sends what is made here: made anew rather than copied, since it is hardly ever sent twice.
async fn send(make: &(impl Fn() -> Request + Sync), client: &Client) -> Result<Value, Error> {
    let Request { verb, keys, args, .. } = make();
    match verb {
        Verb::Script(script) => match client.evalsha(script.sha1().clone(), keys, args).await {
            // Boxed, since it is large and rare.
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                Box::pin(async {
                    script.load(client).await?;
                    let Request { keys, args, .. } = make();
                    client.evalsha(script.sha1().clone(), keys, args).await
                })
                .await
            }
            sent => sent,
        },
        Verb::Command(name) => {
            let args: Vec<Value> = keys.into_iter().map(Value::from).chain(args).collect();
            client.custom(CustomCommand::new_static(name, ClusterHash::FirstKey, false), args).await
        }
    }
}

impl Topology {
    /// Sends a request to the primary of its partition, and again after an error that may pass, until it is
    /// answered or [`COMMAND_TIMEOUT_MS`] are over.
    pub(crate) async fn run(
        &self,
        partition: Partition,
        make: &(impl Fn() -> Request + Sync),
    ) -> Result<Value, StoreError> {
        let deadline = Instant::now() + Duration::from_millis(COMMAND_TIMEOUT_MS);
        let mut given_up = GivenUp::NoPrimary;
        let mut pause = SHORT;
        loop {
            if self.is_closed() {
                return Err(StoreError::unavailable(GivenUp::Closed));
            }
            let map = self.map();
            let client = map.owner(partition).map(|shard| shard.commands(partition));
            if let Some(client) = client.filter(|client| client.is_connected()) {
                let sent = timeout_at(deadline, send(make, client)).await;
                let Ok(answer) = sent else { return Err(StoreError::unavailable(given_up)) };
                let error = match answer {
                    Ok(value) => return Ok(value),
                    Err(error) => error,
                };
                let fault = Fault::of(&error);
                let Request { what, repeatable, .. } = make();
                tracing::debug!(%partition, what, ?fault, "a request failed");
                match fault {
                    Fault::Final => return Err(StoreError::corrupt(what, error)),
                    Fault::Unknown if !repeatable => {
                        self.doubt(&fault);
                        return Err(StoreError::unavailable(error));
                    }
                    _ => self.doubt(&fault),
                }
                given_up = GivenUp::TooLate(error);
            } else {
                self.doubt(&Fault::Refused);
            }
            if Instant::now() + pause >= deadline {
                return Err(StoreError::unavailable(given_up));
            }
            self.changed(pause).await;
            pause = LONG.min(pause * 2);
        }
    }

    /// Waits until a replica has everything that was written by this partition's connection, this version of a
    /// document among it.
    pub(crate) async fn replicate(
        &self,
        partition: Partition,
        document: Key,
        version: Version,
    ) -> Result<(), StoreError> {
        let map = self.map();
        let Some(shard) = map.owner(partition) else {
            return Err(StoreError::unavailable(GivenUp::NoPrimary));
        };
        let client = shard.commands(partition);
        let wait = CustomCommand::new_static("WAIT", ClusterHash::FirstKey, false);
        let read = CustomCommand::new_static("HGET", ClusterHash::FirstKey, false);
        // A connection made anew has written nothing, so WAIT answers at once: but if the document is there, it came
        // to this server by replication.
        let both = futures::future::try_join(
            client.custom::<Value, Value>(wait, vec![Value::Integer(1), Value::Integer(REPLICA_MS)]),
            client.custom::<Value, Value>(read, vec![document.into(), keys::VERSION.into()]),
        );
        let (replicas, stored) = both.await.map_err(|error| {
            self.doubt(&Fault::of(&error));
            StoreError::unavailable(error)
        })?;
        let has_it = reply::text(stored).ok().and_then(|text| text.parse::<Version>().ok());
        let has_it = has_it.is_some_and(|stored| stored == version || stored.count > version.count);
        match replicas.as_i64() {
            Some(replicas) if replicas >= 1 && has_it => Ok(()),
            _ => Err(StoreError::unavailable(GivenUp::NoReplica)),
        }
    }
}

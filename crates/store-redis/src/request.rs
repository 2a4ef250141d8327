//! One command or script, sent until it is known what became of it.

use std::{sync::LazyLock, time::Duration};

use fred::{
    clients::Client,
    error::Error,
    interfaces::ClientLike as _,
    types::{ClusterHash, CustomCommand, Key, Value, scripts::Script},
};
use ringback_store::{COMMAND_TIMEOUT_MS, Partition, StoreError};
use tokio::time::{Instant, timeout_at};

use crate::{
    errors::{Fault, GivenUp},
    topology::Topology,
};

/// The first pause before a command is sent again, and the longest.
const SHORT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_millis(100);

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::from_lua(include_str!(concat!("scripts/", $file))));
    };
}
script!(COMMIT, "commit.lua");
script!(FORGET, "forget.lua");
script!(REGISTER, "register.lua");
script!(UNREGISTER, "unregister.lua");
script!(ENLIST, "enlist.lua");
script!(HEARTBEAT, "heartbeat.lua");

/// What is sent.
#[derive(Clone, Copy)]
enum Verb {
    Command(&'static str),
    Script(&'static Script),
}

/// A command with its arguments, which can be sent more than once.
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

    async fn send(&self, client: &Client) -> Result<Value, Error> {
        match self.verb {
            Verb::Script(script) => {
                script.evalsha_with_reload(client, self.keys.clone(), self.args.clone()).await
            }
            Verb::Command(name) => {
                let keys = self.keys.iter().map(|key| Value::from(key.clone()));
                let args: Vec<Value> = keys.chain(self.args.iter().cloned()).collect();
                client.custom(CustomCommand::new_static(name, ClusterHash::FirstKey, false), args).await
            }
        }
    }
}

impl Topology {
    /// Sends a request to the primary of its partition, and again after an error that may pass, until it is
    /// answered or [`COMMAND_TIMEOUT_MS`] are over.
    pub(crate) async fn run(&self, partition: Partition, request: &Request) -> Result<Value, StoreError> {
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
                let sent = timeout_at(deadline, request.send(client)).await;
                let Ok(answer) = sent else { return Err(StoreError::unavailable(given_up)) };
                let error = match answer {
                    Ok(value) => return Ok(value),
                    Err(error) => error,
                };
                let fault = Fault::of(&error);
                tracing::debug!(%partition, what = request.what, ?fault, "a request failed");
                match fault {
                    Fault::Final => return Err(StoreError::corrupt(request.what, error)),
                    Fault::Unknown if !request.repeatable => {
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
}

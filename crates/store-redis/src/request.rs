//! One command or script, and what it takes to send it to a server.

use std::sync::LazyLock;

use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike as _, LuaInterface as _},
    types::{ClusterHash, CustomCommand, Key, Value, scripts::Script},
};

use crate::keys::{COUNT_TTL_MS, DEADLINES_TTL_MS};

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
script!(RIGHTS, "rights.lua");
script!(WAITING, "waiting.lua", "group.lua");

/// A document is sent along with an entry up to this size. A larger one costs Redis more to copy than the round
/// trip it may spare.
const PUBLISHED_DOCUMENT: usize = 4_096;

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

    pub(crate) const fn what(&self) -> &'static str {
        self.what
    }

    pub(crate) const fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    pub(crate) async fn send(self, client: &Client) -> Result<Value, Error> {
        send(&|| self.clone(), client).await
    }
}

/// Sends what is made here: made anew rather than copied, since it is hardly ever sent twice.
pub(crate) async fn send(make: &(impl Fn() -> Request + Sync), client: &Client) -> Result<Value, Error> {
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

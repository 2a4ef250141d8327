//! The Redis that the settings name.

mod kind;
mod server;

use ringback_store_redis::diagnosis::{self, Diagnosis, Trouble};

use super::{Finding, LIMIT};
use crate::{app::redis_settings, settings::Store};

/// How far the store's clock is ahead of this machine's, ms, if that is known: gateways go by it.
pub(super) type Ahead = Option<i64>;

/// What was found, and what is needed to go on.
pub(super) struct Seen {
    pub(super) findings: Vec<Finding>,
    /// Whether there is a Redis that gateways could use.
    pub(super) there: bool,
    pub(super) ahead_ms: Ahead,
}

pub(super) async fn look(store: &Store) -> Seen {
    if store.is_in_memory() {
        let text = "store.url is memory: one gateway by itself, and calls end with it";
        return Seen { findings: vec![Finding::note("redis", text)], there: true, ahead_ms: Some(0) };
    }
    match diagnosis::examine(&redis_settings(store), LIMIT).await {
        Ok(diagnosis) => judge(store, &diagnosis),
        Err(error) => Seen {
            findings: vec![Finding::failure("redis", error.to_string())],
            there: false,
            ahead_ms: None,
        },
    }
}

fn judge(store: &Store, diagnosis: &Diagnosis) -> Seen {
    let mut findings = kind::judge(&diagnosis.topology);
    for primary in &diagnosis.primaries {
        match &primary.answer {
            Ok(facts) => {
                findings.extend(server::judge(&primary.address, facts, &diagnosis.topology, store.durability))
            }
            Err(trouble) => findings.push(unanswered(&format!("redis {}", primary.address), trouble)),
        }
    }
    let known = || diagnosis.primaries.iter().filter_map(|primary| primary.answer.as_ref().ok());
    Seen {
        findings,
        there: known().next().is_some(),
        ahead_ms: known().next().map(|facts| facts.clock.ahead_ms),
    }
}

/// A server that has not answered, and what to look at.
fn unanswered(subject: &str, trouble: &Trouble) -> Finding {
    let hint = match trouble {
        Trouble::Credentials(_) => {
            "see store.username and store.password, or what store.url says in their place"
        }
        Trouble::Connection(_) | Trouble::Silent => {
            "see store.url: whether it runs, whether its port is open from here, whether it wants TLS (rediss)"
        }
        Trouble::Forbidden(_) => "see the rights of the user: docs/redis.md#access",
        Trouble::Unknown(_) => return Finding::failure(subject, trouble.to_string()),
    };
    Finding::failure(subject, trouble.to_string()).hint(hint)
}

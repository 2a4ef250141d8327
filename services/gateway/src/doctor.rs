//! `ringback-gateway doctor`: whether all is there that a gateway with these settings needs, and what to do where it is not.
//!
//! One file for each subject, each with a time limit of its own. What is asked is asked as gateways and clients ask it, and
//! leaves nothing behind that counts. No secret gets into a sentence.

mod certificates;
mod endpoints;
mod ice;
mod messages;
mod redis;
mod report;
mod rights;
mod tls;
mod tokens;

use std::time::Duration;

use ringback_call::NodeId;
use ringback_store_redis::RedisStore;
use tokio::time::timeout;

pub use report::{Finding, Level, Report};
pub use tokens::Token;

use crate::{
    app::redis_settings,
    settings::{Problems, Settings, Store},
};

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks at all of it.
pub async fn examine(settings: Result<Settings, Problems>, token: Option<Token>) -> Report {
    let mut report = Report::default();
    let settings = match settings {
        Ok(settings) => settings,
        Err(problems) => {
            for problem in problems.0 {
                report.add(Finding::failure("settings", problem));
            }
            report.add(Finding::note("everything else", "is not looked at before the settings are sound"));
            return report;
        }
    };
    report.add(Finding::ok("settings", "are sound"));
    report.extend(certificates::look(&settings));
    let store = look_at_store(&settings.store).await;
    report.extend(store.findings);
    let now = tokens::now(store.ahead_ms);
    report.extend(tokens::look(&settings.auth, token.as_ref(), now).await);
    let (ice, endpoints) = tokio::join!(ice::look(&settings.node.ice, now), endpoints::look(&settings));
    report.extend(ice);
    report.extend(endpoints);
    report
}

/// Redis, and then what goes through it.
async fn look_at_store(settings: &Store) -> redis::Seen {
    let mut seen = redis::look(settings).await;
    if settings.is_in_memory() {
        return seen;
    }
    if !seen.there {
        seen.findings.push(Finding::note("rights, messages", "are not looked at before Redis answers"));
        return seen;
    }
    // Nobody else's name, so that nobody else's messages are counted.
    let Ok(node) = NodeId::new(format!("doctor-{:016x}", fastrand::u64(..))) else { return seen };
    match RedisStore::connect(redis_settings(settings)).await {
        Ok(store) => {
            seen.findings.push(rights::look(&store, &node).await);
            seen.findings.push(messages::look(&store, &node).await);
            let _ = timeout(LIMIT, store.close()).await;
        }
        Err(error) => seen.findings.push(Finding::failure("redis", error.to_string())),
    }
    seen
}

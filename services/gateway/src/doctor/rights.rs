//! Whether Redis lets gateways do what they do.

use ringback_call::NodeId;
use ringback_store_redis::RedisStore;
use tokio::time::timeout;

use super::{Finding, LIMIT};

const SUBJECT: &str = "rights";
const HINT: &str = "see the rights of the user: docs/redis.md#access";
/// How many commands are named.
const NAMED: usize = 8;

pub(super) async fn look(store: &RedisStore, trial: &NodeId) -> Finding {
    let refused = match timeout(LIMIT, store.try_rights(trial)).await {
        Ok(Ok(refused)) => refused,
        Ok(Err(trouble)) => return Finding::failure(SUBJECT, format!("could not be tried: {trouble}")),
        Err(_) => return Finding::failure(SUBJECT, "could not be tried in time"),
    };
    let Some(first) = refused.first() else {
        return Finding::ok(SUBJECT, "every command and script that gateways need was run");
    };
    let names: Vec<&str> = refused.iter().take(NAMED).map(|refused| refused.command.as_str()).collect();
    let more = if refused.len() > NAMED { " and more" } else { "" };
    let text = format!("refused: {}{more}; the first with: {}", names.join(", "), first.why);
    Finding::failure(SUBJECT, text).hint(HINT)
}

//! What a Sentinel says of the primary that it watches over.

use std::{collections::HashMap, time::Duration};

use fred::types::{Value, config::Server};

use super::visit::{Trouble, Visit};
use crate::reply;

/// One Sentinel's view.
#[derive(Clone, Debug)]
pub struct SentinelView {
    /// Host and port of the primary; `None` when it knows no service of this name.
    pub primary: Option<String>,
    /// Replicas that it would take for a failover.
    pub replicas: usize,
    /// Other Sentinels that it knows of.
    pub others: usize,
    /// How many have to agree that the primary is lost.
    pub quorum: usize,
    /// After how long without a word it has the primary for lost, ms.
    pub down_after_ms: u64,
    /// Whether it has the primary for lost.
    pub lost: bool,
}

pub(super) async fn view(visit: Visit, service: &str, limit: Duration) -> Result<SentinelView, Trouble> {
    visit
        .ask(limit, async |guest| {
            let primary = match guest.ask("SENTINEL", &["MASTER", service]).await {
                Ok(answer) => fields(answer)?,
                Err(Trouble::Unknown(why)) if why.contains("No such master") => return Ok(nobody()),
                Err(trouble) => return Err(trouble),
            };
            let replicas = reply::list(guest.ask("SENTINEL", &["REPLICAS", service]).await?)?;
            let replicas: Vec<_> = replicas.into_iter().map(fields).collect::<Result<_, _>>()?;
            let (host, port) = (text(&primary, "ip"), text(&primary, "port").parse().unwrap_or_default());
            Ok(SentinelView {
                primary: Some(Server::from((host.to_owned(), port)).to_string()),
                replicas: replicas.iter().filter(|replica| is_up(replica)).count(),
                others: text(&primary, "num-other-sentinels").parse().unwrap_or_default(),
                quorum: text(&primary, "quorum").parse().unwrap_or_default(),
                down_after_ms: text(&primary, "down-after-milliseconds").parse().unwrap_or_default(),
                lost: !is_up(&primary),
            })
        })
        .await
}

const fn nobody() -> SentinelView {
    SentinelView { primary: None, replicas: 0, others: 0, quorum: 0, down_after_ms: 0, lost: false }
}

fn is_up(server: &HashMap<String, String>) -> bool {
    !["s_down", "o_down", "disconnected"].iter().any(|flag| text(server, "flags").contains(flag))
}

fn text<'a>(fields: &'a HashMap<String, String>, name: &str) -> &'a str {
    fields.get(name).map(String::as_str).unwrap_or_default()
}

fn fields(value: Value) -> Result<HashMap<String, String>, Trouble> {
    let pairs = reply::fields(value)?;
    Ok(pairs
        .into_iter()
        .map(|(name, value)| Ok((name, reply::text(value)?)))
        .collect::<Result<_, reply::Unexpected>>()?)
}

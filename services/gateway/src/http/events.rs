//! Outcome events, read as call detail records; and those that could not be delivered.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use ringback_node::{
    Node,
    outbox::{Mark, Marked},
};
use ringback_store::{DeadLetter, Letter, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

use super::reply::{json, json_text, refusal, unavailable};

/// On one page, unless asked for otherwise, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 200;
/// Dead letters that one request sends anew at most.
const REDELIVERED: usize = 1_000;

/// Which page.
#[derive(Deserialize)]
pub(super) struct Page {
    after: Option<String>,
    limit: Option<String>,
}

impl Page {
    fn read(&self) -> Result<(Option<Mark>, usize), &'static str> {
        let after = self.after.as_deref().map(str::parse).transpose();
        let limit = self.limit.as_deref().map_or(Ok(PAGE), str::parse);
        match (after, limit) {
            (Err(_), _) => Err("after: not what `next` or `mark` said"),
            (Ok(after), Ok(limit)) if (1..=LARGEST_PAGE).contains(&limit) => Ok((after, limit)),
            _ => Err("limit: must be from 1 to 200"),
        }
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    mark: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    died_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    event: &'a RawValue,
}

/// What is not JSON was not written by us; it is shown as nothing.
fn event(letter: &Letter) -> &RawValue {
    serde_json::from_slice(&letter.body).unwrap_or(RawValue::NULL)
}

/// `GET /v1/events?after=…&limit=…`: the events that are kept, in the order in which they were stored.
pub(super) async fn list(State(node): State<Arc<Node>>, Query(page): Query<Page>) -> Response {
    let (after, limit) = match page.read() {
        Ok(page) => page,
        Err(why) => return refusal(StatusCode::BAD_REQUEST, why),
    };
    let events = match node.events(after, limit).await {
        Ok(events) => events,
        Err(error) => return unavailable(&error),
    };
    let shown = events.iter().map(|Marked { mark, letter }| Shown {
        mark: mark.to_string(),
        died_at: None,
        why: None,
        event: event(letter),
    });
    answer("events", shown, page.after.as_deref())
}

/// `GET /v1/events/dead?after=…&limit=…`: the events that could not be delivered.
pub(super) async fn dead(State(node): State<Arc<Node>>, Query(page): Query<Page>) -> Response {
    let (after, limit) = match page.read() {
        Ok(page) => page,
        Err(why) => return refusal(StatusCode::BAD_REQUEST, why),
    };
    let dead = match node.dead_letters(after, limit).await {
        Ok(dead) => dead,
        Err(error) => return unavailable(&error),
    };
    let shown = dead.iter().map(|Marked { mark, letter: DeadLetter { letter, why } }| Shown {
        mark: mark.to_string(),
        died_at: Some(letter.position.at.0),
        why: Some(why),
        event: event(letter),
    });
    answer("dead", shown, page.after.as_deref())
}

/// A page, and where the next one begins: behind this one, or, as long as there is nothing new, where it began.
fn answer<'a>(name: &str, shown: impl Iterator<Item = Shown<'a>>, after: Option<&str>) -> Response {
    let shown: Vec<Shown<'_>> = shown.collect();
    let next = shown.last().map(|shown| shown.mark.as_str()).or(after);
    // Each event as it was written, so by hand: a `Value` would write it anew.
    let (shown, next) = (serde_json::to_string(&shown), serde_json::to_string(&next));
    match (shown, next) {
        (Ok(shown), Ok(next)) => json_text(StatusCode::OK, format!("{{\"{name}\":{shown},\"next\":{next}}}")),
        _ => refusal(StatusCode::INTERNAL_SERVER_ERROR, "the events could not be written"),
    }
}

/// Which dead letters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redeliver {
    #[serde(default)]
    marks: Vec<String>,
    #[serde(default)]
    all: bool,
}

/// `POST /v1/events/dead/redeliver` with `{"marks":["…"]}` or `{"all":true}`: puts dead letters into their outboxes anew.
pub(super) async fn redeliver(State(node): State<Arc<Node>>, body: Bytes) -> Response {
    let asked: Redeliver = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(_) => {
            return refusal(StatusCode::BAD_REQUEST, "the body must be {\"marks\":[…]} or {\"all\":true}");
        }
    };
    if asked.all != asked.marks.is_empty() {
        return refusal(StatusCode::BAD_REQUEST, "the body must be {\"marks\":[…]} or {\"all\":true}");
    }
    let marks: Result<Vec<Mark>, _> = asked.marks.iter().map(|mark| mark.parse()).collect();
    let marks = match marks {
        Ok(marks) if marks.len() <= REDELIVERED => marks,
        Ok(_) => return refusal(StatusCode::BAD_REQUEST, "marks: 1000 at most"),
        Err(_) => return refusal(StatusCode::BAD_REQUEST, "marks: not what `mark` said"),
    };
    let sent = async {
        if asked.all {
            return node.redeliver_all(REDELIVERED).await;
        }
        let mut sent = 0;
        for mark in marks {
            sent += usize::from(node.redeliver(mark).await?);
        }
        Ok::<_, StoreError>((sent, false))
    };
    match sent.await {
        Ok((sent, more)) => json(StatusCode::OK, &json!({ "redelivered": sent, "more": more })),
        Err(error) => unavailable(&error),
    }
}

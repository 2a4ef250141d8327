//! A user's log of calls: asked by the user's own devices, and by the people who run the application.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use ringback_call::{CallId, CallRecord, Timestamp, UserId};
use ringback_node::Node;
use ringback_store::LogPlace;
use ringback_wire::LoggedCall;
use serde_json::json;

use super::{
    asking::Asking,
    named::Named,
    reply::{json, refusal, unavailable},
};

/// Calls on one page, unless something else is asked for, and at most.
const PAGE: usize = 50;
const MAX_PAGE: usize = 100;

/// Which part of the log is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    before: Option<LogPlace>,
    limit: usize,
}

impl Part {
    /// Of a URL; what it should be, if it makes no sense. Other names than these are ignored, as in frames.
    fn read(query: Option<&str>) -> Result<Self, &'static str> {
        let mut part = Self { before: None, limit: PAGE };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "before" => {
                    let place = read_place(&value);
                    part.before =
                        Some(place.ok_or("`before` must be a time in milliseconds, or what `next` said")?);
                }
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
                    part.limit = limit.ok_or("`limit` must be from 1 to 100")?;
                }
                _ => {}
            }
        }
        Ok(part)
    }
}

/// `GET /v1/log` on the clients' port, with a client's token: the log of its user.
pub(super) async fn of_token(
    State(node): State<Arc<Node>>,
    RawQuery(query): RawQuery,
    Asking(user): Asking,
) -> Response {
    answer(&node, &user, query.as_deref()).await
}

/// `GET /v1/users/{user}/log`: the same of any user.
pub(super) async fn of_user(
    State(node): State<Arc<Node>>,
    Named(user): Named,
    RawQuery(query): RawQuery,
) -> Response {
    answer(&node, &user, query.as_deref()).await
}

async fn answer(node: &Node, user: &UserId, query: Option<&str>) -> Response {
    let Part { before, limit } = match Part::read(query) {
        Ok(part) => part,
        Err(why) => return refusal(StatusCode::BAD_REQUEST, why),
    };
    match node.calls.log(user, before, limit).await {
        Ok(page) => {
            let seen_by = |record: &CallRecord| Some(LoggedCall::of(record, record.side_of(user)?));
            let calls: Vec<LoggedCall> = page.records.iter().filter_map(seen_by).collect();
            let mut body = json!({ "calls": calls });
            if let Some(next) = page.next {
                body["next"] = write_place(&next).into();
            }
            json(StatusCode::OK, &body)
        }
        Err(error) => unavailable(&error),
    }
}

/// A place in the log is opaque to clients, but for its beginning: a time alone will do.
fn write_place(place: &LogPlace) -> String {
    format!("{}.{}", place.ended_at.0, place.call.as_str())
}

fn read_place(text: &str) -> Option<LogPlace> {
    // No call's id is less, so that none of that millisecond is before it.
    let (at, call) = text.split_once('.').unwrap_or((text, "-"));
    let ended_at = Timestamp(at.parse().ok().filter(|at| *at < 1 << 53)?);
    Some(LogPlace { ended_at, call: CallId::new(call).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_what_it_was_written_as() {
        let place =
            LogPlace { ended_at: Timestamp(1_790_000_000_000), call: CallId::new("p7-ab.c").unwrap() };
        assert_eq!(read_place(&write_place(&place)), Some(place));
    }

    #[test]
    fn a_part_is_what_the_url_says() {
        assert_eq!(Part::read(None), Ok(Part { before: None, limit: PAGE }));
        let before = read_place("17.p0-1");
        assert_eq!(Part::read(Some("limit=7&before=17%2Ep0-1&x=")), Ok(Part { before, limit: 7 }));
        for bad in ["limit=0", "limit=101", "limit=", "limit=-1", "limit=1.5", "before=", "before=yesterday"]
        {
            assert!(Part::read(Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_alone_is_before_all_that_ended_then() {
        let place = read_place("1790000000000").unwrap();
        assert!(place < LogPlace { ended_at: place.ended_at, call: CallId::new("p0-0").unwrap() });
        for bad in ["", ".", "x", "-1", "1.", "1. ", "9007199254740992", "1790000000000.no call"] {
            assert_eq!(read_place(bad), None, "{bad:?}");
        }
    }
}

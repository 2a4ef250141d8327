//! What became of a call: asked by the people who run the application, when somebody asks them; and by those who were in
//! it.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use ringback_call::{CallId, Phase, Side, Timestamp, verdict};
use ringback_node::{Node, calls::Timeline};
use ringback_store::StoreError;
use serde_json::{Value, json};

use super::{
    asking::Asking,
    named::Named,
    reply::{json, refusal, unavailable},
    steps::steps,
};

/// Live calls that are listed at most: the newest.
const LISTED: usize = 100;

/// `GET /v1/calls`: live calls whose caller's device is on this gateway or, while that is away, whose callee's is.
pub(super) async fn live(State(node): State<Arc<Node>>) -> Response {
    let calls =
        node.calls.live(LISTED).await.into_iter().map(|call| summary(&Timeline { call, notes: Vec::new() }));
    json(StatusCode::OK, &json!({ "calls": calls.collect::<Vec<_>>() }))
}

/// `GET /v1/calls/{call}`: the call, and the verdict on it.
pub(super) async fn call(State(node): State<Arc<Node>>, Path(call): Path<String>) -> Response {
    answer(&node, call, summary).await
}

/// `GET /v1/calls/{call}` on the clients' port, with a client's token: of calls that its user has a part in.
pub(super) async fn of_party(
    State(node): State<Arc<Node>>,
    Path(call): Path<String>,
    Asking(user): Asking,
) -> Response {
    let Ok(id) = CallId::new(call) else { return refusal(StatusCode::NOT_FOUND, "no such call") };
    match node.calls.timeline(&id).await {
        // Somebody else's is as good as none.
        Ok(Some(timeline)) if timeline.call.side_of(&user).is_some() => {
            json(StatusCode::OK, &summary(&timeline))
        }
        Ok(_) => refusal(StatusCode::NOT_FOUND, "no such call"),
        Err(error) => unavailable(&error),
    }
}

/// `GET /v1/calls/{call}/timeline`: the same, with each step.
pub(super) async fn timeline(State(node): State<Arc<Node>>, Path(call): Path<String>) -> Response {
    answer(&node, call, |timeline| {
        let mut said = summary(timeline);
        said["steps"] = steps(&timeline.notes);
        said
    })
    .await
}

/// `GET /v1/users/{user}/calls`: the user's live calls, and those that have ended of late.
pub(super) async fn of_user(State(node): State<Arc<Node>>, Named(user): Named) -> Response {
    let found = async {
        let mut calls = Vec::new();
        for id in node.calls.calls_of(&user).await? {
            if let Some(timeline) = node.calls.timeline(&id).await? {
                calls.push(timeline);
            }
        }
        Ok::<_, StoreError>(calls)
    };
    match found.await {
        Ok(mut calls) => {
            calls.sort_by_key(|timeline| std::cmp::Reverse(timeline.call.created_at));
            let calls: Vec<Value> = calls.iter().map(summary).collect();
            json(StatusCode::OK, &json!({ "calls": calls }))
        }
        Err(error) => unavailable(&error),
    }
}

async fn answer(node: &Node, call: String, say: impl FnOnce(&Timeline) -> Value) -> Response {
    let Ok(id) = CallId::new(call) else { return refusal(StatusCode::NOT_FOUND, "no such call") };
    match node.calls.timeline(&id).await {
        Ok(Some(timeline)) => json(StatusCode::OK, &say(&timeline)),
        Ok(None) => refusal(StatusCode::NOT_FOUND, "no such call"),
        Err(error) => unavailable(&error),
    }
}

fn summary(Timeline { call, notes }: &Timeline) -> Value {
    let outcome = call.outcome().map(|outcome| {
        json!({
            "reason": outcome.reason.as_str(),
            "by": outcome.by.as_ref().map(|by| json!({"user": by.user.name(), "device": by.device})),
            "at": outcome.at,
            "setup_ms": outcome.setup_ms,
            "duration_ms": outcome.duration_ms,
        })
    });
    let phase = |(phase, from, to): (Phase, Timestamp, Timestamp)| json!({"phase": phase.as_str(), "from": from, "to": to, "ms": to.since(from)});
    let mut said = json!({
        "call": call.id,
        "state": call.state_name().as_str(),
        "phase": call.phase().as_str(),
        "outcome": outcome,
        "verdict": verdict(call, notes.iter().map(|(_, record)| &record.note)),
        "caller": {"user": call.caller.name(), "device": call.final_device(Side::Caller)},
        "callee": {"user": call.callee.name(), "device": call.final_device(Side::Callee)},
        "media": call.media,
        "created_at": call.created_at,
        "milestones": call.milestones,
        "phases": call.phases().map(phase).collect::<Vec<_>>(),
    });
    // What most calls have not.
    if let Some(tenant) = call.caller.tenant() {
        said["tenant"] = tenant.into();
    }
    if let Some(detail) = call.outcome().and_then(|outcome| outcome.detail.as_ref()) {
        said["outcome"]["detail"] = detail.as_str().into();
    }
    said
}

//! What both ports answer with.

use std::time::Duration;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use ringback_store::StoreError;
use serde_json::{Value, json};

pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    json_text(status, body.to_string())
}

pub(super) fn json_text(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// `{"error": …}`: in words that stay the same.
pub(super) fn refusal(status: StatusCode, why: &str) -> Response {
    json(status, &json!({ "error": why }))
}

pub(super) fn unavailable(error: &StoreError) -> Response {
    tracing::warn!(error = error as &dyn std::error::Error, "the store could not be asked");
    refusal(StatusCode::SERVICE_UNAVAILABLE, "the store is away: try again")
}

pub(crate) fn too_many(wait: Duration) -> Response {
    let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, "too many requests");
    response.headers_mut().insert(header::RETRY_AFTER, (wait.as_secs() + 1).into());
    response
}

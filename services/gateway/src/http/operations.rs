//! The operations page: live calls, and what happened to one, drawn from what this port says anyway.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

/// It loads what is its own, and asks its own port.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

pub(super) async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("operations/page.html"))
}

pub(super) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("operations/style.css"))
}

pub(super) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("operations/script.js"))
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

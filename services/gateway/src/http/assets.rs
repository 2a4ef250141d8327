//! The demo page, embedded into the binary.

use axum::{
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../clients/web/dist"]
#[allow_missing = true]
struct Assets;

/// What the page may load: its own files, and the socket it came from (or another gateway's).
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; media-src 'self' blob:; \
                      style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

/// Answers every path that is nothing else.
pub(super) async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    match Assets::get(path) {
        Some(file) => {
            let kind = mime_guess::from_path(path).first_or_octet_stream();
            // Built files carry a hash of their contents in their names, the page itself does not.
            let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
            let headers = [
                (header::CONTENT_TYPE, kind.as_ref().to_owned()),
                (header::CACHE_CONTROL, caching.to_owned()),
                (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            ];
            (headers, file.data).into_response()
        }
        None if path == "index.html" => (
            StatusCode::NOT_FOUND,
            "This gateway was built without its demo page. Clients connect to /v1/ws. (make run builds both.)\n",
        )
            .into_response(),
        None => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

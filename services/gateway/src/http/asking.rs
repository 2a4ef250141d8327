//! Who asks on the clients' port, beside their WebSocket.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use ringback_call::UserId;
use ringback_node::Node;
use tokio::time::timeout;

use super::reply::{refusal, too_many};

/// How long keys may be fetched for a token.
const PATIENCE: Duration = Duration::from_secs(8);

/// The user whose token came along, and who has not asked too much.
pub(super) struct Asking(pub(super) UserId);

impl FromRequestParts<Arc<Node>> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Response> {
        let user = user_of(node, &parts.headers).await;
        let user = user.ok_or_else(|| refusal(StatusCode::UNAUTHORIZED, "no valid token"))?;
        node.asked_by.check(&user).map_err(too_many)?;
        Ok(Self(user))
    }
}

async fn user_of(node: &Node, headers: &HeaderMap) -> Option<UserId> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let identified = timeout(PATIENCE, node.identify(token)).await;
    Some(identified.ok()?.ok()?.user)
}

/// The page may come from anywhere, as it may open a WebSocket: what lets it in is the token, and no cookie.
pub(super) async fn from_anywhere(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// `OPTIONS`: a page from elsewhere may send its token.
pub(super) async fn preflight() -> Response {
    let allowed =
        [(header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization"), (header::ACCESS_CONTROL_MAX_AGE, "86400")];
    (StatusCode::NO_CONTENT, allowed).into_response()
}

//! Who asks on the clients' port, beside their WebSocket.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use ringback_call::UserId;
use ringback_node::{Node, tokens::Unnamed};
use tokio::time::timeout;

use super::reply::{refusal, too_many};
use crate::{visitors::Visitor, websocket::not_from_there};

/// How long keys may be fetched for a token.
const PATIENCE: Duration = Duration::from_secs(8);

/// The user whose token came along, and who has not asked too much.
pub(super) struct Asking(pub(super) UserId);

impl FromRequestParts<Arc<Node>> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Response> {
        let Visitor { address, .. } = parts.extensions.get().copied().unwrap_or_default();
        node.admission.admit(address).map_err(|crowded| not_from_there(node, crowded))?;
        let user = user_of(node, &parts.headers).await.map_err(|guessed| {
            if guessed {
                node.admission.failed(address);
            }
            refusal(StatusCode::UNAUTHORIZED, "no valid token")
        })?;
        node.asked_by.check(&user).map_err(too_many)?;
        Ok(Self(user))
    }
}

/// Whom the token names; or whether it is one that may have been guessed, and not that nobody can say.
async fn user_of(node: &Node, headers: &HeaderMap) -> Result<UserId, bool> {
    let said = headers.get(header::AUTHORIZATION).and_then(|said| said.to_str().ok());
    let token = said.and_then(|said| said.strip_prefix("Bearer ")).ok_or(true)?;
    match timeout(PATIENCE, node.identify(token)).await {
        Ok(Ok(identity)) => Ok(identity.user),
        Ok(Err(Unnamed::NoKeys)) | Err(_) => Err(false),
        Ok(Err(_)) => Err(true),
    }
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

//! The user that a path names: `/v1/users/{user}/…`, of the tenant that the query names, if it does.

use axum::{
    RequestPartsExt as _,
    extract::{FromRequestParts, Path, RawQuery},
    http::{StatusCode, request::Parts},
    response::Response,
};
use ringback_call::{TenantId, UserId};

use super::reply::refusal;

/// That user.
pub(super) struct Named(pub(super) UserId);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let bad = |why| refusal(StatusCode::BAD_REQUEST, why);
        let name = parts.extract::<Path<String>>().await.map_err(|_| bad("no user id"))?;
        let name = UserId::new(name.0).map_err(|_| bad("no user id"))?;
        let RawQuery(query) = parts.extract().await.map_err(|_| bad("no query"))?;
        let tenant = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(key, _)| key == "tenant")
            .map(|(_, tenant)| TenantId::new(&tenant));
        let tenant = tenant.transpose().map_err(|_| bad("`tenant` must be 1 to 64 of A-Za-z0-9._-"))?;
        Ok(Self(match tenant {
            Some(tenant) => UserId::of(&tenant, &name),
            None => name,
        }))
    }
}

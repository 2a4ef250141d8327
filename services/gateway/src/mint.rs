//! Makes tokens, for development and for those that an operator asks for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use jsonwebtoken::{EncodingKey, Header};
use ringback_auth::Scope;
use ringback_call::{DeviceId, TenantId, UserId};
use serde::Serialize;

use crate::settings::{Auth, Keys};

/// No token that is made here lives longer.
pub const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// What a token is to say.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Wishes {
    /// Whom it names.
    #[arg(long)]
    pub user: String,
    /// For how long it is good: 30s, 15m, 1h, 7d; 30 days at most.
    #[arg(long, default_value = "1h", value_parser = duration)]
    pub ttl: Duration,
    /// The only device that may use it.
    #[arg(long)]
    pub device: Option<String>,
    /// Of which tenant the user is.
    #[arg(long)]
    pub tenant: Option<String>,
    /// Whom the user may call: a user, or a pattern with *; may be repeated. Without it: everybody.
    #[arg(long, value_name = "PATTERN")]
    pub call: Vec<String>,
    /// What an operator's program may do with it: read, write, mint; may be repeated. Nothing asks for it yet.
    #[arg(long)]
    pub scope: Vec<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Grants::is_empty")]
    grants: Grants<'a>,
}

#[derive(Serialize)]
struct Grants<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    call: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes: &'a [String],
}

impl Grants<'_> {
    const fn is_empty(&self) -> bool {
        self.call.is_empty() && self.scopes.is_empty()
    }
}

/// A token that gateways with these settings accept, by this machine's clock.
///
/// # Errors
/// When they have no secret of their own, or it could not say what is wished.
pub fn mint(auth: &Auth, wishes: &Wishes) -> anyhow::Result<String> {
    UserId::new(wishes.user.as_str()).context("--user")?;
    if let Some(device) = &wishes.device {
        DeviceId::new(device.as_str()).context("--device")?;
    }
    let tenant = wishes.tenant.as_deref();
    ensure!(
        tenant.is_none_or(|name| TenantId::new(name).is_ok()),
        "--tenant: must be 1 to 64 of A-Za-z0-9._-"
    );
    if let Some(scope) =
        wishes.scope.iter().find(|name| Scope::ALL.into_iter().all(|scope| scope.as_str() != **name))
    {
        bail!("--scope: {scope:?} is none of read, write, mint");
    }
    ensure!(wishes.ttl <= LONGEST, "--ttl: must be 30 days at most");
    let Keys { secret, accepts, .. } = match auth {
        Auth::Dev => return Ok(wishes.user.clone()),
        Auth::Signed(keys) => keys,
    };
    ensure!(!secret.is_empty(), "auth.hs256_secret is not set: tokens are signed elsewhere");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Claims {
        sub: &wishes.user,
        iat: now,
        exp: now.saturating_add(wishes.ttl.as_secs()),
        iss: accepts.issuer.as_deref(),
        aud: accepts.audience.as_deref(),
        device: wishes.device.as_deref(),
        tenant,
        grants: Grants { call: &wishes.call, scopes: &wishes.scope },
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).context("the token can't be signed")
}

fn duration(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let read = || {
        let unit = text.chars().last()?;
        let (_, seconds) = units.into_iter().find(|(name, _)| *name == unit)?;
        let count: u64 = text[..text.len() - unit.len_utf8()].parse().ok().filter(|count| *count > 0)?;
        Some(Duration::from_secs(count.checked_mul(seconds)?))
    };
    read().ok_or_else(|| "must be a number and one of s, m, h, d, such as 15m".to_owned())
}

#[cfg(test)]
mod tests {
    use ringback_auth::{Accepts, KeySet};
    use ringback_call::Timestamp;

    use super::*;
    use crate::app::verifier;

    fn keys(accepts: Accepts) -> Auth {
        let secret = "0123456789abcdef0123456789abcdef".to_owned();
        let fixed = KeySet::secret(secret.as_bytes());
        let long = Duration::from_secs(600);
        Auth::Signed(Keys { secret, fixed, accepts, jwks: Vec::new(), refresh: long, stale: long })
    }

    fn wishes() -> Wishes {
        Wishes { user: "alice".to_owned(), ttl: Duration::from_secs(60), ..Wishes::default() }
    }

    #[test]
    fn what_is_made_is_accepted_and_says_what_was_wished() {
        let accepts = Accepts { issuer: Some("app".to_owned()), audience: Some("calls".to_owned()) };
        let auth = keys(accepts);
        let wishes = Wishes {
            device: Some("phone".to_owned()),
            tenant: Some("acme".to_owned()),
            call: vec!["bob".to_owned()],
            scope: vec!["read".to_owned()],
            ..wishes()
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        let identity = verifier(&auth).verify(&mint(&auth, &wishes).unwrap(), Timestamp(now)).unwrap();
        assert_eq!(identity.user.name(), "alice");
        assert_eq!(identity.device.as_ref().map(DeviceId::as_str), Some("phone"));
        assert_eq!(identity.user.tenant(), Some("acme"));
        let user = |name| UserId::new(name).unwrap();
        assert!(identity.grants.may_call(&user("bob")) && !identity.grants.may_call(&user("carol")));
        assert!(identity.grants.has(Scope::Read) && !identity.grants.has(Scope::Write));
    }

    #[test]
    fn what_can_not_be_said_is_refused() {
        let auth = keys(Accepts::default());
        let bad = [
            Wishes { user: String::new(), ..wishes() },
            Wishes { device: Some("a b".to_owned()), ..wishes() },
            Wishes { tenant: Some("a/b".to_owned()), ..wishes() },
            Wishes { scope: vec!["all".to_owned()], ..wishes() },
            Wishes { ttl: LONGEST + Duration::from_secs(1), ..wishes() },
        ];
        for wishes in bad {
            assert!(mint(&auth, &wishes).is_err(), "{wishes:?}");
        }
        assert_eq!(mint(&Auth::Dev, &wishes()).unwrap(), "alice");
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        for bad in ["", "15", "h", "0s", "-1h", "1.5h", "1w", "99999999999999999999d", "1ü"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}

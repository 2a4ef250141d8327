//! Checks tokens.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use jsonwebtoken::{Algorithm, Header, Validation, errors::ErrorKind};
use ringback_call::{DeviceId, TenantId, Timestamp, UserId};
use serde::Deserialize;

use crate::{Grants, Identity, KeySet, TokenError, keys::Key};

/// How far a token's clock may be ahead of or behind ours (RFC 7519 section 4.1.4: "some small leeway"), in seconds.
pub const LEEWAY_S: u64 = 5;
/// No token is longer, in bytes.
const MAX_TOKEN: usize = 8_192;
/// What a token may be signed by. `none`, and a secret where a public key is expected, are not in it.
const ALGORITHMS: [Algorithm; 4] = [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// Keys that are tried for one token, at most.
const MAX_TRIES: usize = 16;

/// Whose tokens are accepted, beside the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepts {
    /// The `iss` that they must have.
    pub issuer: Option<String>,
    /// What their `aud` must have.
    pub audience: Option<String>,
}

/// Checks tokens.
pub enum Verifier {
    /// JSON Web Tokens (RFC 7519), signed with one of these keys.
    Signed(Box<Signed>),
    /// Development: the token *is* the user's name. Anybody can be anybody.
    TakesAnyName,
}

/// By which keys, and whose.
pub struct Signed {
    accepts: Accepts,
    /// Those of the settings.
    fixed: KeySet,
    /// Those and what was fetched last. Changed as a whole: a token that is being checked is checked by one set.
    present: RwLock<Arc<KeySet>>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signed(_) => "Signed",
            Self::TakesAnyName => "TakesAnyName",
        })
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
    #[serde(default)]
    nbf: u64,
    iss: Option<String>,
    aud: Option<Audience>,
    device: Option<DeviceId>,
    tenant: Option<String>,
    /// A map: of a list, which could stand for one too, nobody would know what is granted.
    grants: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

impl Verifier {
    /// For tokens signed with one of these keys.
    pub fn signed(fixed: KeySet, accepts: Accepts) -> Self {
        let present = RwLock::new(Arc::new(fixed.clone()));
        Self::Signed(Box::new(Signed { accepts, fixed, present }))
    }

    /// For tokens signed with this secret by HMAC-SHA256 (RFC 7518 section 3.2).
    pub fn hs256(secret: &[u8]) -> Self {
        Self::signed(KeySet::secret(secret), Accepts::default())
    }

    /// These were fetched: they are accepted from now on, beside those of the settings, and what was fetched before is not.
    pub fn learn(&self, fetched: &KeySet) {
        if let Self::Signed(signed) = self {
            let all = Arc::new(signed.fixed.clone().and(fetched));
            *signed.present.write().unwrap_or_else(PoisonError::into_inner) = all;
        }
    }

    /// Whether there is any key.
    pub fn has_keys(&self) -> bool {
        match self {
            Self::Signed(signed) => !signed.keys().is_empty(),
            Self::TakesAnyName => true,
        }
    }

    /// Who the token names.
    ///
    /// # Errors
    /// A [`TokenError`] for what is no valid token now.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        match self {
            Self::TakesAnyName => UserId::new(token).map(Identity::of).map_err(|_| TokenError::Subject),
            Self::Signed(signed) => signed.verify(token, now),
        }
    }
}

impl Signed {
    fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let header = header(token)?;
        let keys = self.keys();
        let (claims, key) = read(token, &header, &keys)?;
        let now_s = now.0 / 1_000;
        if claims.exp.saturating_add(LEEWAY_S) <= now_s {
            return Err(TokenError::Expired);
        }
        if claims.nbf > now_s.saturating_add(LEEWAY_S) {
            return Err(TokenError::NotYet);
        }
        if self.accepts.issuer.as_ref().is_some_and(|issuer| claims.iss.as_ref() != Some(issuer)) {
            return Err(TokenError::Issuer);
        }
        let meant = |audience: &String| claims.aud.as_ref().is_some_and(|aud| aud.has(audience));
        if !self.accepts.audience.as_ref().is_none_or(meant) {
            return Err(TokenError::Audience);
        }
        let tenant = tenant(claims.tenant.as_deref(), key)?;
        let user = UserId::new(claims.sub).map_err(|_| TokenError::Subject)?;
        Ok(Identity {
            user: match tenant {
                Some(tenant) => UserId::of(&tenant, &user),
                None => user,
            },
            device: claims.device,
            expires_at: Some(Timestamp(claims.exp.saturating_mul(1_000))),
            grants: match claims.grants {
                Some(granted) => Grants::read(granted).ok_or(TokenError::Claims)?,
                None => Grants::default(),
            },
        })
    }
}

/// Looks at how it is signed, which nobody vouches for yet.
fn header(token: &str) -> Result<Header, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
        // A name of an algorithm that the library does not have, `none` above all.
        ErrorKind::InvalidAlgorithmName | ErrorKind::InvalidAlgorithm | ErrorKind::Json(_) => {
            TokenError::Algorithm
        }
        _ => TokenError::Malformed,
    })?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(TokenError::Algorithm);
    }
    // What must be understood (RFC 7515 section 4.1.11) is not.
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    Ok(header)
}

/// Reads what one of the keys vouches for.
fn read<'a>(token: &str, header: &Header, keys: &'a KeySet) -> Result<(Claims, &'a Key), TokenError> {
    let fits = |key: &&Key| {
        let named = match (&header.kid, &key.id) {
            (Some(asked), Some(known)) => asked == known,
            _ => true,
        };
        key.algorithm == header.alg && named
    };
    let mut why = TokenError::UnknownKey;
    for key in keys.0.iter().filter(fits).take(MAX_TRIES) {
        let mut validation = Validation::new(key.algorithm);
        // The times are checked by the time we are given, the audience with the issuer.
        validation.validate_exp = false;
        validation.validate_aud = false;
        match jsonwebtoken::decode::<Claims>(token, &key.key, &validation) {
            Ok(decoded) => return Ok((decoded.claims, key)),
            Err(error) => match error.kind() {
                ErrorKind::InvalidSignature => why = TokenError::Signature,
                ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => return Err(TokenError::Claims),
                _ => return Err(TokenError::Malformed),
            },
        }
    }
    Err(why)
}

/// Whose user it is: what the key is bound to, or else what the token says.
fn tenant(claimed: Option<&str>, key: &Key) -> Result<Option<TenantId>, TokenError> {
    let claimed = claimed.map(|name| TenantId::new(name).map_err(|_| TokenError::Claims)).transpose()?;
    match (&key.tenant, claimed) {
        (None, claimed) => Ok(claimed),
        (Some(bound), None) => Ok(Some(bound.clone())),
        (Some(bound), Some(claimed)) if *bound == claimed => Ok(Some(claimed)),
        (Some(_), Some(_)) => Err(TokenError::Tenant),
    }
}

#[cfg(test)]
mod tests;

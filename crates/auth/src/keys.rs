//! What tokens may be signed with.

use std::fmt;

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, KeyOperations, PublicKeyUse},
};

use ringback_call::TenantId;

/// A secret for HS256 has at least so many bytes (RFC 7518 section 3.2).
pub const SECRET_BYTES: usize = 32;
/// Keys of one set, at most: each may be tried for each token.
const MAX_KEYS: usize = 64;
/// A modulus has at least so many bytes (RFC 7518 section 3.3: 2048 bits).
const MODULUS_BYTES: usize = 256;
/// A `kid` has at most so many.
const MAX_KID: usize = 256;

/// A key. It is good for one algorithm alone, whatever a token says: what is public must not be taken for a secret.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: Option<String>,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
    /// The only tenant that it speaks for.
    pub(crate) tenant: Option<TenantId>,
}

/// Keys, of which any may have signed a token.
#[derive(Clone, Default)]
pub struct KeySet(pub(crate) Vec<Key>);

/// Not the keys.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({})", self.0.len())
    }
}

/// A text that is no key. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be \"kid=secret\" or \"tenant/kid=secret\", the secret 32 bytes or more (RFC 7518 section 3.2)"
)]
pub struct NotAKey;

/// What is no JWK set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkSetError {
    /// It can't be read (RFC 7517 section 5).
    #[error("it is no JWK set")]
    Malformed,
    /// It has no key that can be used.
    #[error("it has no key for RS256, ES256 or EdDSA")]
    Empty,
    /// It has too many.
    #[error("it has more than 64 keys")]
    TooMany,
}

impl KeySet {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With those of another.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.0.extend(other.0.iter().cloned());
        self
    }

    /// A secret for HS256 without a name: tried for every token of that algorithm.
    pub fn secret(secret: &[u8]) -> Self {
        let key = DecodingKey::from_secret(secret);
        Self(vec![Key { id: None, algorithm: Algorithm::HS256, key, tenant: None }])
    }

    /// A secret for HS256, as `kid=secret` or `tenant/kid=secret`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(text: &str) -> Result<Self, NotAKey> {
        let (name, secret) = text.split_once('=').ok_or(NotAKey)?;
        let (tenant, id) = match name.split_once('/') {
            Some((tenant, id)) => (Some(TenantId::new(tenant).map_err(|_| NotAKey)?), id),
            None => (None, name),
        };
        if !(1..=MAX_KID).contains(&id.len()) || secret.len() < SECRET_BYTES {
            return Err(NotAKey);
        }
        let key = DecodingKey::from_secret(secret.as_bytes());
        Ok(Self(vec![Key { id: Some(id.to_owned()), algorithm: Algorithm::HS256, key, tenant }]))
    }

    /// The public keys of a JWK set, and how many of it were passed over: those for something else than signatures, of
    /// other algorithms, too small ones, and secrets, which have no place in what is public.
    ///
    /// # Errors
    /// When it is no such set, or has nothing that can be used.
    pub fn read_jwks(json: &[u8], tenant: Option<&TenantId>) -> Result<(Self, usize), JwkSetError> {
        // A key of a kind that nobody knows must not take the others with it.
        #[derive(serde::Deserialize)]
        struct Loose {
            keys: Vec<serde_json::Value>,
        }
        let loose: Loose = serde_json::from_slice(json).map_err(|_| JwkSetError::Malformed)?;
        if loose.keys.len() > MAX_KEYS {
            return Err(JwkSetError::TooMany);
        }
        let all = loose.keys.len();
        let known = loose.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        let set = JwkSet { keys: known.collect() };
        let keys: Vec<Key> = set.keys.iter().filter_map(|jwk| public(jwk, tenant)).collect();
        if keys.is_empty() {
            return Err(JwkSetError::Empty);
        }
        let passed_over = all - keys.len();
        Ok((Self(keys), passed_over))
    }
}

fn public(jwk: &Jwk, tenant: Option<&TenantId>) -> Option<Key> {
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let verifies = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    let same = common.key_algorithm.as_ref().is_none_or(|algorithm| *algorithm == named);
    let short = common.key_id.as_ref().is_none_or(|id| id.len() <= MAX_KID);
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let strong = match key.kind() {
        jsonwebtoken::DecodingKeyKind::RsaModulusExponent { n, .. } => n.len() >= MODULUS_BYTES,
        jsonwebtoken::DecodingKeyKind::SecretOrDer(_) => true,
    };
    (signs && verifies && same && short && strong).then(|| Key {
        id: common.key_id.clone(),
        algorithm,
        key,
        tenant: tenant.cloned(),
    })
}

#[cfg(test)]
mod tests;

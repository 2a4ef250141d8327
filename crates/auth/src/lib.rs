//! Who a token names, and what a user is let into a TURN server with. Pure: the time is given, keys are given, nothing
//! is fetched.

mod turn;

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ringback_call::{Timestamp, UserId};
use serde::Deserialize;

pub use turn::{TurnCredentials, TurnSecret};

/// How far a token's clock may be ahead of or behind ours (RFC 7519 section 4.1.4: "some small leeway"), in seconds.
const LEEWAY_S: u64 = 5;

/// Who a connection belongs to, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`.
    pub user: UserId,
    /// The token's `exp`; `None` where it never expires (development).
    pub expires_at: Option<Timestamp>,
}

/// Why a token is refused. The text is for the client's developer and holds nothing of the token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is no token, is signed by somebody else, or lacks a claim.
    #[error("the token is not valid")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    /// Its `exp` is over.
    #[error("the token has expired")]
    Expired,
    /// Its `nbf` is still to come.
    #[error("the token is not valid yet")]
    NotYet,
    /// Its `sub` can't be a user.
    #[error("the token's `sub` is no user id: {0}")]
    Subject(#[from] ringback_call::InvalidId),
}

impl TokenError {
    /// What is wrong with it, for whoever signs tokens. It holds nothing of the token.
    pub fn reason(&self) -> &'static str {
        use jsonwebtoken::errors::ErrorKind;
        match self {
            Self::Invalid(error) => match error.kind() {
                ErrorKind::InvalidSignature => "it is signed with another secret",
                ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => {
                    "it is not signed with HS256"
                }
                ErrorKind::InvalidToken | ErrorKind::Base64(_) | ErrorKind::Utf8(_) => {
                    "it is no JSON Web Token"
                }
                ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => {
                    "its claims are not as they should be: `sub` a text, `exp` and `nbf` whole numbers of seconds"
                }
                _ => "it can't be checked",
            },
            Self::Expired => "its `exp` is over",
            Self::NotYet => "its `nbf` is still to come",
            Self::Subject(_) => "its `sub` is no user id",
        }
    }
}

/// Checks tokens.
#[derive(Clone)]
pub enum Verifier {
    /// JSON Web Tokens signed with HMAC-SHA256 (RFC 7518 section 3.2). No other algorithm is accepted, whatever the
    /// token's header says.
    Hs256(Box<DecodingKey>),
    /// Development: the token *is* the user's name. Anybody can be anybody.
    TakesAnyName,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hs256(_) => "Hs256",
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
}

impl Verifier {
    /// For tokens signed with this secret.
    pub fn hs256(secret: &[u8]) -> Self {
        Self::Hs256(Box::new(DecodingKey::from_secret(secret)))
    }

    /// Who the token names.
    ///
    /// # Errors
    /// A [`TokenError`] for what is no valid token now.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenError> {
        match self {
            Self::TakesAnyName => Ok(Identity { user: UserId::new(token)?, expires_at: None }),
            Self::Hs256(key) => {
                let mut validation = Validation::new(Algorithm::HS256);
                // The times are checked below, by the time we are given; an audience is not asked for here.
                validation.validate_exp = false;
                validation.validate_aud = false;
                let claims = jsonwebtoken::decode::<Claims>(token, key, &validation)
                    .map_err(TokenError::Invalid)?
                    .claims;
                let now_s = now.0 / 1_000;
                if claims.exp.saturating_add(LEEWAY_S) <= now_s {
                    return Err(TokenError::Expired);
                }
                if claims.nbf > now_s.saturating_add(LEEWAY_S) {
                    return Err(TokenError::NotYet);
                }
                let expires_at = Timestamp(claims.exp.saturating_mul(1_000));
                Ok(Identity { user: UserId::new(claims.sub)?, expires_at: Some(expires_at) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};

    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn sign(claims: &serde_json::Value, secret: &[u8], algorithm: Algorithm) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    fn claims(exp: u64, nbf: u64) -> serde_json::Value {
        serde_json::json!({"sub": "alice", "exp": exp, "nbf": nbf})
    }

    #[test]
    fn a_good_token_names_its_user() {
        let token = sign(&claims(1_790_000_060, 0), b"secret", Algorithm::HS256);
        let identity = Verifier::hs256(b"secret").verify(&token, NOW).unwrap();
        assert_eq!(identity.user.as_str(), "alice");
        assert_eq!(identity.expires_at, Some(Timestamp(1_790_000_060_000)));
    }

    #[test]
    fn times_are_checked_by_the_given_clock() {
        let verifier = Verifier::hs256(b"secret");
        let verify = |exp, nbf| verifier.verify(&sign(&claims(exp, nbf), b"secret", Algorithm::HS256), NOW);
        assert!(matches!(verify(1_789_999_995, 0), Err(TokenError::Expired)));
        assert!(verify(1_789_999_996, 0).is_ok(), "within the leeway");
        assert!(matches!(verify(1_790_000_060, 1_790_000_006), Err(TokenError::NotYet)));
    }

    #[test]
    fn who_signs_tokens_is_told_what_is_wrong() {
        let verifier = Verifier::hs256(b"secret");
        let reason = |token: &str| verifier.verify(token, NOW).unwrap_err().reason();
        let good = claims(1_790_000_060, 0);
        assert!(reason(&sign(&good, b"other", Algorithm::HS256)).contains("another secret"));
        assert!(reason(&sign(&good, b"secret", Algorithm::HS512)).contains("HS256"));
        let no_time = sign(&serde_json::json!({"sub": "alice"}), b"secret", Algorithm::HS256);
        assert!(reason(&no_time).contains("claims"));
        assert!(reason("alice").contains("no JSON Web Token"));
        assert!(reason("a.b.c").contains("no JSON Web Token"));
        assert!(reason(&sign(&claims(1, 0), b"secret", Algorithm::HS256)).contains("`exp`"));
    }

    #[test]
    fn another_key_another_algorithm_and_a_missing_claim_are_refused() {
        let verifier = Verifier::hs256(b"secret");
        let good = claims(1_790_000_060, 0);
        for token in [
            sign(&good, b"other", Algorithm::HS256),
            sign(&good, b"secret", Algorithm::HS512),
            sign(&serde_json::json!({"sub": "alice"}), b"secret", Algorithm::HS256),
            sign(&serde_json::json!({"exp": 1_790_000_060_u64}), b"secret", Algorithm::HS256),
            // {"alg":"none"}.{"sub":"alice","exp":1790000060}.
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MTc5MDAwMDA2MH0.".to_owned(),
            "alice".to_owned(),
            String::new(),
        ] {
            assert!(matches!(verifier.verify(&token, NOW), Err(TokenError::Invalid(_))), "{token}");
        }
    }
}

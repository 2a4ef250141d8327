//! Whom tokens name, and where the keys come from that say so.

use std::sync::Arc;

use async_trait::async_trait;
use ringback_auth::{Identity, TokenError};
use ringback_telemetry::TokenFault;

use crate::Node;

/// Where keys are fetched that tokens may be signed with.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// A token names a key that nobody knows: it may be new. Fetches them, unless that was done a moment ago, and has the
    /// verifier learn them. Takes no longer than some seconds.
    async fn look_again(&self);
}

/// Why nobody is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnamed {
    /// The token is at fault.
    Token(TokenError),
    /// No key has been fetched yet, so that nobody can say.
    NoKeys,
}

/// What was wrong, for the metrics.
pub(crate) const fn fault(error: TokenError) -> TokenFault {
    match error {
        TokenError::TooLong | TokenError::Malformed => TokenFault::Malformed,
        TokenError::Algorithm => TokenFault::Algorithm,
        TokenError::UnknownKey => TokenFault::UnknownKey,
        TokenError::Signature => TokenFault::Signature,
        TokenError::Claims => TokenFault::Claims,
        TokenError::Expired => TokenFault::Expired,
        TokenError::NotYet => TokenFault::NotYet,
        TokenError::Issuer => TokenFault::Issuer,
        TokenError::Audience => TokenFault::Audience,
        TokenError::Tenant => TokenFault::Tenant,
        TokenError::Subject => TokenFault::Subject,
    }
}

impl From<TokenError> for Unnamed {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl Node {
    /// Asks this source for keys that nobody knows. To be called once, before the node starts.
    pub fn fetch_keys(&self, source: Arc<dyn KeySource>) {
        let _ = self.key_source.set(source);
    }

    /// Whom a token names.
    ///
    /// # Errors
    /// When it is no good one, or nobody can say.
    pub async fn identify(&self, token: &str) -> Result<Identity, Unnamed> {
        let verify = || self.verifier.verify(token, self.clock.now());
        match (verify(), self.key_source.get()) {
            (Err(TokenError::UnknownKey), Some(source)) => source.look_again().await,
            (answer, _) => return Ok(answer?),
        }
        if self.verifier.has_keys() { Ok(verify()?) } else { Err(Unnamed::NoKeys) }
    }
}

//! Credentials for TURN servers that share a secret with us (draft-uberti-behave-turn-rest-00; coturn's
//! `use-auth-secret`): the name says until when it is good, and the password proves that we said so.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use ringback_call::{Millis, Timestamp, UserId};
use sha1::Sha1;

/// What we share with TURN servers.
#[derive(Clone)]
pub struct TurnSecret {
    mac: Hmac<Sha1>,
    ttl_ms: Millis,
}

/// A name and a password, as an `RTCIceServer` wants them.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnCredentials {
    /// When it expires, in seconds since the epoch, and whom it is for: the short form of the logs, for TURN servers log
    /// it, and it goes over the network in the clear.
    pub username: String,
    /// Proves that the name is ours.
    pub credential: String,
}

impl TurnSecret {
    /// For credentials that are good for so long.
    pub fn new(secret: &[u8], ttl_ms: Millis) -> Option<Self> {
        let mac = Hmac::new_from_slice(secret).ok()?;
        Some(Self { mac, ttl_ms })
    }

    /// Credentials for a user, from now on.
    pub fn credentials(&self, user: &UserId, now: Timestamp) -> TurnCredentials {
        let expires_at_s = now.0.saturating_add(self.ttl_ms) / 1_000;
        let username = format!("{expires_at_s}:{user:?}");
        let mut mac = self.mac.clone();
        mac.update(username.as_bytes());
        TurnCredentials { credential: STANDARD.encode(mac.finalize().into_bytes()), username }
    }
}

impl fmt::Debug for TurnSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurnSecret(for {} ms)", self.ttl_ms)
    }
}

impl fmt::Debug for TurnCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurnCredentials({})", self.username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_proves_the_name_and_its_end() {
        let secret = TurnSecret::new(b"north", 86_400_000).unwrap();
        let given = secret.credentials(&UserId::new("alice").unwrap(), Timestamp(1_790_000_000_999));
        // printf %s '1790086400:user~1a0116b0' | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(
            (given.username.as_str(), given.credential.as_str()),
            ("1790086400:user~1a0116b0", "adUUJSqPJcg1P8M7V2TjSv5JDTI=")
        );
        let later = secret.credentials(&UserId::new("alice").unwrap(), Timestamp(1_790_000_001_000));
        assert_ne!(given.credential, later.credential);
    }

    #[test]
    fn neither_prints_what_is_secret() {
        let secret = TurnSecret::new(b"north", 1_000).unwrap();
        let given = secret.credentials(&UserId::new("alice").unwrap(), Timestamp(0));
        let printed = format!("{secret:?} {given:?}");
        assert!(
            !printed.contains("north") && !printed.contains(&given.credential) && !printed.contains("alice")
        );
    }
}

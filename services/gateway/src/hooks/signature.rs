//! What proves to the application's servers that a request is ours: the signature of Standard Webhooks
//! (<https://www.standardwebhooks.com>), `v1`.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// A secret that is shared with the receiver. It does not print.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A text that is no secret. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be \"whsec_\" and the base64 of 24 to 64 bytes")]
pub struct NotASecret;

impl Secret {
    /// Reads `whsec_<base64 of 24 to 64 bytes>`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(text: &str) -> Result<Self, NotASecret> {
        let key = text.strip_prefix(PREFIX).and_then(|key| BASE64.decode(key).ok()).ok_or(NotASecret)?;
        if !(24..=64).contains(&key.len()) {
            return Err(NotASecret);
        }
        Hmac::new_from_slice(&key).map(Self).map_err(|_| NotASecret)
    }

    fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature for each secret, so that a receiver can change from one to the next.
pub fn sign(secrets: &[Secret], id: &str, timestamp: u64, body: &[u8]) -> String {
    secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn signatures_are_those_of_the_reference_libraries() {
        let secret = Secret::read(SECRET).unwrap();
        let signed =
            sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_has_its_signature() {
        let secrets =
            [SECRET, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"].map(|text| Secret::read(text).unwrap());
        let signed = sign(&secrets, "a", 1, b"{}");
        let parts: Vec<&str> = signed.split(' ').collect();
        assert!(parts.len() == 2 && parts[0] != parts[1] && parts.iter().all(|part| part.starts_with("v1,")));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        for bad in ["", "whsec_", "whsec_!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="] {
            let refused = Secret::read(bad).unwrap_err();
            assert!(bad.is_empty() || !refused.to_string().contains(&bad[bad.len() - 1..].repeat(3)));
        }
        assert_eq!(format!("{:?}", Secret::read(SECRET).unwrap()), "Secret");
    }
}

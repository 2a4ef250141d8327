//! Whether clients' tokens can be checked, and whether one that is given is accepted.

use std::{
    io::{self, Read as _},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use ringback_auth::{KeySet, Verifier};
use ringback_call::Timestamp;

use super::{Finding, redis::Ahead};
use crate::{
    app::verifier,
    hooks::jwks::fetch_once,
    settings::{Auth, Keys},
};

const SUBJECT: &str = "tokens";
/// Far more than the longest token, in bytes.
const MOST: u64 = 65_536;

/// A client's token. It is not shown.
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// From a file, or from the standard input for `-`.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(file: &Path) -> io::Result<Self> {
        let mut text = String::new();
        if file == Path::new("-") {
            io::stdin().lock().take(MOST).read_to_string(&mut text)?;
        } else {
            std::fs::File::open(file)?.take(MOST).read_to_string(&mut text)?;
        }
        Ok(Self(text.trim().to_owned()))
    }
}

/// What time it is for gateways: by the store's clock, if it is known.
pub(super) fn now(ahead: Ahead) -> Timestamp {
    let here = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let here = u64::try_from(here.as_millis()).unwrap_or(u64::MAX);
    Timestamp(here.saturating_add_signed(ahead.unwrap_or_default()))
}

pub(super) async fn look(auth: &Auth, token: Option<&Token>, now: Timestamp) -> Vec<Finding> {
    let verifier = verifier(auth);
    let mut findings = match auth {
        Auth::Dev => vec![
            Finding::warning(SUBJECT, "auth.dev: a token is just a user's name, so anybody can be anybody")
                .hint("for other than trials: auth.hs256_secret or auth.jwks_urls, and tokens that your own server signs"),
        ],
        Auth::Signed(keys) => keys_of(keys, &verifier).await,
    };
    findings.push(match token.map(|token| verifier.verify(&token.0, now)) {
        None => Finding::note("token", "none was given to try (--token-file)"),
        Some(Ok(identity)) => match identity.expires_at {
            Some(at) => Finding::ok(
                "token",
                format!("is accepted, for another {} s", at.0.saturating_sub(now.0) / 1_000),
            ),
            None => Finding::ok("token", "is accepted, and never expires"),
        },
        Some(Err(error)) => Finding::failure("token", format!("is refused: {}", error.reason())),
    });
    findings
}

/// The keys there are; those that are fetched are taught to the verifier.
async fn keys_of(keys: &Keys, verifier: &Verifier) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !keys.fixed.is_empty() {
        let count = keys.fixed.len();
        findings.push(Finding::ok(SUBJECT, format!("{count} secret(s) for HS256, long enough")));
    }
    let mut fetched = KeySet::default();
    for (n, jwks) in keys.jwks.iter().enumerate() {
        let subject = format!("auth.jwks_urls[{n}]");
        findings.push(match fetch_once(jwks).await {
            Ok(keys) => {
                fetched = fetched.and(&keys);
                Finding::ok(&subject, format!("has {} key(s)", keys.len()))
            }
            Err(why) => Finding::failure(&subject, format!("has no keys: {why}"))
                .hint("whether its name is known here, its port open from here, and its certificate trusted here (SSL_CERT_FILE)"),
        });
    }
    verifier.learn(&fetched);
    findings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ringback_auth::Accepts;

    use super::*;
    use crate::doctor::Level;

    // {"alg":"HS256"}.{"sub":"alice","exp":1790000060}, signed with 32 times an a by
    // `openssl dgst -sha256 -hmac`.
    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MTc5MDAwMDA2MH0.cYRTjYUqCGLIFiPEQP1tjrrE1ShVtZ19-Nc_1FxlP60";
    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    async fn found(auth: &Auth, token: &str, now: Timestamp) -> Finding {
        look(auth, Some(&Token(token.to_owned())), now).await.remove(1)
    }

    fn signed(secret: &str) -> Auth {
        Auth::Signed(Keys {
            secret: secret.to_owned(),
            fixed: KeySet::secret(secret.as_bytes()),
            accepts: Accepts::default(),
            jwks: Vec::new(),
            refresh: Duration::from_secs(300),
            stale: Duration::from_secs(600),
        })
    }

    #[tokio::test]
    async fn a_token_is_judged_as_gateways_judge_it() {
        let auth = signed(&"a".repeat(32));
        let good = found(&auth, TOKEN, NOW).await;
        assert_eq!((good.level, good.says.as_str()), (Level::Ok, "is accepted, for another 60 s"));
        let late = found(&auth, TOKEN, Timestamp(NOW.0 + 66_000)).await;
        assert_eq!((late.level, late.says.as_str()), (Level::Failure, "is refused: its `exp` is over"));
        let other = found(&signed(&"b".repeat(32)), TOKEN, NOW).await;
        assert_eq!(other.says, "is refused: it is signed with another key");
        assert_eq!(found(&Auth::Dev, "alice", NOW).await.level, Level::Ok);
    }

    #[tokio::test]
    async fn development_is_no_way_to_run_it() {
        let levels = async |auth| {
            let found = look(&auth, None, NOW).await;
            found.iter().map(|finding| finding.level).collect::<Vec<_>>()
        };
        assert_eq!(levels(Auth::Dev).await, [Level::Warning, Level::Note]);
        assert_eq!(levels(signed(&"a".repeat(32))).await, [Level::Ok, Level::Note]);
    }
}

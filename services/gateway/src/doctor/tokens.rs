//! Whether clients' tokens can be checked, and whether one that is given is accepted.

use std::{
    io::{self, Read as _},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use ringback_call::Timestamp;

use super::{Finding, redis::Ahead};
use crate::{app::verifier, settings::Auth};

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

pub(super) fn look(auth: &Auth, token: Option<&Token>, now: Timestamp) -> Vec<Finding> {
    let mut findings = vec![match auth {
        Auth::Dev => {
            Finding::warning(SUBJECT, "auth.dev: a token is just a user's name, so anybody can be anybody")
                .hint("for other than trials: auth.hs256_secret, and tokens that your own server signs")
        }
        Auth::Hs256(_) => Finding::ok(SUBJECT, "auth.hs256_secret is set, and long enough"),
    }];
    findings.push(match token.map(|token| verifier(auth).verify(&token.0, now)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    // {"alg":"HS256"}.{"sub":"alice","exp":1790000060}, signed with 32 times an a by
    // `openssl dgst -sha256 -hmac`.
    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MTc5MDAwMDA2MH0.cYRTjYUqCGLIFiPEQP1tjrrE1ShVtZ19-Nc_1FxlP60";
    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn found(auth: &Auth, token: &str, now: Timestamp) -> Finding {
        look(auth, Some(&Token(token.to_owned())), now).remove(1)
    }

    #[test]
    fn a_token_is_judged_as_gateways_judge_it() {
        let auth = Auth::Hs256("a".repeat(32));
        let good = found(&auth, TOKEN, NOW);
        assert_eq!((good.level, good.says.as_str()), (Level::Ok, "is accepted, for another 60 s"));
        let late = found(&auth, TOKEN, Timestamp(NOW.0 + 66_000));
        assert_eq!((late.level, late.says.as_str()), (Level::Failure, "is refused: its `exp` is over"));
        let other = found(&Auth::Hs256("b".repeat(32)), TOKEN, NOW);
        assert_eq!(other.says, "is refused: it is signed with another secret");
        assert_eq!(found(&Auth::Dev, "alice", NOW).level, Level::Ok);
    }

    #[test]
    fn development_is_no_way_to_run_it() {
        let levels = |auth| look(&auth, None, NOW).iter().map(|finding| finding.level).collect::<Vec<_>>();
        assert_eq!(levels(Auth::Dev), [Level::Warning, Level::Note]);
        assert_eq!(levels(Auth::Hs256("a".repeat(32))), [Level::Ok, Level::Note]);
    }
}

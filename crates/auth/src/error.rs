//! Why a token is refused.

/// Why a token is refused. The text is for the client's developer and holds nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is longer than any that is good.
    #[error("the token is too long")]
    TooLong,
    /// It is no token.
    #[error("the token is not valid")]
    Malformed,
    /// It is signed by an algorithm that is not accepted, or not at all.
    #[error("the token is not valid")]
    Algorithm,
    /// There is no key that it could be signed with.
    #[error("the token is not valid")]
    UnknownKey,
    /// It was signed with another key.
    #[error("the token is not valid")]
    Signature,
    /// A claim is missing, or is of another kind.
    #[error("the token is not valid")]
    Claims,
    /// Its `exp` is over.
    #[error("the token has expired")]
    Expired,
    /// Its `nbf` is still to come.
    #[error("the token is not valid yet")]
    NotYet,
    /// It is by another `iss`.
    #[error("the token is not valid")]
    Issuer,
    /// It is for another `aud`.
    #[error("the token is not valid")]
    Audience,
    /// Its key does not speak for this tenant.
    #[error("the token is not valid")]
    Tenant,
    /// Its `sub` can't be a user.
    #[error("the token's `sub` is no user id")]
    Subject,
}

impl TokenError {
    /// What is wrong with it, for whoever signs tokens. It holds nothing of the token.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "it is longer than 8 KiB",
            Self::Malformed => "it is no JSON Web Token",
            Self::Algorithm => {
                "it is not signed by an algorithm that is accepted: HS256, RS256, ES256, EdDSA"
            }
            Self::UnknownKey => "there is no key with its `kid` and algorithm",
            Self::Signature => "it is signed with another key",
            Self::Claims => {
                "its claims are not as they should be: `sub` a text, `exp` and `nbf` whole numbers of seconds"
            }
            Self::Expired => "its `exp` is over",
            Self::NotYet => "its `nbf` is still to come",
            Self::Issuer => "its `iss` is not auth.issuer",
            Self::Audience => "its `aud` has no auth.audience",
            Self::Tenant => "its key does not speak for its `tenant`",
            Self::Subject => "its `sub` is no user id",
        }
    }
}

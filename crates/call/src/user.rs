//! Users, and the tenants they belong to.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{InvalidId, ids::is_token};

/// Between a tenant and a name. No name has it: it is a control character.
const SEPARATOR: char = '\u{1f}';

/// A user of an application: the `sub` of a token, 1–128 bytes without control characters; and the application, where a
/// cluster serves several. Users of two tenants are different users, whatever they are called, and so are their keys, their
/// calls and their logs: nothing that begins with one of them leads to one of another tenant.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Arc<str>", into = "Arc<str>")]
pub struct UserId(Arc<str>);

impl UserId {
    /// Checks and takes a name, as clients and tokens have it: of nobody's tenant yet.
    ///
    /// # Errors
    /// When it is not of the allowed form.
    pub fn new(name: impl Into<Arc<str>>) -> Result<Self, InvalidId> {
        let name = name.into();
        if is_name(&name) { Ok(Self(name)) } else { Err(invalid()) }
    }

    /// The user of this name that a tenant has.
    #[must_use]
    pub fn of(tenant: &TenantId, name: &Self) -> Self {
        Self(format!("{}{SEPARATOR}{}", tenant.as_str(), name.name()).into())
    }

    /// The user of this name of the same tenant: the only ones that a user can name.
    #[must_use]
    pub fn fellow(&self, name: &Self) -> Self {
        match self.tenant() {
            Some(tenant) => Self(format!("{tenant}{SEPARATOR}{}", name.name()).into()),
            None => Self(name.name().into()),
        }
    }

    /// The name: for the wire, never for a log.
    pub fn name(&self) -> &str {
        self.0.split_once(SEPARATOR).map_or(&self.0, |(_, name)| name)
    }

    /// The tenant, where a cluster serves several.
    pub fn tenant(&self) -> Option<&str> {
        self.0.split_once(SEPARATOR).map(|(tenant, _)| tenant)
    }

    /// The whole: for the store alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user~{:08x}", xxh3_64(self.0.as_bytes()) as u32)
    }
}

/// As it is stored.
impl TryFrom<Arc<str>> for UserId {
    type Error = InvalidId;
    fn try_from(text: Arc<str>) -> Result<Self, InvalidId> {
        let valid = match text.split_once(SEPARATOR) {
            Some((tenant, name)) => is_token(tenant, 64) && is_name(name),
            None => is_name(&text),
        };
        if valid { Ok(Self(text)) } else { Err(invalid()) }
    }
}

impl From<UserId> for Arc<str> {
    fn from(id: UserId) -> Self {
        id.0
    }
}

fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len()) && !text.chars().any(char::is_control)
}

const fn invalid() -> InvalidId {
    InvalidId::new("a user id", "1 to 128 bytes without control characters")
}

/// One of several applications that a cluster serves: 1–64 of `A-Za-z0-9._-`. Not private, so it prints.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Checks and takes the name.
    ///
    /// # Errors
    /// When it is not of the allowed form.
    pub fn new(name: &str) -> Result<Self, InvalidId> {
        if is_token(name, 64) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidId::new("a tenant", "1 to 64 of A-Za-z0-9._-"))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[test]
    fn names_take_any_text_but_control_characters() {
        assert!(UserId::new("Zoë +1-555 {x}").is_ok());
        for bad in ["", "a\nb", "acme\u{1f}alice", &"x".repeat(129)] {
            assert!(UserId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn users_of_two_tenants_are_two_users() {
        let (acme, globex) = (TenantId::new("acme").unwrap(), TenantId::new("globex").unwrap());
        let [ours, theirs] = [&acme, &globex].map(|tenant| UserId::of(tenant, &user("alice")));
        assert!(ours != theirs && ours != user("alice"));
        assert_eq!((ours.name(), ours.tenant()), ("alice", Some("acme")));
        assert_eq!((user("alice").name(), user("alice").tenant()), ("alice", None));
        assert_eq!(ours.fellow(&user("bob")), UserId::of(&acme, &user("bob")));
        assert_eq!(user("alice").fellow(&user("bob")), user("bob"));
        // Even one that was of another tenant somehow.
        assert_eq!(ours.fellow(&theirs), ours);
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let acme = TenantId::new("acme").unwrap();
        for user in [user("alice"), UserId::of(&acme, &user("alice"))] {
            let stored = Arc::<str>::from(user.clone());
            assert_eq!(UserId::try_from(stored), Ok(user));
        }
        for bad in ["\u{1f}alice", "a b\u{1f}alice", "acme\u{1f}", "acme\u{1f}a\u{1f}b"] {
            assert!(UserId::try_from(Arc::<str>::from(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn neither_prints_a_user() {
        let acme = TenantId::new("acme").unwrap();
        let printed = format!("{:?} {:?}", user("alice"), UserId::of(&acme, &user("alice")));
        assert!(!printed.contains("alice"), "{printed}");
    }
}

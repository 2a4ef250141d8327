//! What a token lets its user do. Where it says nothing, everything but what is the operators'.

use std::fmt;

use ringback_call::UserId;
use serde::Deserialize;
use wildmatch::WildMatchPattern;

/// Patterns of one token, at most.
const MAX_PATTERNS: usize = 64;
/// Their bytes, at most.
const MAX_PATTERN: usize = 128;

/// What a token lets its user do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    call: Whom,
    scopes: Vec<Scope>,
}

/// Whom a user may call.
#[derive(Clone, Default, PartialEq, Eq)]
enum Whom {
    #[default]
    Anybody,
    /// Those whose ids match one of these; `*` stands for anything.
    These(Box<[Box<str>]>),
}

/// They name users.
impl fmt::Debug for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anybody => f.write_str("Anybody"),
            Self::These(patterns) => write!(f, "These({})", patterns.len()),
        }
    }
}

/// What of the server API a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `read`: look up users and calls.
    Read,
    /// `write`: end calls, disconnect users, announce maintenance.
    Write,
    /// `mint`: make tokens for others.
    Mint,
}

impl Scope {
    /// Each.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Mint];

    /// As tokens name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Mint => "mint",
        }
    }
}

impl Grants {
    /// Reads what a token says; `None` where it is not what it should be.
    pub(crate) fn read(granted: serde_json::Map<String, serde_json::Value>) -> Option<Self> {
        serde_json::from_value::<Granted>(granted.into()).ok()?.read()
    }

    /// Whether the user may call this one. Of another tenant nobody may be called, which is not decided here.
    pub fn may_call(&self, user: &UserId) -> bool {
        self.matches(user.as_str())
    }

    fn matches(&self, user: &str) -> bool {
        match &self.call {
            Whom::Anybody => true,
            Whom::These(patterns) => patterns.iter().any(|pattern| fits(pattern, user)),
        }
    }

    /// Whether a part of the server API is open.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// `*` stands for anything, and nothing else has a meaning (a control character is in no user's id).
fn fits(pattern: &str, text: &str) -> bool {
    WildMatchPattern::<'*', '\0'>::new(pattern).matches(text)
}

/// As a token has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Granted {
    #[serde(default)]
    call: Option<Called>,
    #[serde(default)]
    scopes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Called {
    All(bool),
    These(Vec<String>),
}

impl Granted {
    /// Checks it. A scope that is not known opens nothing: a newer gateway may know it.
    fn read(self) -> Option<Grants> {
        let call = match self.call {
            None | Some(Called::All(true)) => Whom::Anybody,
            Some(Called::All(false)) => Whom::These(Box::default()),
            Some(Called::These(patterns)) => {
                let long = |pattern: &String| pattern.len() > MAX_PATTERN;
                if patterns.len() > MAX_PATTERNS || patterns.iter().any(long) {
                    return None;
                }
                Whom::These(patterns.into_iter().map(String::into_boxed_str).collect())
            }
        };
        let known = |scope: &Scope| self.scopes.iter().any(|name| name == scope.as_str());
        let scopes = Scope::ALL.into_iter().filter(known).collect();
        Some(Grants { call, scopes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(text: &str) -> Option<Grants> {
        serde_json::from_str::<Granted>(text).ok()?.read()
    }

    #[test]
    fn who_is_granted_nothing_in_particular_may_call_anybody() {
        for text in ["{}", r#"{"call":true,"scopes":[]}"#] {
            let grants = grants(text).unwrap();
            assert_eq!(grants, Grants::default());
            assert!(grants.matches("anybody") && !grants.has(Scope::Read));
        }
    }

    #[test]
    fn patterns_say_who_may_be_called() {
        let grants = grants(r#"{"call":["bob","team-*","*@example.org","a*z","?"]}"#).unwrap();
        for (user, may) in [
            ("bob", true),
            ("bobby", false),
            ("Bob", false),
            ("team-", true),
            ("team-red", true),
            ("a team-red", false),
            ("zoe@example.org", true),
            ("zoe@example.org.evil", false),
            ("abcz", true),
            ("?", true),
            ("x", false),
            ("", false),
        ] {
            assert_eq!(grants.matches(user), may, "{user}");
        }
        let nobody = super::tests::grants(r#"{"call":[]}"#).unwrap();
        assert!(!nobody.matches("bob"));
        assert!(!super::tests::grants(r#"{"call":false}"#).unwrap().matches("bob"));
    }

    #[test]
    fn a_pattern_of_many_stars_is_matched_soon() {
        let pattern = "*a".repeat(64);
        assert!(!fits(&pattern, &"a".repeat(63)));
        assert!(fits(&pattern, &"ba".repeat(64)));
    }

    #[test]
    fn scopes_that_nobody_knows_open_nothing() {
        let grants = grants(r#"{"scopes":["write","everything"]}"#).unwrap();
        let has: Vec<bool> = Scope::ALL.into_iter().map(|scope| grants.has(scope)).collect();
        assert_eq!(has, [false, true, false]);
    }

    #[test]
    fn a_typo_grants_nothing() {
        let many = format!(r#"{{"call":[{}]}}"#, vec![r#""x""#; 65].join(","));
        let long = format!(r#"{{"call":["{}"]}}"#, "x".repeat(129));
        for text in
            [r#"{"calls":false}"#, r#"{"call":"bob"}"#, r#"{"be_called":false}"#, "true", &many, &long]
        {
            assert!(grants(text).is_none(), "{text}");
        }
    }
}

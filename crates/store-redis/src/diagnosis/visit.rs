//! One connection for a few questions.

use std::{fmt, time::Duration};

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::ClientLike as _,
    types::{ClusterHash, CustomCommand, Value, config::Server},
};
use tokio::time::timeout;

use crate::{reply::Unexpected, settings::Dialer};

/// How long a client may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// Why there is no answer. It holds nothing of a URL or a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There was none in time.
    Silent,
    /// The user's name or password is refused, or one is missing.
    Credentials(String),
    /// The user may not do that, or this server does not know it.
    Forbidden(String),
    /// No connection, or it broke.
    Connection(String),
    /// Anything else.
    Unknown(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("no answer in time"),
            Self::Credentials(why) => write!(f, "user or password refused: {why}"),
            Self::Forbidden(why) => write!(f, "not allowed: {why}"),
            Self::Connection(why) => write!(f, "no connection: {why}"),
            Self::Unknown(why) => f.write_str(why),
        }
    }
}

impl Trouble {
    pub(super) fn of(error: &Error) -> Self {
        let details = error.details().trim().to_owned();
        let begins = |codes: &[&str]| codes.iter().any(|code| details.starts_with(code));
        if begins(&["NOAUTH", "WRONGPASS", "ERR AUTH", "ERR invalid password"]) {
            return Self::Credentials(details);
        }
        if begins(&["NOPERM", "ERR unknown command", "ERR unknown subcommand", "ERR Unknown subcommand"]) {
            return Self::Forbidden(details);
        }
        match error.kind() {
            ErrorKind::Auth => Self::Credentials(details),
            ErrorKind::Timeout => Self::Silent,
            ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Tls => {
                Self::Connection(plain(&details).to_owned())
            }
            _ => Self::Unknown(details),
        }
    }
}

/// What the system says, of an error as fred writes it: `Os { code: 111, kind: …, message: "Connection refused" }`.
fn plain(details: &str) -> &str {
    let message = details.split_once("message: \"").and_then(|(_, rest)| rest.split_once('"'));
    message.map_or(details, |(message, _)| message)
}

impl From<Unexpected> for Trouble {
    fn from(unexpected: Unexpected) -> Self {
        Self::Unknown(unexpected.to_string())
    }
}

/// A connection that is still to be made.
pub(super) struct Visit(Client);

/// To a server that has data.
pub(super) fn to_server(dialer: &Dialer, server: &Server) -> Visit {
    Visit(dialer.visitor(server))
}

/// To a Sentinel, whose user and password are its own.
pub(super) fn to_sentinel(dialer: &Dialer, server: &Server) -> Visit {
    Visit(dialer.sentinel_visitor(server))
}

impl Visit {
    /// Connects, asks, and leaves.
    pub(super) async fn ask<T>(
        self,
        limit: Duration,
        questions: impl AsyncFnOnce(&Guest) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let guest = Guest(self.0);
        let all = async {
            let connection = guest.0.init().await.map_err(|error| Trouble::of(&error))?;
            let answer = questions(&guest).await;
            let _ = timeout(GOODBYE, guest.0.quit()).await;
            connection.abort();
            answer
        };
        timeout(limit, all).await.unwrap_or(Err(Trouble::Silent))
    }
}

/// A connection that is there.
pub(super) struct Guest(Client);

impl Guest {
    pub(super) async fn ask(&self, command: &'static str, args: &[&str]) -> Result<Value, Trouble> {
        let command = CustomCommand::new_static(command, ClusterHash::FirstKey, false);
        let args: Vec<Value> = args.iter().map(|arg| Value::from(*arg)).collect();
        self.0.custom(command, args).await.map_err(|error| Trouble::of(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_an_operator_has_to_look_at() {
        let trouble = |kind, details: &'static str| Trouble::of(&Error::new(kind, details));
        let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
        assert_eq!(trouble(ErrorKind::Auth, wrong), Trouble::Credentials(wrong.into()));
        let forbidden = "NOPERM this user has no permissions to run the 'config|get' command";
        assert_eq!(trouble(ErrorKind::Unknown, forbidden), Trouble::Forbidden(forbidden.into()));
        let unknown = "ERR unknown command 'CONFIG', with args beginning with: ";
        assert!(matches!(trouble(ErrorKind::Unknown, unknown), Trouble::Forbidden(_)));
        let os = r#"Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#;
        assert_eq!(trouble(ErrorKind::IO, os), Trouble::Connection("Connection refused".into()));
        assert_eq!(trouble(ErrorKind::IO, "Closed."), Trouble::Connection("Closed.".into()));
        assert_eq!(trouble(ErrorKind::Timeout, "Request timed out."), Trouble::Silent);
    }
}

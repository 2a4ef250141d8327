//! The token of a connection that is open: renewed, or about to expire.

use std::time::Duration;

use ringback_call::{RequestId, Timestamp};
use ringback_session::Departure;
use ringback_telemetry::TokenFault;
use ringback_wire::{Ack, ErrorCode, ErrorFrame, ServerFrame, TokenExpiring};
use tokio::time::timeout;

use super::{Driver, Transport};
use crate::{
    connection::refusal::RETRY_MS,
    tokens::{self, Unnamed},
};

/// How long a renewal may take, when keys have to be fetched for it.
const PATIENCE: Duration = Duration::from_secs(8);

/// That a client wants to be told before its token expires.
pub(super) struct Warning {
    before: Option<Duration>,
    /// It was, of the present token.
    is_given: bool,
}

impl Warning {
    pub(super) const fn new(before: Option<Duration>) -> Self {
        Self { before, is_given: false }
    }

    /// When it is due, for a token that expires at this time.
    fn due(&self, expires_at: Timestamp) -> Option<Timestamp> {
        let before = self.before.filter(|_| !self.is_given)?;
        let before_ms = u64::try_from(before.as_millis()).unwrap_or(u64::MAX);
        Some(Timestamp(expires_at.0.saturating_sub(before_ms)))
    }
}

impl<T: Transport> Driver<'_, T> {
    /// When the client is to be told that its token expires soon.
    pub(super) fn warns_at(&self) -> Option<Timestamp> {
        self.warning.due(self.token.expires_at?)
    }

    pub(super) async fn warn_of_expiry(&mut self) -> Result<(), Departure> {
        let due = self.warns_at().is_some_and(|at| self.node.clock.now() >= at);
        let Some(expires_at) = self.token.expires_at.filter(|_| due) else { return Ok(()) };
        self.warning.is_given = true;
        self.socket.send(&ServerFrame::TokenExpiring(TokenExpiring { expires_at })).await
    }

    /// Takes a fresh token, if it is of the same owner.
    pub(super) async fn renew_token(&mut self, id: RequestId, token: &str) -> ServerFrame {
        let (fault, why) = match timeout(PATIENCE, self.node.identify(token)).await {
            Ok(Ok(renewed)) if self.token.is_renewed_by(&renewed, &self.presence.identity.device) => {
                *self.token = renewed;
                self.jobs.grant(self.token.grants.clone());
                self.warning.is_given = false;
                return ServerFrame::Ack(Ack {
                    token_expires_at: self.token.expires_at,
                    ice_servers: self.node.config.ice.of(&self.token.user, self.node.clock.now()),
                    ..Ack::done(id)
                });
            }
            Ok(Ok(_)) => (TokenFault::Owner, "the token names another user, or another device".to_owned()),
            Ok(Err(Unnamed::Token(error))) => (tokens::fault(error), error.to_string()),
            Ok(Err(Unnamed::NoKeys)) | Err(_) => {
                let later = ErrorFrame::new(Some(id.0), ErrorCode::Unavailable, "try again");
                return ServerFrame::Error(later.retry_after(RETRY_MS));
            }
        };
        self.node.metrics.tokens_refused.inc((fault,));
        ServerFrame::Error(ErrorFrame::new(Some(id.0), ErrorCode::Unauthorized, why))
    }
}

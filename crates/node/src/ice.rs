//! The STUN and TURN servers that clients are told of.

use ringback_auth::TurnSecret;
use ringback_call::{Timestamp, UserId};
use ringback_wire::IceServer;

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct IceServers {
    /// Open to everybody.
    pub stun: Vec<String>,
    /// Open to whom we send.
    pub turn: Option<TurnServers>,
}

/// TURN servers that share a secret with us.
#[derive(Clone, Debug)]
pub struct TurnServers {
    /// Their addresses.
    pub urls: Vec<String>,
    /// The secret.
    pub secret: TurnSecret,
}

impl IceServers {
    /// As a user is told of them now.
    pub(crate) fn of(&self, user: &UserId, now: Timestamp) -> Vec<IceServer> {
        let open = || IceServer { urls: self.stun.clone(), username: None, credential: None };
        let turn = self.turn.iter().map(|TurnServers { urls, secret }| {
            let given = secret.credentials(user, now);
            IceServer {
                urls: urls.clone(),
                username: Some(given.username),
                credential: Some(given.credential),
            }
        });
        (!self.stun.is_empty()).then(open).into_iter().chain(turn).collect()
    }
}

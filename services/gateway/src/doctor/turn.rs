//! A STUN binding, and a relay at a TURN server, as a client's browser asks for them (RFC 8489, RFC 8656).

use std::{
    io,
    net::SocketAddr,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use ringback_auth::TurnSecret;
use ringback_call::{InvalidId, Timestamp, UserId};
use tokio::time::{sleep_until, timeout};
use turn_client_proto::{
    api::{Transmit, TurnClientApi, TurnConfig, TurnEvent, TurnPollRet},
    stun::{
        Instant as StunInstant,
        types::{
            TransportType,
            attribute::{ErrorCode, XorMappedAddress},
            message::{BINDING, Message, MessageWrite as _, MessageWriteVec},
        },
    },
    tcp::TurnClientTcp,
    types::TurnCredentials,
    udp::TurnClientUdp,
};

use super::{
    PATIENCE,
    wire::{Place, Transport, Wire},
};

/// What one message may have, in bytes.
const MOST: usize = 2_048;

/// Why there is no relay.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRelay {
    #[error("{0}")]
    Unreachable(#[from] io::Error),
    #[error("refuses our credentials (401)")]
    Secret,
    #[error("refuses: {0}")]
    Refused(String),
    #[error("{0}")]
    Name(#[from] InvalidId),
}

impl NoRelay {
    /// What can be done.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => {
                "is the name right, the port open for this transport, the certificate good?"
            }
            Self::Secret => {
                "is turn.secret what it has (coturn: use-auth-secret, static-auth-secret), and its clock right?"
            }
            Self::Refused(_) => "its log says why: a quota, no free port, a realm",
            Self::Name(_) => "report this",
        }
    }
}

/// Asks a STUN server from where it sees us.
pub(super) async fn bind(place: &Place) -> io::Result<SocketAddr> {
    let mut wire = place.open().await?;
    let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
    wire.send(&request).await?;
    let mut room = [0; MOST];
    let count = wire.receive(&mut room).await?;
    let answer = Message::from_bytes(&room[..count]).map_err(io::Error::other)?;
    let mapped = answer.attribute::<XorMappedAddress>().map_err(io::Error::other)?;
    Ok(mapped.addr(answer.transaction_id()))
}

/// Asks a TURN server for a relay, with credentials as a client gets them, and gives it back.
pub(super) async fn allocate(place: &Place, secret: &TurnSecret) -> Result<SocketAddr, NoRelay> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let given = secret.credentials(&UserId::new("doctor")?, now);
    let config = TurnConfig::new(TurnCredentials::new(&given.username, &given.credential));
    let wire = place.open().await?;
    let (here, there) = wire.ends()?;
    match place.transport {
        Transport::Udp => {
            let client = TurnClientUdp::allocate(here, there, config);
            Asking { wire, client, transport: TransportType::Udp, refused: Vec::new() }.relay().await
        }
        Transport::Tcp | Transport::Tls => {
            let client = TurnClientTcp::allocate(here, there, config);
            Asking { wire, client, transport: TransportType::Tcp, refused: Vec::new() }.relay().await
        }
    }
}

/// A client that knows the protocol, and the way to its server.
struct Asking<C> {
    wire: Wire,
    client: C,
    transport: TransportType,
    /// What the server has answered by errors. The first 401 is how it asks who we are.
    refused: Vec<(u16, String)>,
}

impl<C: TurnClientApi> Asking<C> {
    async fn relay(mut self) -> Result<SocketAddr, NoRelay> {
        let relayed = loop {
            let next = self.client.poll(now());
            self.send().await?;
            match self.client.poll_event() {
                Some(TurnEvent::AllocationCreated(_, relayed)) => break relayed,
                Some(TurnEvent::AllocationCreateFailed(_)) => return Err(self.why()),
                _ => {}
            }
            let until = match next {
                TurnPollRet::WaitUntil(until) => until.to_std(*BASE),
                _ => return Err(self.why()),
            };
            self.receive(until).await?;
            // The first asks who we are; the second does not believe it, however often it is told.
            if self.refused.iter().filter(|(code, _)| *code == 401).count() > 1 {
                return Err(NoRelay::Secret);
            }
        };
        // A relay that nobody gives back is held for ten minutes.
        if self.client.delete(now()).is_ok() {
            let _ = timeout(PATIENCE / 5, self.send()).await;
        }
        Ok(relayed)
    }

    async fn send(&mut self) -> io::Result<()> {
        while let Some(message) = self.client.poll_transmit(now()) {
            self.wire.send(&message.data).await?;
        }
        Ok(())
    }

    /// Takes what comes by then, if anything does.
    async fn receive(&mut self, until: Instant) -> io::Result<()> {
        let mut room = [0; MOST];
        let count = tokio::select! {
            count = self.wire.receive(&mut room) => count?,
            () = sleep_until(until.into()) => return Ok(()),
        };
        let bytes = &room[..count];
        if let Some(refusal) =
            Message::from_bytes(bytes).ok().and_then(|answer| answer.attribute::<ErrorCode>().ok())
        {
            self.refused.push((refusal.code(), refusal.reason().to_owned()));
        }
        let (here, there) = self.wire.ends()?;
        self.client.recv(Transmit::new(bytes.to_vec(), self.transport, there, here), now());
        Ok(())
    }

    fn why(&self) -> NoRelay {
        match self.refused.as_slice() {
            [.., (code, reason)] => NoRelay::Refused(format!("{reason} ({code})")),
            [] => NoRelay::Unreachable(io::Error::other("the connection ended without an answer")),
        }
    }
}

/// The clock of the protocol's machine counts from here.
static BASE: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

fn now() -> StunInstant {
    StunInstant::from_std(*BASE)
}

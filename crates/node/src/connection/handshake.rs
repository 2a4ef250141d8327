//! From the first frame to the reply to `hello`.

use std::{sync::Arc, time::Duration};

use ringback_auth::{Identity as Token, TokenError};
use ringback_call::{Call, ConnectionId, DeviceId, Endpoint, Link, SessionId, Timestamp};
use ringback_session::{self as session, Departure, Identity, NotGreeted, Session};
use ringback_store::{
    StoreError, UserRecord,
    record::{self, Envelope, SessionNotes},
};
use ringback_telemetry::{Greeting, TokenFault};
use ringback_wire::{CloseCode, ErrorCode, ErrorFrame, Hello, HelloAck, MissedFrame, ServerFrame};
use tokio::time::{Instant, timeout};

use super::{
    Transport,
    presence::Presence,
    refusal::unavailable,
    registration::{Registration, register},
    socket::{Received, Socket},
};
use crate::{
    Node,
    registry::Inbox,
    resume::{self, Past, Start},
    routes,
    tokens::{Unnamed, fault},
};

/// A hello that takes so long may be that of a connection which its client has left.
const SLOW: Duration = Duration::from_secs(1);
/// A hello that is not served by then is refused: it takes a place from others, and its client does not wait much longer.
const LATE: Duration = Duration::from_secs(8);
/// How often a connection may be given another id because of clocks that disagree.
const NAMINGS: usize = 3;

/// A connection that is in.
pub(super) struct Welcome {
    pub(super) session: Session,
    pub(super) token: Box<Token>,
    pub(super) inbox: Inbox,
    pub(super) presence: Presence,
    /// Whether the client knows no calls but those it has just been told of.
    pub(super) fresh: bool,
    /// What the client missed, to be sent before anything else.
    pub(super) replay: Vec<Envelope>,
    /// The calls its user missed, to be told behind that.
    pub(super) missed: Option<MissedFrame>,
    /// How long before its token expires the client wants to be told.
    pub(super) warning: Option<Duration>,
}

/// Takes `hello`, checks it, and replies.
pub(super) async fn greet<T: Transport>(
    node: &Arc<Node>,
    socket: &mut Socket<T>,
) -> Result<Box<Welcome>, Departure> {
    let hello = match timeout(node.config.connection.hello, first_frame(node, socket)).await {
        Ok(frame) => frame?,
        Err(_) => return Err(CloseCode::NoHello.into()),
    };
    let said_at = Instant::now();
    let by = said_at + LATE;
    let timer = node.metrics.hello.start();
    // By the machine's clock, which may be anywhere, tokens would be judged and deadlines set.
    if node.cluster.last_heard().is_none() {
        let error = StoreError::unavailable("the store has not said what time it is");
        return Err(unavailable(socket, &hello, &error).await);
    }
    let token = match timeout(LATE, node.identify(&hello.token)).await {
        Ok(Ok(token)) if token.device.is_none() || hello.device.is_none() || token.device == hello.device => {
            token
        }
        Ok(Ok(_)) => return Err(bad_token(node, socket, &hello, None).await),
        Ok(Err(Unnamed::Token(error))) => {
            return Err(bad_token(node, socket, &hello, Some(error)).await);
        }
        Ok(Err(Unnamed::NoKeys)) | Err(_) => {
            let error = StoreError::unavailable("the keys of tokens could not be fetched yet");
            return Err(unavailable(socket, &hello, &error).await);
        }
    };
    let (mut identity, notes) = match name(node, &hello, &token, said_at).await {
        Ok(named) => named,
        Err(error) => return Err(unavailable(socket, &hello, &error).await),
    };
    for _ in 0..NAMINGS {
        // Served late, it must not take the place of the one that its client has made since.
        if socket.is_gone() {
            return Err(Departure::Client);
        }
        if let Err(error) = resume::in_time(by) {
            return Err(unavailable(socket, &hello, &error).await);
        }
        // Before the route is public, so that nothing that is sent there is missed.
        let told = notes.as_ref().map(|notes| notes.told.clone()).unwrap_or_default();
        let (presence, inbox) = Presence::begin(node, &identity, told);
        let newer = match register(node, socket, &hello, &identity).await? {
            Registration::Done(record) => {
                let (identity, notes, token) = (identity.clone(), notes.clone(), token.clone());
                let entrant = Entrant { identity, notes, token, presence, inbox, record };
                match enter(node, socket, &hello, entrant, by).await? {
                    Entry::Welcome(welcome) => {
                        timer.stop(());
                        return Ok(welcome);
                    }
                    Entry::Older(newer) => newer,
                }
            }
            Registration::Older(newer) => newer,
        };
        match overtake(identity.link.connection, newer, node.clock.now()) {
            Some(connection) => identity.link.connection = connection,
            None => break,
        }
    }
    // Clocks may disagree: a client that is there after all comes back, and is the newer one then.
    Err(CloseCode::GoingAway.into())
}

/// How long before the end a client may be warned.
fn warning(asked_ms: u64) -> Duration {
    Duration::from_millis(asked_ms.clamp(1_000, 3_600_000))
}

/// Turns away who has no token for this device.
async fn bad_token<T: Transport>(
    node: &Node,
    socket: &mut Socket<T>,
    hello: &Hello,
    error: Option<TokenError>,
) -> Departure {
    node.metrics.tokens_refused.inc((error.map_or(TokenFault::Device, fault),));
    let why = error.map_or_else(|| "the token is for another device".to_owned(), |error| error.to_string());
    let reply = ErrorFrame::new(Some(hello.id.0), ErrorCode::Unauthorized, why);
    match socket.send(&ServerFrame::Error(reply)).await {
        Ok(()) => CloseCode::BadToken.into(),
        Err(departure) => departure,
    }
}

/// The id for a connection that comes after one with a greater id, where only a clock is to blame: the server of the
/// user's data has changed. `None` where ours really is the older one, whose hello took long.
fn overtake(ours: ConnectionId, other: ConnectionId, now: Timestamp) -> Option<ConnectionId> {
    let same_moment = other.opened_at() == ours.opened_at();
    (same_moment || other.opened_at() > now).then_some(ConnectionId(other.0 + 1))
}

async fn first_frame<T: Transport>(node: &Node, socket: &mut Socket<T>) -> Result<Box<Hello>, Departure> {
    let bytes = loop {
        if let Received::Frame(bytes) = socket.receive().await? {
            break bytes;
        }
    };
    match session::Greeting::new(socket.format(), node.config.frames).receive(&bytes) {
        Ok(hello) => Ok(hello),
        Err(NotGreeted { reply, close }) => {
            if let Some(reply) = reply {
                socket.send(&ServerFrame::Error(reply)).await?;
            }
            Err(close.into())
        }
    }
}

/// Gives the connection its names. The session goes on if the client names one that is kept for its device. Where the
/// store's answer took long, the connection is dated by its hello, though by the store's clock: else one that is gone
/// could count as newer than the one that its client has made since.
async fn name(
    node: &Node,
    hello: &Hello,
    token: &Token,
    said_at: Instant,
) -> Result<(Identity, Option<SessionNotes>), StoreError> {
    let made_up = |error| StoreError::corrupt("a made-up name", error);
    let unique = node.config.machine.unguessable;
    let device = match hello.device.as_ref().or(token.device.as_ref()) {
        Some(device) => device.clone(),
        None => DeviceId::new(format!("d-{}", unique())).map_err(made_up)?,
    };
    let owner = Endpoint { user: token.user.clone(), device };
    let greeted = node.store.greet(&owner, hello.session.as_ref()).await?;
    let notes: Option<SessionNotes> =
        greeted.notes.map(|notes| record::decode("a session", &notes)).transpose()?;
    let session = match hello.session.clone().filter(|_| notes.is_some()) {
        Some(session) => session,
        None => SessionId::new(unique()).map_err(made_up)?,
    };
    // Not for nothing: a client may be back so soon that its last connection would count as the newer one.
    let waited = said_at.elapsed();
    let waited = if waited < SLOW { 0 } else { u64::try_from(waited.as_micros()).unwrap_or(u64::MAX) };
    let connection = ConnectionId::at_micros(greeted.now_us.saturating_sub(waited), fastrand::u32(..));
    let Endpoint { user, device } = owner;
    let link = Link { node: node.cluster.node().clone(), connection };
    Ok((Identity { user, device, session, link }, notes))
}

/// A connection on its way in.
struct Entrant {
    identity: Identity,
    /// What is remembered of its session, if that is an older connection's.
    notes: Option<SessionNotes>,
    token: Token,
    presence: Presence,
    inbox: Inbox,
    record: UserRecord,
}

/// What became of entering.
enum Entry {
    Welcome(Box<Welcome>),
    /// A call knows the device by a connection that counts as newer: this one.
    Older(ConnectionId),
}

async fn enter<T: Transport>(
    node: &Arc<Node>,
    socket: &mut Socket<T>,
    hello: &Hello,
    entrant: Entrant,
    by: Instant,
) -> Result<Entry, Departure> {
    let Entrant { identity, notes, token, mut presence, inbox, record } = entrant;
    let past = notes.as_ref().map(|notes| Past { seen: &hello.seen, notes });
    let mut start = Start::default();
    let started = async {
        resume::begin(&*node.store, &node.calls, &identity, &record, past, by, &mut start).await?;
        for (call, end) in std::mem::take(&mut start.told) {
            if !presence.told.iter().any(|(told, _)| *told == call) {
                presence.told.push((call, end));
            }
        }
        routes::keep(node, &identity, &presence.told, false).await?;
        missed_calls(node, hello, &identity, &start.over, by).await
    };
    let started = started.await;
    presence.calls = std::mem::take(&mut start.attached);
    let missed = match started {
        Ok(missed) => missed,
        Err(error) => return Err(unavailable(socket, hello, &error).await),
    };
    if let Some(newer) = start.newer {
        return Ok(Entry::Older(newer));
    }
    let mut session = Session::new(identity.clone(), socket.format(), node.config.frames);
    for (call, end) in &presence.told {
        session.was_told(call, *end);
    }
    for (call, seq) in &start.known {
        session.reach(call, *seq);
    }
    tracing::Span::current().record("id", identity.link.connection.0);
    let replayed = start.replay.len();
    tracing::info!(
        user = ?identity.user,
        device = ?identity.device,
        resumed = start.resumed,
        replayed,
        client = hello.client.as_ref().map(|client| short(&client.name)),
        "connected"
    );
    node.metrics.hellos.inc((match (&hello.session, start.resumed) {
        (None, _) => Greeting::Fresh,
        (Some(_), true) => Greeting::Resumed,
        (Some(_), false) => Greeting::Unproved,
    },));
    let ack = HelloAck {
        id: hello.id,
        session: identity.session.clone(),
        resumed: start.resumed,
        user: identity.user.clone(),
        device: identity.device.clone(),
        node: node.cluster.name().clone(),
        heartbeat_ms: u64::try_from(node.config.connection.heartbeat.as_millis()).unwrap_or(u64::MAX),
        token_expires_at: token.expires_at,
        ice_servers: node.config.ice.of(&identity.user, node.clock.now()),
        calls: start.calls,
    };
    socket.send(&ServerFrame::Hello(Box::new(ack))).await?;
    Ok(Entry::Welcome(Box::new(Welcome {
        session,
        token: Box::new(token),
        inbox,
        presence,
        fresh: !start.resumed,
        replay: start.replay,
        missed,
        warning: hello.warn_expiry_ms.map(warning),
    })))
}

/// The calls that the user missed, if the client asks to be told of them. What has just ended, or lost its gateway before
/// that could write it down, is written down first.
async fn missed_calls(
    node: &Node,
    hello: &Hello,
    identity: &Identity,
    over: &[Call],
    by: Instant,
) -> Result<Option<MissedFrame>, StoreError> {
    for call in over {
        resume::in_time(by)?;
        node.calls.write_down(&identity.user, call).await?;
    }
    match hello.missed {
        Some(known) => node.calls.missed(&identity.user, &identity.device, known).await,
        None => Ok(None),
    }
}

/// What a client calls itself, short enough for a log.
fn short(name: &str) -> &str {
    name.char_indices().nth(32).map_or(name, |(end, _)| &name[..end])
}

#[cfg(test)]
mod tests {
    use ringback_call::CallId;
    use ringback_store::{Sessions as _, Users as _};
    use ringback_telemetry::StoreOperation as Operation;
    use tokio::time::sleep;

    use super::*;
    use crate::stage::{
        Client, Stage,
        weather::{Weather, forecast},
    };

    #[tokio::test(start_paused = true)]
    async fn a_hello_that_takes_too_long_is_refused() {
        let stage = Stage::new();
        stage.node.start();
        let (bob, _inbox) = stage.device("bob", 1);
        let owner = Endpoint { user: bob.user.clone(), device: bob.device.clone() };
        let notes = record::encode("a session", &SessionNotes::default()).unwrap();
        stage.store.keep(&owner, &bob.session, notes, 60_000).await.unwrap();
        // For the clock.
        sleep(Duration::from_secs(1)).await;
        let loads = Weather::Slow(Duration::from_millis(100));
        forecast(move |operation| if operation == Operation::Load { loads } else { Weather::Fair });
        let seen: Vec<_> = (0..256).map(|n| (CallId::new(format!("p0-{n}")).unwrap(), 1)).collect();
        let (begun, mut client) = (Instant::now(), Client::comes(&stage.node, &bob, &seen));
        client.told_of("unavailable").await;
        assert_eq!(client.closed().await, CloseCode::GoingAway);
        assert!(begun.elapsed() < LATE + Duration::from_secs(1), "{:?}", begun.elapsed());
        sleep(Duration::from_secs(1)).await;
        assert_eq!(stage.store.lookup(&bob.user).await.unwrap().routes, [], "it is taken out of the books");
    }

    #[test]
    fn only_a_connection_that_really_is_newer_is_left_in_place() {
        let at = |ms, salt| ConnectionId::new(Timestamp(ms), salt);
        let now = Timestamp(1_000);
        assert_eq!(overtake(at(900, 5), at(900, 7), now), Some(ConnectionId(at(900, 7).0 + 1)));
        assert_eq!(overtake(at(900, 5), at(950, 1), now), None, "opened later, and not by a wrong clock");
        assert_eq!(overtake(at(900, 5), at(5_000, 1), now), Some(ConnectionId(at(5_000, 1).0 + 1)));
    }

    #[test]
    fn a_client_s_name_is_cut_where_a_character_ends() {
        assert_eq!(short("ringback-js"), "ringback-js");
        assert_eq!(short(&"ü".repeat(100)), "ü".repeat(32));
    }
}

//! From the upgrade to the reply to `hello`.

use std::{sync::Arc, time::Duration};

use ringback_auth::Identity as Token;
use ringback_call::{ConnectionId, DeviceId, Endpoint, Link, Millis, SessionId};
use ringback_session::{Departure, Greeting, Identity, NotGreeted, Session};
use ringback_store::{Registered, Route, StoreError, UserRecord, record::Envelope};
use ringback_wire::{CloseCode, ErrorCode, ErrorFrame, Hello, HelloAck, IceServer, ServerFrame};
use tokio::time::timeout;
use uuid::Uuid;

use super::socket::{Incoming, Socket};
use crate::{
    app::App,
    attendance,
    registry::{Handle, Inbox},
    resume,
};

/// When a client should try again that could not be served, in milliseconds.
pub(super) const RETRY_MS: u64 = 500;

/// How long a session is kept while it is connected, and a route with it; both are renewed long before.
const SESSION_MS: Millis = 24 * 3_600_000;
/// How often they are renewed.
pub(super) const RENEWAL: Duration = Duration::from_secs(6 * 3_600);

/// A connection that is in.
pub(super) struct Welcome {
    pub(super) session: Session,
    pub(super) token: Token,
    pub(super) inbox: Inbox,
    /// What the client missed, to be sent before anything else.
    pub(super) replay: Vec<Envelope>,
}

/// Takes `hello`, checks it, and replies.
pub(super) async fn greet(app: &Arc<App>, socket: &mut Socket) -> Result<Welcome, Departure> {
    let hello = match timeout(app.settings.connection.hello, first_frame(app, socket)).await {
        Ok(hello) => hello?,
        Err(_) => return Err(CloseCode::NoHello.into()),
    };
    let token = match app.verifier.verify(&hello.token, app.clock.now()) {
        Ok(token) => token,
        Err(error) => {
            let reply = ErrorFrame::new(Some(hello.id.0), ErrorCode::Unauthorized, error.to_string());
            socket.send(&ServerFrame::Error(reply)).await?;
            return Err(CloseCode::BadToken.into());
        }
    };
    let (identity, known) = match name(app, &hello, &token).await {
        Ok(named) => named,
        Err(error) => return Err(unavailable(socket, &hello, &error).await),
    };
    let room = app.settings.limits.outbox_frames;
    let (handle, inbox) = Handle::new(identity.device.clone(), identity.link.connection, room);
    // Before the route is public, so that nothing that is sent there is missed.
    app.registry.insert(&identity.user, handle);
    match enter(app, socket, &hello, &identity, known, &token).await {
        Ok((session, replay)) => Ok(Welcome { session, token, inbox, replay }),
        Err(departure) => {
            leave(app, &identity).await;
            Err(departure)
        }
    }
}

async fn first_frame(app: &App, socket: &mut Socket) -> Result<Box<Hello>, Departure> {
    let bytes = loop {
        if let Incoming::Frame(bytes) = socket.receive().await? {
            break bytes;
        }
    };
    match Greeting::new(socket.format(), app.settings.frames).receive(&bytes) {
        Ok(hello) => Ok(hello),
        Err(NotGreeted { reply, close }) => {
            if let Some(reply) = reply {
                socket.send(&ServerFrame::Error(reply)).await?;
            }
            Err(close.into())
        }
    }
}

/// Gives the connection its names. The session goes on if the client names one that is kept for its device.
async fn name(app: &App, hello: &Hello, token: &Token) -> Result<(Identity, bool), StoreError> {
    let made_up = |error| StoreError::corrupt("a made-up name", error);
    let unique = || Uuid::new_v4().simple().to_string();
    let device = match &hello.device {
        Some(device) => device.clone(),
        None => DeviceId::new(format!("d-{}", unique())).map_err(made_up)?,
    };
    let owner = Endpoint { user: token.user.clone(), device };
    let kept = match &hello.session {
        Some(session) if app.store.is_kept(&owner, session).await? => Some(session.clone()),
        Some(_) | None => None,
    };
    let known = kept.is_some();
    let session = match kept {
        Some(session) => session,
        None => SessionId::new(unique()).map_err(made_up)?,
    };
    let connection = ConnectionId::new(app.clock.now(), fastrand::u32(..));
    let Endpoint { user, device } = owner;
    let link = Link { node: app.cluster.node().clone(), connection };
    Ok((Identity { user, device, session, link }, known))
}

async fn enter(
    app: &Arc<App>,
    socket: &mut Socket,
    hello: &Hello,
    identity: &Identity,
    known: bool,
    token: &Token,
) -> Result<(Session, Vec<Envelope>), Departure> {
    let record = register(app, socket, hello, identity).await?;
    let seen = known.then_some(&hello.seen);
    let started = async {
        app.store.keep(&owner(identity), &identity.session, SESSION_MS).await?;
        resume::start(&*app.store, &app.calls, identity, &record, seen).await
    };
    let start = match started.await {
        Ok(start) => start,
        Err(error) => return Err(unavailable(socket, hello, &error).await),
    };
    let mut session = Session::new(identity.clone(), socket.format(), app.settings.frames);
    for (call, seq) in &start.known {
        session.start_at(call, *seq);
    }
    tracing::Span::current().record("id", identity.link.connection.0);
    let replayed = start.replay.len();
    tracing::info!(
        user = ?identity.user,
        device = ?identity.device,
        resumed = start.resumed,
        replayed,
        client = hello.client.as_ref().map(|client| client.name.as_str()),
        "connected"
    );
    let ack = HelloAck {
        id: hello.id,
        session: identity.session.clone(),
        resumed: start.resumed,
        user: identity.user.clone(),
        device: identity.device.clone(),
        node: app.cluster.node().clone(),
        heartbeat_ms: u64::try_from(app.settings.connection.heartbeat.as_millis()).unwrap_or(u64::MAX),
        token_expires_at: token.expires_at,
        ice_servers: ice_servers(&app.settings.ice_urls),
        calls: start.calls,
    };
    socket.send(&ServerFrame::Hello(Box::new(ack))).await?;
    Ok((session, start.replay))
}

fn owner(identity: &Identity) -> Endpoint {
    Endpoint { user: identity.user.clone(), device: identity.device.clone() }
}

async fn register(
    app: &App,
    socket: &mut Socket,
    hello: &Hello,
    identity: &Identity,
) -> Result<UserRecord, Departure> {
    let route = Route { node: identity.link.node.clone(), connection: identity.link.connection };
    let max = app.settings.limits.devices_per_user;
    let Identity { user, device, .. } = identity;
    // Once more after the routes that dead gateways left behind are gone.
    for last in [false, true] {
        match app.store.register(user, device, route.clone(), max).await {
            Ok(Registered::Done { replaced, record }) => {
                if let Some(old) = replaced.filter(|old| old.node != *app.cluster.node()) {
                    attendance::fence(&*app.store, user, device, &old).await;
                }
                return Ok(record);
            }
            Ok(Registered::Superseded) => return Err(CloseCode::Replaced.into()),
            Ok(Registered::TooMany(record)) => {
                if last || !strike_dead_routes(app, identity, &record).await {
                    let reply = ErrorFrame::new(Some(hello.id.0), ErrorCode::RateLimited, "too many devices")
                        .retry_after(RETRY_MS);
                    socket.send(&ServerFrame::Error(reply)).await?;
                    return Err(CloseCode::TooManyRequests.into());
                }
            }
            Err(error) => return Err(unavailable(socket, hello, &error).await),
        }
    }
    Err(CloseCode::TooManyRequests.into())
}

/// Takes out routes to gateways that died; whether there were any.
async fn strike_dead_routes(app: &App, identity: &Identity, record: &UserRecord) -> bool {
    let mut any = false;
    for (device, route) in record.routes.iter().filter(|(_, route)| !app.cluster.reaches(route)) {
        any |= app.store.unregister(&identity.user, device, route.connection).await.unwrap_or(false);
    }
    any
}

async fn unavailable(socket: &mut Socket, hello: &Hello, error: &StoreError) -> Departure {
    tracing::warn!(error = error as &dyn std::error::Error, "hello could not be served");
    let reply = ErrorFrame::new(Some(hello.id.0), ErrorCode::Unavailable, "try again").retry_after(RETRY_MS);
    match socket.send(&ServerFrame::Error(reply)).await {
        Ok(()) => CloseCode::GoingAway.into(),
        Err(departure) => departure,
    }
}

fn ice_servers(urls: &[String]) -> Vec<IceServer> {
    if urls.is_empty() { Vec::new() } else { vec![IceServer { urls: urls.to_vec() }] }
}

/// Says again where a device is and that its session goes on, for connections that outlive what is stored.
pub(super) async fn renew(app: &App, identity: &Identity) {
    let Identity { user, device, link, session } = identity;
    let route = Route { node: link.node.clone(), connection: link.connection };
    let renewed = async {
        app.store.register(user, device, route, app.settings.limits.devices_per_user).await?;
        app.store.keep(&owner(identity), session, SESSION_MS).await
    };
    if let Err(error) = renewed.await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a route was not renewed");
    }
}

/// Takes a connection's names out of everywhere. Its session stays for a while, unless a newer connection has it.
pub(super) async fn leave(app: &App, identity: &Identity) {
    let Identity { user, device, link, session } = identity;
    app.registry.remove(user, device, link.connection);
    let left = async {
        if app.store.unregister(user, device, link.connection).await? {
            app.store.keep(&owner(identity), session, app.settings.connection.resume_ms).await?;
        }
        Ok::<_, StoreError>(())
    };
    if let Err(error) = left.await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a route was left behind");
    }
}

//! From the upgrade to the reply to `hello`.

use std::sync::Arc;

use ringback_auth::Identity as Token;
use ringback_call::{ConnectionId, DeviceId, Link, SessionId};
use ringback_session::{Departure, Greeting, Identity, NotGreeted, Session};
use ringback_store::{Registered, Route, StoreError, UserRecord};
use ringback_wire::{CloseCode, ErrorCode, ErrorFrame, Hello, HelloAck, IceServer, ServerFrame};
use tokio::time::timeout;
use uuid::Uuid;

use super::socket::{Incoming, Socket};
use crate::{
    app::App,
    attendance,
    registry::{Handle, Inbox},
};

/// When a client should try again that could not be served, in milliseconds.
pub(super) const RETRY_MS: u64 = 500;

/// A connection that is in.
pub(super) struct Welcome {
    pub(super) session: Session,
    pub(super) token: Token,
    pub(super) inbox: Inbox,
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
    let identity = name(app, &hello, &token)?;
    let room = app.settings.limits.outbox_frames;
    let (handle, inbox) = Handle::new(identity.device.clone(), identity.link.connection, room);
    // Before the route is public, so that nothing that is sent there is missed.
    app.registry.insert(&identity.user, handle);
    match enter(app, socket, &hello, &identity, &token).await {
        Ok(session) => Ok(Welcome { session, token, inbox }),
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

/// Gives the connection its names. A session of an earlier connection is not kept yet, so each is a fresh one.
fn name(app: &App, hello: &Hello, token: &Token) -> Result<Identity, Departure> {
    let made_up = |error| {
        tracing::error!(%error, "a made-up name is not valid");
        Departure::from(CloseCode::GoingAway)
    };
    let unique = || Uuid::new_v4().simple().to_string();
    let device = match &hello.device {
        Some(device) => device.clone(),
        None => DeviceId::new(format!("d-{}", unique())).map_err(made_up)?,
    };
    let connection = ConnectionId::new(app.clock.now(), fastrand::u32(..));
    Ok(Identity {
        user: token.user.clone(),
        device,
        session: SessionId::new(unique()).map_err(made_up)?,
        link: Link { node: app.cluster.node().clone(), connection },
    })
}

async fn enter(
    app: &Arc<App>,
    socket: &mut Socket,
    hello: &Hello,
    identity: &Identity,
    token: &Token,
) -> Result<Session, Departure> {
    let record = register(app, socket, hello, identity).await?;
    let found = match attendance::attach(&app.calls, identity, &record).await {
        Ok(found) => found,
        Err(error) => return Err(unavailable(socket, hello, &error).await),
    };
    let mut session = Session::new(identity.clone(), socket.format(), app.settings.frames);
    for found in &found {
        session.start_at(&found.snapshot.call, found.snapshot.seq);
    }
    let ack = HelloAck {
        id: hello.id,
        session: identity.session.clone(),
        resumed: false,
        user: identity.user.clone(),
        device: identity.device.clone(),
        node: app.cluster.node().clone(),
        heartbeat_ms: u64::try_from(app.settings.connection.heartbeat.as_millis()).unwrap_or(u64::MAX),
        token_expires_at: token.expires_at,
        ice_servers: ice_servers(&app.settings.ice_urls),
        calls: found.into_iter().map(|found| found.snapshot).collect(),
    };
    socket.send(&ServerFrame::Hello(Box::new(ack))).await?;
    tracing::Span::current().record("id", identity.link.connection.0);
    tracing::info!(user = ?identity.user, device = ?identity.device, client = ?hello.client, "connected");
    Ok(session)
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

/// Takes a connection's names out of everywhere.
pub(super) async fn leave(app: &App, identity: &Identity) {
    let Identity { user, device, link, .. } = identity;
    app.registry.remove(user, device, link.connection);
    if let Err(error) = app.store.unregister(user, device, link.connection).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a route was left behind");
    }
}

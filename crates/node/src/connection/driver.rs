//! The loop of one connection: frames from the client, entries from the store, requests that are done, and time.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock as _};
use ringback_session::{Departure, Step};
use ringback_store::record::Envelope;
use ringback_wire::{Ack, CloseCode, ErrorCode, ErrorFrame, Goaway, ServerFrame};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    handshake::{self, Welcome},
    jobs::{Done, Jobs},
    socket::{Incoming, Socket},
};
use crate::{app::App, attendance};

/// Requests refused for their rate after which the connection is closed: a client that does not listen.
const MAX_REFUSED: u32 = 1_000;

/// Serves a connection to its end, and tidies up.
pub(super) async fn drive(app: &Arc<App>, socket: &mut Socket, mut welcome: Welcome) -> Departure {
    let identity = welcome.session.identity().clone();
    let replay = std::mem::take(&mut welcome.replay);
    let mut driver = Driver::new(app, socket, welcome);
    let departure = driver.run(replay).await;
    let Driver { session, jobs, .. } = driver;
    tracing::info!(reason = departure.label(), user = ?identity.user, device = ?identity.device, "disconnected");
    let mut calls: Vec<_> = session.live_calls().cloned().collect();
    // In the background: the socket can be closed meanwhile, and a thousand that drop at once wait for nothing.
    let app = Arc::clone(app);
    app.tasks.clone().spawn(async move {
        handshake::leave(&app, &identity).await;
        calls.extend(jobs.finish().await);
        attendance::drop_out(&app.calls, &identity, calls).await;
    });
    departure
}

struct Driver<'a> {
    app: &'a Arc<App>,
    socket: &'a mut Socket,
    session: ringback_session::Session,
    token: ringback_auth::Identity,
    inbox: crate::registry::Inbox,
    jobs: Jobs,
    rate: DefaultDirectRateLimiter,
    refused: u32,
    times: Times,
}

/// What a connection's loop wakes up for.
enum Turn {
    Close(CloseCode),
    Drain,
    Entry(Arc<Envelope>),
    Done(Done),
    Incoming(Result<Incoming, Departure>),
    Time,
}

/// The moments at which something is due without anybody asking.
struct Times {
    heard: Instant,
    ping: Instant,
    heartbeat: Duration,
    renewal: Instant,
    goaway: Option<Instant>,
}

impl Times {
    /// A client silent for two and a half heartbeats is gone.
    fn silence(&self) -> Instant {
        self.heard + self.heartbeat * 5 / 2
    }
}

impl<'a> Driver<'a> {
    fn new(app: &'a Arc<App>, socket: &'a mut Socket, welcome: Welcome) -> Self {
        let Welcome { session, token, inbox, replay: _ } = welcome;
        let limits = app.settings.limits;
        let per_second = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_second(limits.requests_per_second))
            .allow_burst(per_second(limits.request_burst));
        let now = Instant::now();
        let heartbeat = app.settings.connection.heartbeat;
        Self {
            jobs: Jobs::new(Arc::clone(app), session.identity().clone()),
            app,
            socket,
            session,
            token,
            inbox,
            rate: RateLimiter::direct(quota),
            refused: 0,
            times: Times {
                heard: now,
                ping: now + heartbeat,
                heartbeat,
                renewal: now + handshake::RENEWAL.mul_f32(0.5 + 0.5 * fastrand::f32()),
                goaway: None,
            },
        }
    }

    /// What the client missed comes first; what arrives meanwhile waits in the inbox.
    async fn run(&mut self, replay: Vec<Envelope>) -> Departure {
        for entry in replay {
            if let Err(departure) = self.deliver(&entry).await {
                return departure;
            }
        }
        loop {
            let turn = self.next().await;
            if let Err(departure) = self.take(turn).await {
                return departure;
            }
        }
    }

    /// Waits for whatever comes first; what is said to a connection goes before what it asks for.
    async fn next(&mut self) -> Turn {
        let wake = self.next_wake();
        tokio::select! {
            biased;
            code = closing(&mut self.inbox.closing) => Turn::Close(code),
            () = self.app.stop.cancelled() => Turn::Close(CloseCode::GoingAway),
            () = self.app.draining.cancelled(), if self.times.goaway.is_none() => Turn::Drain,
            Some(entry) = self.inbox.entries.recv() => Turn::Entry(entry),
            done = self.jobs.next() => Turn::Done(done),
            incoming = self.socket.receive(), if !self.jobs.is_full() => Turn::Incoming(incoming),
            () = sleep_until(wake) => Turn::Time,
        }
    }

    async fn take(&mut self, turn: Turn) -> Result<(), Departure> {
        match turn {
            Turn::Close(code) => Err(code.into()),
            Turn::Drain => {
                // Each at its own time, so that the clients do not all come to the next gateway at once.
                let spread = self.app.settings.drain.mul_f32(0.5);
                self.times.goaway = Some(Instant::now() + spread.mul_f32(fastrand::f32()));
                Ok(())
            }
            Turn::Entry(entry) => self.deliver(&entry).await,
            Turn::Done(done) => {
                if let Some(call) = done.call {
                    self.session.joined(&call);
                }
                self.socket.send(&done.reply).await
            }
            Turn::Incoming(incoming) => {
                self.times.heard = Instant::now();
                match incoming? {
                    Incoming::Frame(bytes) => self.receive(&bytes).await,
                    Incoming::Life => Ok(()),
                }
            }
            Turn::Time => self.on_time().await,
        }
    }

    async fn deliver(&mut self, entry: &Envelope) -> Result<(), Departure> {
        let Envelope { call, seq, at, to, event, .. } = entry;
        match self.session.deliver(call, *seq, *at, to, event) {
            Some(frame) => self.socket.send(&ServerFrame::Event(frame)).await,
            None => Ok(()),
        }
    }

    async fn receive(&mut self, bytes: &[u8]) -> Result<(), Departure> {
        let allowed = self.rate.check();
        let step = self.session.receive(bytes, self.app.clock.now());
        match (step, allowed) {
            (Step::Close(code), _) => Err(code.into()),
            (step, Ok(())) => self.perform(step).await,
            (step, Err(not_until)) => {
                let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
                self.refuse(&step, wait).await
            }
        }
    }

    async fn perform(&mut self, step: Step) -> Result<(), Departure> {
        match step {
            Step::Nothing => Ok(()),
            Step::Close(code) => Err(code.into()),
            Step::Reply(frame) => self.socket.send(&frame).await,
            Step::Place(..) | Step::Act(..) => {
                self.jobs.push(step);
                Ok(())
            }
            Step::Renew(id, token) => {
                let reply = match self.app.verifier.verify(&token, self.app.clock.now()) {
                    Ok(renewed) if renewed.user == self.token.user => {
                        self.token = renewed;
                        ServerFrame::Ack(Ack { token_expires_at: self.token.expires_at, ..Ack::done(id) })
                    }
                    Ok(_) => refused_token(id.0, "the token names another user"),
                    Err(error) => refused_token(id.0, &error.to_string()),
                };
                self.socket.send(&reply).await
            }
        }
    }

    async fn refuse(&mut self, step: &Step, wait: Duration) -> Result<(), Departure> {
        self.refused += 1;
        if self.refused > MAX_REFUSED {
            return Err(CloseCode::TooManyRequests.into());
        }
        if *step == Step::Nothing {
            return Ok(());
        }
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        let error =
            ErrorFrame::new(step.id(), ErrorCode::RateLimited, "too many requests").retry_after(wait_ms);
        self.socket.send(&ServerFrame::Error(error)).await
    }

    fn next_wake(&self) -> Instant {
        let mut wake = self.times.ping.min(self.times.silence()).min(self.times.renewal);
        if let Some(goaway) = self.times.goaway {
            wake = wake.min(goaway);
        }
        if let Some(expires_at) = self.token.expires_at {
            wake = wake.min(Instant::now() + Duration::from_millis(expires_at.since(self.app.clock.now())));
        }
        wake
    }

    async fn on_time(&mut self) -> Result<(), Departure> {
        let now = Instant::now();
        if self.token.expires_at.is_some_and(|expires_at| self.app.clock.now() >= expires_at) {
            return Err(CloseCode::BadToken.into());
        }
        if now >= self.times.silence() {
            return Err(CloseCode::NoPong.into());
        }
        if self.times.goaway.is_some_and(|goaway| now >= goaway) {
            // Said once; what is left of the window is the client's to come back elsewhere.
            self.times.goaway = Some(now + self.app.settings.drain);
            let goaway = Goaway { reconnect_after_ms: 0, reason: "draining" };
            self.socket.send(&ServerFrame::Goaway(goaway)).await?;
        }
        if now >= self.times.renewal {
            self.times.renewal = now + handshake::RENEWAL;
            let (app, identity) = (Arc::clone(self.app), self.session.identity().clone());
            self.app.tasks.spawn(async move { handshake::renew(&app, &identity).await });
        }
        if now >= self.times.ping {
            self.times.ping = now + self.times.heartbeat;
            self.socket.ping().await?;
        }
        Ok(())
    }
}

async fn closing(closing: &mut watch::Receiver<Option<CloseCode>>) -> CloseCode {
    // Copied at once: what `wait_for` returns holds a lock.
    let code = closing.wait_for(Option::is_some).await.map(|code| *code);
    match code {
        Ok(code) => code.unwrap_or(CloseCode::GoingAway),
        // Nobody is left who could ask: the registry is gone.
        Err(_) => std::future::pending().await,
    }
}

fn refused_token(id: u64, why: &str) -> ServerFrame {
    ServerFrame::Error(ErrorFrame::new(Some(id), ErrorCode::Unauthorized, why))
}

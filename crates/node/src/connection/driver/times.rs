//! What is due on a connection without anybody asking: pings, the end of silence and of the token, renewals, what was
//! seen, what is caught up on, and the request to connect anew.

use std::{sync::Arc, time::Duration};

use ringback_session::Departure;
use ringback_wire::{CloseCode, Goaway, ServerFrame};
use tokio::time::Instant;

use super::{Driver, Job, Transport};
use crate::routes;

/// How often what is stored of a connection is renewed.
const RENEWAL: Duration = Duration::from_secs(6 * 3_600);

/// The moments at which something is due without anybody asking.
pub(super) struct Times {
    pub(super) heard: Instant,
    ping: Instant,
    heartbeat: Duration,
    renewal: Instant,
    pub(super) goaway: Option<Instant>,
    pub(super) told_to_go: bool,
    pub(super) catch_up: Option<Instant>,
    trim: Option<Instant>,
    /// Until when nothing is read from a client that asks too much: to refuse it all as fast as it comes would be work too.
    pub(super) rest: Option<Instant>,
}

impl Times {
    pub(super) fn begin(now: Instant, heartbeat: Duration) -> Self {
        Self {
            heard: now,
            ping: now + heartbeat,
            heartbeat,
            renewal: now + RENEWAL.mul_f32(0.5 + 0.5 * fastrand::f32()),
            goaway: None,
            told_to_go: false,
            catch_up: None,
            trim: None,
            rest: None,
        }
    }

    /// A client silent for two and a half heartbeats is gone.
    fn silence(&self) -> Instant {
        self.heard + self.heartbeat * 5 / 2
    }

    fn next(&self) -> Instant {
        let maybe = [self.goaway, self.catch_up, self.trim, self.rest].into_iter().flatten();
        maybe.fold(self.ping.min(self.silence()).min(self.renewal), Instant::min)
    }
}

impl<T: Transport> Driver<'_, T> {
    pub(super) async fn ping(&mut self) -> Result<(), Departure> {
        self.pings += 1;
        self.jobs.pinged(self.pings);
        self.socket.ping(self.pings).await
    }

    pub(super) fn renew(&mut self) {
        self.times.renewal = Instant::now() + RENEWAL;
        let (node, identity) = (Arc::clone(self.node), self.session.identity().clone());
        let told: Vec<_> = self.session.told().cloned().collect();
        self.node.background.spawn(async move {
            match node.background.insist(|| routes::renew(&node, &identity, &told)).await {
                Ok(true) => {}
                Ok(false) => {
                    let code = CloseCode::Replaced;
                    node.registry.close(&identity.user, &identity.device, identity.link.connection, code);
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "a route was not renewed");
                }
            }
        });
    }

    /// What is seen and stays seen without a request to take it along is taken out of the mailboxes by itself.
    pub(super) fn take_note_of_seen(&mut self) {
        for (call, seq) in self.session.take_seen() {
            self.untrimmed.insert(call, seq);
        }
        if !self.untrimmed.is_empty() && self.times.trim.is_none() {
            self.times.trim = Some(Instant::now() + self.node.config.connection.trim);
        }
    }

    fn trim(&mut self) {
        self.times.trim = None;
        for (call, seq) in std::mem::take(&mut self.untrimmed) {
            if !self.jobs.is_full() {
                self.jobs.push(Job::Trim(call, seq));
            }
        }
    }

    pub(super) fn next_wake(&self) -> Instant {
        let mut wake = self.times.next();
        for at in [self.token.expires_at, self.warns_at()].into_iter().flatten() {
            wake = wake.min(Instant::now() + Duration::from_millis(at.since(self.node.clock.now())));
        }
        wake
    }

    pub(super) async fn on_time(&mut self) -> Result<(), Departure> {
        let now = Instant::now();
        if self.token.expires_at.is_some_and(|expires_at| self.node.clock.now() >= expires_at) {
            return Err(CloseCode::BadToken.into());
        }
        self.warn_of_expiry().await?;
        if now >= self.times.silence() {
            return Err(CloseCode::NoPong.into());
        }
        if self.times.goaway.is_some_and(|goaway| now >= goaway) {
            // Said once; what is left of the window is the client's to come back elsewhere.
            self.times.goaway = Some(now + self.node.config.drain * 2);
            self.times.told_to_go = true;
            let goaway = Goaway { reconnect_after_ms: 0, reason: "draining" };
            self.socket.send(&ServerFrame::Goaway(goaway)).await?;
        }
        if now >= self.times.renewal {
            self.renew();
        }
        if self.times.rest.is_some_and(|at| now >= at) {
            self.times.rest = None;
        }
        if self.times.trim.is_some_and(|at| now >= at) {
            self.trim();
        }
        if self.times.catch_up.is_some_and(|at| now >= at) {
            self.times.catch_up = None;
            Box::pin(self.catch_up_again()).await?;
        }
        if now >= self.times.ping {
            self.times.ping = now + self.times.heartbeat;
            self.ping().await?;
        }
        Ok(())
    }
}

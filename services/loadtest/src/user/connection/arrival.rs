//! How a connection comes to be one: tries, the greeting, and what a session that comes back sends again.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::{SinkExt as _, StreamExt as _};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Connection;
use crate::{
    measure::{
        count::{Count, Label},
        metric::Metric,
    },
    protocol::{
        Kind,
        codec::Codec,
        frame::Frame,
        request::{Program, Request},
    },
    user::dial::{LIMIT, NoWay, Socket, dial},
};

/// Who can't connect for so long is gone.
const GIVE_UP: Duration = Duration::from_secs(120);
/// Between tries: from, doubled up to.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The device of every virtual user.
const DEVICE: &str = "loadtest";

impl Connection {
    /// Tries until it is connected and has been greeted.
    pub(super) async fn arrive(&mut self, returns: bool) -> Option<Socket> {
        let begun = Instant::now();
        let mut wait = FIRST_WAIT;
        while begun.elapsed() < GIVE_UP {
            match Box::pin(self.greet()).await {
                Ok(socket) => {
                    if returns {
                        self.world.measures.time(Metric::Reconnect, begun.elapsed());
                    }
                    return Some(socket);
                }
                Err(NoWay::TurnedAway(after)) => {
                    self.world.measures.count(Count::TurnedAway);
                    // Spread, so that those who were turned away together do not come back together.
                    sleep(after.mul_f64(1.0 + fastrand::f64())).await;
                }
                Err(NoWay::NotReached(why)) => {
                    self.world.measures.count(Count::NotReached);
                    self.world.measures.label(Label::Error, &format!("connecting: {why}"));
                    sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    self.target = (self.target + 1) % self.world.targets.len();
                }
                Err(NoWay::Never(why)) => {
                    self.world.measures.label(Label::Error, &format!("connecting: {why}"));
                    return None;
                }
            }
        }
        None
    }

    async fn greet(&mut self) -> Result<Socket, NoWay> {
        let begun = Instant::now();
        let url = self.world.targets.get(self.target).ok_or(NoWay::Never("no such target".to_owned()))?;
        let mut socket = dial(url, &self.name, self.codec).await?;
        self.world.measures.time(Metric::Upgrade, begun.elapsed());
        let begun = Instant::now();
        match timeout(LIMIT, self.hello(&mut socket)).await {
            Ok(greeted) => greeted?,
            Err(_) => return Err(NoWay::NotReached("no answer to hello".to_owned())),
        }
        self.world.measures.time(Metric::Hello, begun.elapsed());
        Ok(socket)
    }

    async fn hello(&mut self, socket: &mut Socket) -> Result<(), NoWay> {
        let broken = |error: &dyn std::fmt::Display| NoWay::NotReached(error.to_string());
        if self.codec != Codec::Floor {
            let token =
                self.world.tokens.token(&self.name).map_err(|error| NoWay::Never(error.to_string()))?;
            let hello = Request {
                id: Some(self.id()),
                token: Some(token),
                device: Some(DEVICE),
                session: self.session.clone(),
                seen: if self.session.is_some() { self.ledger.seen() } else { BTreeMap::new() },
                client: Some(Program { name: "ringback-loadtest", version: env!("CARGO_PKG_VERSION") }),
                ..Request::new(Kind::Hello)
            };
            self.unreported.clear();
            self.report_at = None;
            let frame = self.codec.encode(&hello).map_err(|error| NoWay::Never(error.to_string()))?;
            socket.send(frame).await.map_err(|error| broken(&error))?;
        }
        let ack = loop {
            let message = socket.next().await.ok_or_else(|| broken(&"closed before hello's ack"))?;
            match message.map_err(|error| broken(&error))? {
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) => return Err(broken(&"closed before hello's ack")),
                message => break self.codec.decode(&message).map_err(|error| broken(&error))?,
            }
        };
        match ack.kind {
            Kind::Ready => Ok(()),
            Kind::Ack => self.welcome(ack, socket).await.map_err(|error| broken(&error)),
            _ => {
                let code = ack.code.unwrap_or_default();
                let why = format!("hello was refused: {code}");
                // What may pass, and what will not.
                let passes = matches!(&*code, "unavailable" | "draining" | "rate_limited");
                Err(if passes { NoWay::NotReached(why) } else { NoWay::Never(why) })
            }
        }
    }

    async fn welcome(&mut self, ack: Frame, socket: &mut Socket) -> Result<(), Error> {
        if self.session.is_some() {
            let proved = ack.resumed == Some(true);
            self.world.measures.count(if proved { Count::Resumed } else { Count::Unproved });
        }
        self.session = ack.session;
        self.heartbeat = Duration::from_millis(ack.heartbeat_ms.unwrap_or(20_000));
        for frame in self.pending.all() {
            socket.send(frame).await?;
        }
        Ok(())
    }
}

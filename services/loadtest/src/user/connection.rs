//! The task of one user: connects, says hello, passes on what is asked and told, and comes back when the connection is
//! lost, with its session and what it has seen.

mod frames;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{SinkExt as _, StreamExt as _};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::{
    Command, Told,
    dial::{LIMIT, NoWay, Socket, dial},
    ledger::Ledger,
    pending::Pending,
};
use crate::{
    measure::{
        Measures,
        count::{Count, Label},
        metric::Metric,
    },
    protocol::{
        Kind,
        codec::Codec,
        frame::Frame,
        request::{Program, Request},
        token::Tokens,
    },
};

/// Who can't connect for so long is gone.
const GIVE_UP: Duration = Duration::from_secs(120);
/// Between tries: from, doubled up to.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A server that is silent for this many of its heartbeats is gone.
const SILENCE: f64 = 2.5;
/// What was seen and no request took along is reported after this time.
const SEEN: Duration = Duration::from_secs(1);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// The device of every virtual user.
const DEVICE: &str = "loadtest";

/// What all users share.
#[derive(Debug)]
pub(crate) struct World {
    /// Where to connect.
    pub(crate) targets: Vec<String>,
    /// Their tokens.
    pub(crate) tokens: Tokens,
    /// Where connections' figures go.
    pub(crate) measures: Arc<Measures>,
    /// How many are connected.
    pub(crate) online: watch::Sender<usize>,
    /// Ends all connections.
    pub(crate) stop: CancellationToken,
}

impl World {
    /// One can't connect any more. Who waits for all to be connected has to look again.
    fn gone(&self) {
        self.measures.count(Count::Gone);
        self.online.send_modify(|_| {});
    }

    fn online(&self, change: isize) {
        // Noted under the channel's lock: of two who come at once, the later number stays.
        self.online.send_modify(|online| {
            *online = online.saturating_add_signed(change);
            self.measures.online(*online);
        });
    }
}

/// One user's connection, and what its device keeps when it is lost.
#[derive(Debug)]
pub(crate) struct Connection {
    world: Arc<World>,
    name: Arc<str>,
    target: usize,
    codec: Codec,
    commands: mpsc::Receiver<Command>,
    told: mpsc::Sender<Told>,
    session: Option<Arc<str>>,
    next_id: u64,
    ledger: Ledger,
    pending: Pending,
    unreported: BTreeMap<Arc<str>, u64>,
    report_at: Option<Instant>,
    again_at: Option<Instant>,
    heartbeat: Duration,
}

/// Why a connection was left.
enum Left {
    /// The run is over.
    Stopped,
    /// To come back then.
    Until(Instant),
    /// Not to come back.
    ForGood,
}

impl Connection {
    /// Not connected yet.
    pub(crate) fn new(
        world: Arc<World>,
        name: Arc<str>,
        target: usize,
        codec: Codec,
        commands: mpsc::Receiver<Command>,
        told: mpsc::Sender<Told>,
    ) -> Self {
        Self {
            world,
            name,
            target,
            codec,
            commands,
            told,
            session: None,
            next_id: 1,
            ledger: Ledger::default(),
            pending: Pending::default(),
            unreported: BTreeMap::new(),
            report_at: None,
            again_at: None,
            heartbeat: Duration::from_secs(60),
        }
    }

    /// Until the run is over, or it can't connect any more.
    pub(crate) async fn run(mut self) {
        let stop = self.world.stop.clone();
        let mut returns = false;
        loop {
            let socket = tokio::select! {
                () = stop.cancelled() => return,
                socket = self.arrive(returns) => socket,
            };
            let Some(socket) = socket else { return self.world.gone() };
            self.world.online(1);
            let left = self.stay(socket).await;
            self.world.online(-1);
            let back = match left {
                Left::Stopped => return,
                Left::ForGood => return self.world.gone(),
                Left::Until(back) => back,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(back.into()) => {}
            }
            returns = true;
            // Any gateway serves any client: the next one, as a load balancer might choose.
            self.target = (self.target + 1) % self.world.targets.len();
        }
    }

    /// Tries until it is connected and has been greeted.
    async fn arrive(&mut self, returns: bool) -> Option<Socket> {
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

    async fn welcome(
        &mut self,
        ack: Frame,
        socket: &mut Socket,
    ) -> Result<(), tokio_tungstenite::tungstenite::Error> {
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

    fn id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Serves one connection.
    async fn stay(&mut self, mut socket: Socket) -> Left {
        let stop = self.world.stop.clone();
        let silence = self.heartbeat.mul_f64(SILENCE);
        let mut heard = Instant::now();
        loop {
            let times =
                [self.report_at, self.again_at, (self.codec != Codec::Floor).then_some(heard + silence)];
            let next = times.into_iter().flatten().min();
            let wake = async {
                match next {
                    Some(at) => sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let done = tokio::select! {
                () = stop.cancelled() => {
                    let _ = timeout(GOODBYE, socket.close(None)).await;
                    return Left::Stopped;
                }
                message = socket.next() => {
                    heard = Instant::now();
                    self.hear(message, heard)
                }
                command = self.commands.recv() => match command {
                    Some(Command::Ask(ask)) => self.say(*ask, &mut socket).await,
                    Some(Command::Cut(back)) => {
                        self.world.measures.count(Count::Cuts);
                        return Left::Until(back);
                    }
                    None => return Left::Stopped,
                },
                () = wake => self.due(heard + silence, &mut socket).await,
            };
            if let Err(left) = done {
                return left;
            }
        }
    }

    /// What was to be done by now.
    async fn due(&mut self, silent: Instant, socket: &mut Socket) -> Result<(), Left> {
        let now = Instant::now();
        if self.codec != Codec::Floor && now >= silent {
            return Err(self.dropped());
        }
        if self.report_at.is_some_and(|at| at <= now) {
            self.report(socket).await?;
        }
        if self.again_at.is_some_and(|at| at <= now) {
            self.again_at = None;
            for frame in self.pending.refused() {
                self.send(frame, socket).await?;
            }
        }
        Ok(())
    }

    /// Lost without our doing: comes back at once.
    fn dropped(&self) -> Left {
        self.world.measures.count(Count::Dropped);
        Left::Until(Instant::now())
    }

    async fn send(&self, frame: Message, socket: &mut Socket) -> Result<(), Left> {
        match timeout(LIMIT, socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(self.dropped()),
        }
    }
}

//! The task of one user: connects, passes on what is asked and told, and comes back when the connection is lost, with its
//! session and what it has seen.

mod arrival;
mod frames;
mod world;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{SinkExt as _, StreamExt as _};
use tokio::{
    sync::mpsc,
    time::{sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::Message;

pub(crate) use self::world::World;
use super::{
    Command, Told,
    dial::{LIMIT, Socket},
    ledger::Ledger,
    pending::Pending,
};
use crate::{measure::count::Count, protocol::codec::Codec};

/// A server that is silent for this many of its heartbeats is gone.
const SILENCE: f64 = 2.5;
/// What was seen and no request took along is reported after this time.
const SEEN: Duration = Duration::from_secs(1);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

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

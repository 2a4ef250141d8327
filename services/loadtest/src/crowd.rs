//! All virtual users: those who are free to call, and the connections of all.

mod pool;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::bail;
use tokio::{
    runtime::Runtime,
    sync::{mpsc, watch},
    time::{interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::pool::Pool;
use crate::{
    measure::{
        Measures,
        count::{Count, Label},
    },
    protocol::{codec::Codec, token::Tokens},
    scenario::{Protocol, Users, phase::Herd},
    user::{
        Command, INBOX, OUTBOX, User,
        connection::{Connection, World},
    },
};

/// How often a batch of connections is begun.
const BATCH: Duration = Duration::from_millis(20);
/// How long all may take to be connected, beyond what their rate asks for.
const ARRIVING: Duration = Duration::from_secs(120);

/// The users of a run.
#[derive(Debug)]
pub(crate) struct Crowd {
    world: Arc<World>,
    free: Mutex<Pool>,
    /// The connections of all: first of those who call, then of those who are idle.
    connections: Vec<mpsc::Sender<Command>>,
    calling: usize,
    tasks: TaskTracker,
    /// Where the connections of idle users live if others call. On threads of their own: when thousands come back at once,
    /// calls do not stand in a queue behind them here, and what is measured is how long they do in gateways.
    idle: Option<Runtime>,
    /// Whether the floor is spoken.
    pub(crate) floor: bool,
}

/// Connections that were cut at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HerdCut {
    /// When they come back.
    pub(crate) back: Instant,
    /// How many cuts there will have been when all of them are cut who were told to be.
    cuts: u64,
}

/// What a crowd is made of.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// How many, and how fast they come.
    pub(crate) users: &'a Users,
    /// What they speak.
    pub(crate) protocol: Protocol,
    /// Where they connect, in turns.
    pub(crate) targets: Vec<String>,
    /// Their tokens.
    pub(crate) tokens: Tokens,
    /// Where their figures go.
    pub(crate) measures: Arc<Measures>,
}

impl Crowd {
    /// Connects them all; returns when they are.
    pub(crate) async fn gather(plan: Plan<'_>, stop: &CancellationToken) -> anyhow::Result<Self> {
        let Plan { users, protocol, targets, tokens, measures } = plan;
        if targets.is_empty() {
            bail!("no target: name one with --target, or in the scenario");
        }
        let count = targets.len();
        let online = watch::Sender::new(0);
        let world =
            Arc::new(World { targets, tokens, measures, online: online.clone(), stop: stop.child_token() });
        let mut crowd = Self {
            world,
            free: Mutex::new(Pool::new(count)),
            connections: Vec::with_capacity(users.all()),
            calling: users.calling,
            tasks: TaskTracker::new(),
            idle: (users.idle > 0 && users.calling > 0).then(Runtime::new).transpose()?,
            floor: protocol == Protocol::Floor,
        };
        // Users of one run are not those of another, whose calls a gateway may still remember.
        let run: String = std::iter::repeat_with(fastrand::alphanumeric).take(6).collect();
        let mut ticks = interval(BATCH);
        let begun = Instant::now();
        while crowd.connections.len() < users.all() && !stop.is_cancelled() {
            ticks.tick().await;
            let due = (begun.elapsed() + BATCH).as_secs_f64() * users.connect_per_s;
            while crowd.connections.len() < users.all() && (crowd.connections.len() as f64) < due {
                crowd.enter(&run, users.calling, protocol);
            }
        }
        let all = crowd.connections.len();
        let mut online = online.subscribe();
        let gone = || crowd.world.measures.look(|found| found.count(Count::Gone));
        let arrived = timeout(ARRIVING, online.wait_for(|online| *online >= all || gone() > 0));
        tokio::select! {
            arrived = arrived => if arrived.is_err() || gone() > 0 {
                let online = *crowd.world.online.borrow();
                let why = crowd.world.measures.look(|found| found.labels(Label::Error));
                bail!("{online} of {all} users are connected, and no more can: {why:?}");
            },
            () = stop.cancelled() => {}
        }
        Ok(crowd)
    }

    fn enter(&mut self, run: &str, calling: usize, protocol: Protocol) {
        let number = self.connections.len();
        let home = number % self.world.targets.len();
        // Of two who follow one another, each speaks another encoding at every target.
        let second = (number / self.world.targets.len()) % 2 == 1;
        let codec = match protocol {
            Protocol::Json => Codec::Json,
            Protocol::Msgpack => Codec::MessagePack,
            Protocol::Mixed if second => Codec::MessagePack,
            Protocol::Mixed => Codec::Json,
            Protocol::Floor => Codec::Floor,
        };
        let name: Arc<str> = format!("load-{run}-{number}").into();
        let (commands, asked) = mpsc::channel(OUTBOX);
        let (telling, told) = mpsc::channel(INBOX);
        let connection =
            Connection::new(Arc::clone(&self.world), Arc::clone(&name), home, codec, asked, telling);
        let task = Box::pin(connection.run());
        match &self.idle {
            Some(idle) if number >= calling => self.tasks.spawn_on(task, idle.handle()),
            _ => self.tasks.spawn(task),
        };
        self.connections.push(commands.clone());
        if number < calling {
            self.give_back(vec![User::new(name, home, commands, told, !self.floor)]);
        }
    }

    fn free(&self) -> MutexGuard<'_, Pool> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many users who are in no call. `None` if there are not enough.
    pub(crate) fn take(&self, parties: usize) -> Option<Vec<User>> {
        self.free().take(parties)
    }

    /// They are free again.
    pub(crate) fn give_back(&self, users: Vec<User>) {
        self.free().give_back(users);
    }

    /// Where figures of connections go.
    pub(crate) fn measures(&self) -> &Arc<Measures> {
        &self.world.measures
    }

    /// How many are connected, as it changes.
    pub(crate) fn online(&self) -> watch::Receiver<usize> {
        self.world.online.subscribe()
    }

    /// How many there are.
    pub(crate) fn size(&self) -> usize {
        self.connections.len()
    }

    /// Cuts one connection, which comes back after that time.
    pub(crate) fn cut(&self, which: usize, away: Duration) {
        if let Some(connection) = self.connections.get(which) {
            // One that is busy with so much else is spared.
            let _ = connection.try_send(Command::Cut(Instant::now() + away));
        }
    }

    /// Cuts all of a herd, who come back at the same moment.
    pub(crate) async fn cut_all(&self, herd: Herd) -> HerdCut {
        /// Long enough for a server to notice that they are gone.
        const AWAY: Duration = Duration::from_secs(2);
        let back = Instant::now() + AWAY;
        let spared = if herd == Herd::Idle { self.calling } else { 0 };
        let those = self.connections.get(spared..).unwrap_or_default();
        let before = self.world.measures.look(|found| found.count(Count::Cuts));
        let mut cuts = before;
        for connection in those {
            // One that is gone, or too busy with so much else, is spared.
            if let Ok(Ok(())) = timeout(AWAY, connection.send(Command::Cut(back))).await {
                cuts += 1;
            }
        }
        HerdCut { back, cuts }
    }

    /// Returns once everybody is connected.
    pub(crate) async fn all_back(&self, herd: HerdCut) {
        // A command that is not read yet is a connection that is still there.
        while self.world.measures.look(|found| found.count(Count::Cuts)) < herd.cuts {
            tokio::time::sleep(BATCH).await;
        }
        let all = self.connections.len();
        let _ = self.online().wait_for(|online| *online >= all).await;
    }

    /// Everybody says goodbye.
    pub(crate) async fn leave(self) {
        /// Who takes longer is left to the end of the process.
        const LEAVING: Duration = Duration::from_secs(10);
        self.world.stop.cancel();
        self.tasks.close();
        let _ = timeout(LEAVING, self.tasks.wait()).await;
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // A runtime that is dropped waits for its threads, which no task may.
        if let Some(idle) = self.idle.take() {
            idle.shutdown_background();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Idle users with these connections, all of whom are connected.
    pub(crate) fn crowd_of(connections: Vec<mpsc::Sender<Command>>) -> Crowd {
        let world = World {
            targets: Vec::new(),
            tokens: Tokens::new(None),
            measures: Arc::new(Measures::new()),
            online: watch::Sender::new(connections.len()),
            stop: CancellationToken::new(),
        };
        Crowd {
            world: Arc::new(world),
            free: Mutex::new(Pool::new(0)),
            connections,
            calling: 0,
            tasks: TaskTracker::new(),
            idle: None,
            floor: false,
        }
    }

    #[tokio::test]
    async fn only_cuts_that_were_sent_are_waited_for() {
        let ((there, mut told), (gone, _)) = (mpsc::channel(1), mpsc::channel(1));
        let herd = crowd_of(vec![there, gone]).cut_all(Herd::All).await;
        assert!(matches!(told.recv().await, Some(Command::Cut(back)) if back == herd.back));
        assert_eq!(herd.cuts, 1);
    }
}

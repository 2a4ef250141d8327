//! A virtual user: a task that keeps its connection and its session, and the handle by which a call's script has it ask
//! and hears what it is told.

pub(crate) mod connection;
pub(crate) mod dial;
pub(crate) mod ledger;
pub(crate) mod pending;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, time::timeout};

use crate::{
    call::failure::Failure,
    protocol::{Kind, frame::Frame, request::Request},
};

/// What waits for a script. A call has some thirty messages; a script that has so many unread has hung.
pub(crate) const INBOX: usize = 512;
/// What waits for a connection, as while it is away.
pub(crate) const OUTBOX: usize = 64;
/// How long a request may wait for a place in the outbox.
const ASKING: Duration = Duration::from_secs(60);

/// What a connection's task is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Say this.
    Ask(Box<Ask>),
    /// Lose the connection without a word, and come back at that time.
    Cut(Instant),
}

/// Something to say.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Its number is given by the connection.
    pub(crate) request: Request,
    /// When the script asked.
    pub(crate) at: Instant,
    /// Whether times count: not so in a warm-up.
    pub(crate) counted: bool,
}

/// What a user hears.
#[derive(Debug)]
pub(crate) enum Told {
    /// An event of a call, told for the first time.
    Event(Instant, Box<Frame>),
    /// What was asked has been stored.
    Ack(Kind, Box<Frame>),
    /// What was asked has been refused, with this code.
    Refused(Kind, String),
}

/// The handle of one user.
#[derive(Debug)]
pub(crate) struct User {
    /// As in its token.
    pub(crate) name: Arc<str>,
    /// Which target it first connects to.
    pub(crate) home: usize,
    commands: mpsc::Sender<Command>,
    told: mpsc::Receiver<Told>,
    /// Events that came while only replies were looked for.
    kept: VecDeque<Told>,
    /// Requests without a reply.
    outstanding: usize,
    replies: bool,
}

impl User {
    /// The handle of the user whose connection reads `commands` and writes `told`; the floor gives no `replies`.
    pub(crate) fn new(
        name: Arc<str>,
        home: usize,
        commands: mpsc::Sender<Command>,
        told: mpsc::Receiver<Told>,
        replies: bool,
    ) -> Self {
        Self { name, home, commands, told, kept: VecDeque::new(), outstanding: 0, replies }
    }

    /// Whether its connection has given up.
    pub(crate) fn is_gone(&self) -> bool {
        self.commands.is_closed()
    }

    /// How many requests have no reply yet.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Says something; returns when it was asked.
    pub(crate) async fn ask(&mut self, request: Request, counted: bool) -> Result<Instant, Failure> {
        let at = Instant::now();
        let ask = Command::Ask(Box::new(Ask { request, at, counted }));
        match timeout(ASKING, self.commands.send(ask)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Failure::Gone),
            Err(_) => return Err(Failure::Stuck),
        }
        self.outstanding += usize::from(self.replies);
        Ok(at)
    }

    /// What it is told next.
    pub(crate) async fn next(&mut self) -> Result<Told, Failure> {
        let told = match self.kept.pop_front() {
            Some(kept) => kept,
            None => self.receive().await?,
        };
        Ok(told)
    }

    /// Waits until something it asked is refused, or it is told that `call` is over. Other events are kept.
    pub(crate) async fn refusal(&mut self, call: &Arc<str>) -> Failure {
        if let Some(end) = self.kept.iter().find_map(|told| end_of(call, told)) {
            return end;
        }
        loop {
            match self.receive().await {
                Ok(Told::Refused(kind, code)) => return Failure::Refused(kind, code),
                Ok(told) => match end_of(call, &told) {
                    Some(end) => return end,
                    None => self.kept.push_back(told),
                },
                Err(failure) => return failure,
            }
        }
    }

    /// The ack of the newest request of that kind. Events that come meanwhile are kept.
    pub(crate) async fn ack(&mut self, kind: Kind) -> Result<Box<Frame>, Failure> {
        loop {
            match self.receive().await? {
                Told::Ack(acked, frame) if acked == kind => return Ok(frame),
                Told::Ack(..) => {}
                Told::Refused(kind, code) => return Err(Failure::Refused(kind, code)),
                event @ Told::Event(..) => self.kept.push_back(event),
            }
        }
    }

    /// Waits until all it asked has been replied to. Events that come meanwhile are kept.
    pub(crate) async fn settle(&mut self) -> Result<(), Failure> {
        while self.outstanding > 0 {
            match self.receive().await? {
                Told::Refused(kind, code) => return Err(Failure::Refused(kind, code)),
                told => self.kept.push_back(told),
            }
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Told, Failure> {
        let told = self.told.recv().await.ok_or(Failure::Gone)?;
        if matches!(told, Told::Ack(..) | Told::Refused(..)) {
            self.outstanding = self.outstanding.saturating_sub(1);
        }
        Ok(told)
    }

    /// Forgets what is left of earlier calls.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
        while self.told.try_recv().is_ok() {}
        self.outstanding = 0;
    }
}

fn end_of(call: &Arc<str>, told: &Told) -> Option<Failure> {
    match told {
        Told::Event(_, frame) if frame.kind == Kind::Ended && frame.call.as_ref() == Some(call) => {
            Some(Failure::Ended(frame.reason.clone().unwrap_or_default()))
        }
        _ => None,
    }
}

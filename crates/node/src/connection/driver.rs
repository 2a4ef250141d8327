//! The loop of one connection: frames from the client, entries from the store, requests that are done, and time.

mod behind;
mod times;
mod token;

use std::{
    collections::BTreeMap,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use ringback_call::{CallId, Event};
use ringback_session::{Departure, Step, Turn};
use ringback_store::record::Envelope;
use ringback_telemetry::{Gap, Request, Unwelcome};
use ringback_wire::{CloseCode, ErrorCode, ErrorFrame, EventFrame, MissedFrame, ServerFrame};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFuture;

use super::{
    Transport,
    handshake::Welcome,
    jobs::{Done, Job, Jobs},
    presence::Presence,
    socket::{Received, Socket},
};
use crate::{
    Node,
    rate::{self, Rate, UserShare},
    registry::{Inbox, Mail},
};
use behind::Behind;
use times::Times;
use token::Warning;

/// Requests refused for their rate after which the connection is closed: a client that does not listen.
const MAX_REFUSED: u32 = 1_000;

/// Serves a connection to its end, and tidies up.
pub(super) async fn drive<T: Transport>(
    node: &Arc<Node>,
    socket: &mut Socket<T>,
    mut welcome: Box<Welcome>,
) -> Departure {
    let (replay, missed) = (std::mem::take(&mut welcome.replay), welcome.missed.take());
    let mut driver = Driver::new(node, socket, welcome);
    // Boxed, as what is done at each turn: an idle connection should not have room for what it does when it is not.
    let begun = Box::pin(driver.begin(replay, missed)).await;
    let departure = match begun {
        Ok(()) => driver.run().await,
        Err(departure) => departure,
    };
    let Driver { session, jobs, mut presence, times, .. } = driver;
    let identity = session.identity();
    tracing::info!(reason = departure.label(), user = ?identity.user, device = ?identity.device, "disconnected");
    presence.moves = times.told_to_go && departure == Departure::Client;
    presence.told = session.told().cloned().collect();
    presence.calls.extend(session.live_calls().cloned());
    presence.calls.sort_unstable();
    presence.calls.dedup();
    if !jobs.is_idle() {
        node.tasks.spawn(async move {
            let made = jobs.finish().await;
            presence.calls.extend(made);
        });
    }
    departure
}

struct Driver<'a, T> {
    node: &'a Arc<Node>,
    socket: &'a mut Socket<T>,
    session: ringback_session::Session,
    /// Boxed: most of it is for when something is asked.
    token: Box<ringback_auth::Identity>,
    warning: Warning,
    inbox: Inbox,
    presence: Presence,
    jobs: Jobs,
    rate: Rate,
    share: Option<Box<UserShare>>,
    since: Instant,
    /// Whether the client knew no calls when it came but those it was told of.
    fresh: bool,
    refused: u32,
    /// How many pings have been sent.
    pings: u64,
    /// Calls whose mailbox could not be read when it had to be, and since when.
    behind: BTreeMap<CallId, Behind>,
    /// What the client has seen and no request has taken along.
    untrimmed: BTreeMap<CallId, u64>,
    times: Times,
}

/// What a connection waits for whatever else it does.
struct Signals<'a, 'n> {
    stop: Pin<&'a mut WaitForCancellationFuture<'n>>,
    draining: Pin<&'a mut WaitForCancellationFuture<'n>>,
    time: Pin<&'a mut Sleep>,
}

/// What a connection's loop wakes up for.
enum Wake {
    Close(CloseCode),
    Drain,
    Time,
    Mail(Mail),
    Done(Done),
    Incoming(Result<Received, Departure>),
}

impl<'a, T: Transport> Driver<'a, T> {
    fn new(node: &'a Arc<Node>, socket: &'a mut Socket<T>, welcome: Box<Welcome>) -> Self {
        let Welcome { session, token, inbox, presence, fresh, replay: _, missed: _, warning } = *welcome;
        let share = node.user_rates.share(&session.identity().user);
        let now = Instant::now();
        let heartbeat = node.config.connection.heartbeat;
        Self {
            jobs: Jobs::new(Arc::clone(node), Arc::clone(&presence.identity), token.grants.clone()),
            node,
            socket,
            session,
            token,
            warning: Warning::new(warning),
            inbox,
            presence,
            rate: rate::limit(rate::quota(&node.config.limits)),
            share,
            since: now,
            fresh,
            refused: 0,
            pings: 0,
            behind: BTreeMap::new(),
            untrimmed: BTreeMap::new(),
            times: Times::begin(now, heartbeat),
        }
    }

    /// What the client missed comes first; what arrives meanwhile waits in the inbox.
    async fn begin(&mut self, replay: Vec<Envelope>, missed: Option<MissedFrame>) -> Result<(), Departure> {
        for entry in replay {
            self.replay(&entry).await?;
        }
        if let Some(missed) = missed {
            self.session.told_missed(missed.until);
            self.socket.send(&ServerFrame::Missed(missed)).await?;
        }
        Ok(())
    }

    async fn run(&mut self) -> Departure {
        // Made once: to wait for them anew with each turn would take three locks that all connections share.
        let node = self.node;
        let stop = pin!(node.stop.cancelled());
        let draining = pin!(node.draining.cancelled());
        let time = pin!(sleep_until(self.next_wake()));
        let mut signals = Signals { stop, draining, time };
        loop {
            let wake = self.next(&mut signals).await;
            if let Err(departure) = Box::pin(self.take(wake)).await {
                return departure;
            }
        }
    }

    /// Waits for whatever comes first; what is said to a connection goes before what it asks for.
    async fn next(&mut self, signals: &mut Signals<'_, '_>) -> Wake {
        let (wake, room) = (self.next_wake(), !self.jobs.is_full() && self.times.rest.is_none());
        if signals.time.deadline() != wake {
            signals.time.as_mut().reset(wake);
        }
        tokio::select! {
            biased;
            code = self.inbox.closing() => Wake::Close(code),
            () = &mut signals.stop => Wake::Close(CloseCode::GoingAway),
            () = &mut signals.draining, if self.times.goaway.is_none() => Wake::Drain,
            () = &mut signals.time => Wake::Time,
            mail = self.inbox.mail(), if !self.jobs.is_placing() => Wake::Mail(mail),
            done = self.jobs.next() => Wake::Done(done),
            // Last: what was sent leaves only when there is nothing more to say.
            incoming = self.socket.receive_if(room) => Wake::Incoming(incoming),
        }
    }

    async fn take(&mut self, wake: Wake) -> Result<(), Departure> {
        match wake {
            Wake::Close(code) => Err(code.into()),
            Wake::Drain => {
                // Each at its own time, so that the clients do not all come to the next gateway at once.
                let spread = self.node.config.drain.mul_f32(0.5);
                self.times.goaway = Some(Instant::now() + spread.mul_f32(fastrand::f32()));
                Ok(())
            }
            Wake::Time => self.on_time().await,
            Wake::Mail(Mail::Entry(entry)) => self.deliver(&entry).await,
            Wake::Mail(Mail::CatchUp(call)) => Box::pin(self.catch_up(call)).await.map(drop),
            Wake::Mail(Mail::Doubt(partitions)) => Box::pin(self.catch_up_in(&partitions)).await,
            Wake::Mail(Mail::Renew) => {
                self.renew();
                Ok(())
            }
            Wake::Done(done) => {
                if let Some(reply) = done.reply {
                    self.socket.send(&reply).await?;
                }
                if done.failed.is_some() {
                    // Its answer says that the client has got the refusal.
                    self.ping().await?;
                }
                if done.outdated {
                    return Err(CloseCode::GoingAway.into());
                }
                match done.named.filter(|named| self.session.introduce(&named.call, named.before)) {
                    Some(named) => Box::pin(self.catch_up(named.call)).await.map(drop),
                    None => Ok(()),
                }
            }
            Wake::Incoming(incoming) => {
                self.times.heard = Instant::now();
                match incoming? {
                    Received::Frame(bytes) => self.receive(&bytes).await,
                    Received::Pong(number) => {
                        self.jobs.ponged(number);
                        Ok(())
                    }
                    Received::Life => Ok(()),
                }
            }
        }
    }

    /// Passes an entry on, unless something before it is missing.
    async fn deliver(&mut self, entry: &Envelope) -> Result<(), Departure> {
        let Envelope { call, seq, at, to, event, .. } = entry;
        if self.behind.contains_key(call) {
            // It is read with what is missing.
            return Ok(());
        }
        match self.session.next(call, *seq, *at, to, event) {
            Turn::Deliver(frame) => {
                let after = self.node.clock.now().since(*at);
                self.node.metrics.delivery.observe_ms((), after);
                self.tell(*frame).await?;
                self.note_delivery(entry);
                Ok(())
            }
            Turn::Skip => Ok(()),
            Turn::Unknown if matches!(event, Event::Ended { .. }) => {
                self.session.withhold(call);
                Ok(())
            }
            Turn::Unknown => Box::pin(self.withhold(call)).await.map(drop),
            #[cfg(feature = "mutants")]
            Turn::Gap if crate::mutants::present().ignores_gaps => self.replay(entry).await,
            Turn::Gap => {
                self.node.metrics.gaps.inc((Gap::Sequence,));
                Box::pin(self.catch_up(call.clone())).await.map(drop)
            }
        }
    }

    async fn replay(&mut self, entry: &Envelope) -> Result<(), Departure> {
        let Envelope { call, seq, at, to, event, .. } = entry;
        match self.session.replayed(call, *seq, *at, to, event) {
            Turn::Deliver(frame) => {
                self.node.metrics.replayed.inc(());
                self.tell(*frame).await?;
                self.note_delivery(entry);
                Ok(())
            }
            Turn::Skip | Turn::Gap | Turn::Unknown => Ok(()),
        }
    }

    /// For the call's timeline.
    fn note_delivery(&self, Envelope { call, side, seq, at, .. }: &Envelope) {
        let after = self.node.clock.now().since(*at);
        self.node.calls.delivered(call, *side, *seq, &self.session.identity().device, after);
    }

    /// Sends an event. That a call which never connected is over is remembered with the session: a client that comes
    /// back without a word of such a call may not have heard of it at all.
    async fn tell(&mut self, frame: EventFrame) -> Result<(), Departure> {
        let over = matches!(frame.event, Event::Ended { setup_ms: None, .. });
        self.socket.send(&ServerFrame::Event(frame)).await?;
        if over && !self.jobs.is_full() {
            self.jobs.push(Job::Remember(self.session.told().cloned().collect()));
        }
        Ok(())
    }

    async fn receive(&mut self, bytes: &[u8]) -> Result<(), Departure> {
        let allowed = self.check_rate();
        let step = self.session.receive(bytes, self.node.clock.now());
        match (step, allowed) {
            (Step::Close(code), _) => Err(code.into()),
            (step, Ok(())) => self.perform(step).await,
            (step, Err(wait)) => self.refuse(&step, wait).await,
        }
    }

    fn check_rate(&self) -> Result<(), Duration> {
        let unwelcome = |what| self.node.metrics.unwelcome.inc((what,));
        rate::check(&self.rate).inspect_err(|_| unwelcome(Unwelcome::Requests))?;
        let shared = self.share.as_ref().map_or(Ok(()), |share| share.check());
        shared.inspect_err(|_| unwelcome(Unwelcome::UserRequests))
    }

    async fn perform(&mut self, step: Step) -> Result<(), Departure> {
        if let Some(request) = Request::in_step(&step) {
            self.node.metrics.requests.inc((request,));
        }
        match step {
            Step::Seen => {
                self.take_note_of_seen();
                if let Some(until) = self.session.take_missed() {
                    self.jobs.push(Job::Confirm(until));
                }
                Ok(())
            }
            Step::Close(code) => Err(code.into()),
            Step::Reply(frame) => self.socket.send(&frame).await,
            Step::Place(..) | Step::Act(..) => {
                self.take_note_of_seen();
                if let Step::Act(_, call, _) = &step {
                    // The request takes along what has been seen.
                    self.untrimmed.remove(call);
                }
                self.jobs.push(Job::Request(step));
                Ok(())
            }
            Step::Renew(id, token) => {
                let reply = self.renew_token(id, &token).await;
                self.socket.send(&reply).await
            }
        }
    }

    async fn refuse(&mut self, step: &Step, wait: Duration) -> Result<(), Departure> {
        self.refused += 1;
        if self.refused > MAX_REFUSED {
            return Err(CloseCode::TooManyRequests.into());
        }
        let pace = Duration::from_secs(1) / self.node.config.limits.requests_per_second.max(1);
        self.times.rest = Some(Instant::now() + pace);
        if *step == Step::Seen {
            return Ok(());
        }
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        let error =
            ErrorFrame::new(step.id(), ErrorCode::RateLimited, "too many requests").retry_after(wait_ms);
        self.socket.send(&ServerFrame::Error(error)).await
    }
}

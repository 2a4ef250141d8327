//! Requests of one connection that need the store: one after the other, in the order they came.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use ringback_auth::Grants;
use ringback_call::{
    Ack::{Merged, Placed},
    Action, CallId, Input, Origin, Rejection, RequestId, Timestamp,
};
use ringback_session::{Identity, Step};
use ringback_wire::{Ack, ErrorCode, ErrorFrame, Init, ServerFrame};
use tokio::{task::JoinHandle, time::Instant};
use tracing::{Instrument as _, Span};

use super::{owed::Owed, refusal::RETRY_MS};
use crate::{
    Node,
    calls::{Failure, Opened},
    routes,
};

/// Requests that may wait. When there are more, the socket is not read until one is done.
const MAX_WAITING: usize = 64;
/// By then a client has sent a request for a call again that could not be served, or does not want the call any more.
const GIVEN_UP: Duration = Duration::from_secs(10);

/// A request that is done.
pub(super) struct Done {
    /// `None` where nobody asked.
    pub(super) reply: Option<ServerFrame>,
    /// The call whose name the reply tells, or agrees to.
    pub(super) named: Option<Named>,
    /// The call knows the device by a newer connection. Should this one be the one that lives after all, its client has
    /// to come back by one that is newer still.
    pub(super) outdated: bool,
    /// The request for a call that was served, or refused for good.
    settled: Option<RequestId>,
    /// The request that could not be served because the store could not be asked about its call.
    pub(super) failed: Option<(CallId, RequestId)>,
}

impl Done {
    /// What nobody asked for.
    const NOTHING: Self = Self { reply: None, named: None, outdated: false, settled: None, failed: None };

    fn of(id: RequestId, result: Result<ringback_call::Ack, Failure>) -> Self {
        let outdated = matches!(result, Err(Failure::Rejected(Rejection::Outdated)));
        Self { reply: Some(reply(id, result)), outdated, ..Self::NOTHING }
    }
}

/// A call that the client knows from here on.
pub(super) struct Named {
    pub(super) call: CallId,
    /// It was there before: the request was sent again, met the callee's own call, or accepts one.
    pub(super) before: bool,
}

/// A job that is being done.
struct Running {
    /// The request, if it is one.
    asked: Option<RequestId>,
    task: JoinHandle<Done>,
}

pub(super) struct Jobs {
    node: Arc<Node>,
    identity: Arc<Identity>,
    /// What the client's token lets it do.
    grants: Arc<Grants>,
    running: Option<Running>,
    /// Whether `running` makes a call.
    placing: bool,
    waiting: VecDeque<(Job, Instant)>,
    /// Replies that need no work.
    refused: VecDeque<Done>,
    owed: Owed,
    /// Calls that were asked for, as far as it is not settled what came of it, each with when it last could not be served,
    /// unless it waits to be.
    unnamed: BTreeMap<RequestId, Option<Instant>>,
}

/// Something to be done.
pub(super) enum Job {
    /// What a client asks for.
    Request(Step),
    /// To take out of a call's mailbox what the client has seen.
    Trim(CallId, u64),
    /// To remember with the session that its client was told of these ends.
    Remember(Vec<(CallId, u64)>),
    /// To note that the device knows of the missed calls until then.
    Confirm(Timestamp),
}

impl Jobs {
    pub(super) fn new(node: Arc<Node>, identity: Arc<Identity>, grants: Grants) -> Self {
        Self {
            node,
            identity,
            grants: Arc::new(grants),
            running: None,
            placing: false,
            waiting: VecDeque::new(),
            refused: VecDeque::new(),
            owed: Owed::default(),
            unnamed: BTreeMap::new(),
        }
    }

    /// The client has a fresh token, which lets it do this.
    pub(super) fn grant(&mut self, grants: Grants) {
        self.grants = Arc::new(grants);
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() + self.refused.len() >= MAX_WAITING
    }

    /// Whether a call is being made: its events must not overtake the reply that names it.
    pub(super) const fn is_placing(&self) -> bool {
        self.placing
    }

    /// Whether there is nothing left to do.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// Whether there may be a call that its client has asked for and has not been told the name of.
    pub(super) fn owe_names(&self) -> bool {
        self.unnamed.values().any(|failed| failed.is_none_or(|failed| failed.elapsed() < GIVEN_UP))
    }

    /// A ping follows the replies that have been sent.
    pub(super) fn pinged(&mut self, number: u64) {
        self.owed.pinged(number);
    }

    /// The client has answered it.
    pub(super) fn ponged(&mut self, number: u64) {
        self.owed.ponged(number);
    }

    pub(super) fn push(&mut self, job: Job) {
        match job {
            Job::Request(Step::Act(id, call, input)) if self.owed.comes_too_early(&call, id) => {
                self.refuse(id, call, input);
            }
            job => {
                if let Job::Request(Step::Place(id, _)) = &job {
                    self.unnamed.insert(*id, None);
                    if self.unnamed.len() > MAX_WAITING {
                        self.unnamed.pop_first();
                    }
                }
                self.waiting.push_back((job, Instant::now()));
            }
        }
    }

    /// The next one that is done; pending for ever when there is none. Can be dropped and called again.
    pub(super) async fn next(&mut self) -> Done {
        loop {
            if let Some(done) = self.refused.pop_front() {
                return done;
            }
            if let Some(running) = &mut self.running {
                let asked = running.asked;
                let done = match (&mut running.task).await {
                    Ok(done) => done,
                    Err(error) => {
                        tracing::error!(%error, "a request was not finished");
                        Done { reply: asked.map(unavailable), ..Done::NOTHING }
                    }
                };
                (self.running, self.placing) = (None, false);
                if let Some(id) = done.settled {
                    self.unnamed.remove(&id);
                } else if let Some(failed) = asked.and_then(|id| self.unnamed.get_mut(&id)) {
                    *failed = Some(Instant::now());
                }
                if let Some((call, id)) = &done.failed {
                    self.owed.owe(call.clone(), *id);
                    self.refuse_all_of(call);
                }
                return done;
            }
            match self.waiting.pop_front() {
                Some((job, came)) => self.start(job, came),
                None => std::future::pending().await,
            }
        }
    }

    /// As a task: it holds a call's place, which must not depend on whether this client reads what it is sent.
    fn start(&mut self, job: Job, came: Instant) {
        let asked = job.asked();
        self.placing = matches!(job, Job::Request(Step::Place(..)));
        let work =
            job.run(Arc::clone(&self.node), Arc::clone(&self.identity), Arc::clone(&self.grants), came);
        let task = self.node.tasks.spawn(work.instrument(Span::current()));
        self.running = Some(Running { asked, task });
    }

    /// What else waits to be asked of a call that could not be reached is refused too: the client sends it again, and
    /// nothing of it must overtake what was refused first. A hang-up is not forgotten all the same.
    fn refuse_all_of(&mut self, call: &CallId) {
        let waiting = std::mem::take(&mut self.waiting);
        for (job, came) in waiting {
            match job {
                Job::Request(Step::Act(id, of, input)) if of == *call => self.refuse(id, of, input),
                job => self.waiting.push_back((job, came)),
            }
        }
    }

    fn refuse(&mut self, id: RequestId, call: CallId, input: Input) {
        self.owed.also(&call, id);
        if is_hang_up(&input) {
            self.node.calls.insist(call, input);
        }
        self.refused.push_back(Done { reply: Some(unavailable(id)), ..Done::NOTHING });
    }

    /// What has not been applied yet, to be finished though the client is gone: it may come back for the reply. But no
    /// call is begun for somebody who has gone: who comes back asks for it again.
    pub(super) async fn finish(mut self) -> Vec<CallId> {
        self.waiting.retain(|(job, _)| !matches!(job, Job::Request(Step::Place(..))));
        let mut calls = Vec::new();
        while !self.is_idle() {
            calls.extend(self.next().await.named.map(|named| named.call));
        }
        calls
    }
}

impl Job {
    /// The request, if it is one that needs the store.
    const fn asked(&self) -> Option<RequestId> {
        match self {
            Self::Request(Step::Place(id, _) | Step::Act(id, ..)) => Some(*id),
            Self::Request(_) | Self::Trim(..) | Self::Remember(_) | Self::Confirm(_) => None,
        }
    }

    async fn run(self, node: Arc<Node>, us: Arc<Identity>, grants: Arc<Grants>, came: Instant) -> Done {
        match self {
            Self::Request(Step::Place(id, mut init)) => {
                let granted = grants.may_call(&init.to);
                init.to = us.user.fellow(&init.to);
                place(&node, us.origin(), (id, came), init, granted).await
            }
            Self::Request(Step::Act(id, call, input)) => act(&node, id, call, input, came).await,
            Self::Request(Step::Seen | Step::Reply(_) | Step::Renew(..) | Step::Close(_)) => Done::NOTHING,
            Self::Trim(call, seq) => {
                let seen = Input::Seen { user: us.user.clone(), device: us.device.clone(), seq };
                if let Err(error) = node.calls.apply(&call, seen).await {
                    tracing::debug!(?call, error = &error as &dyn std::error::Error, "not trimmed");
                }
                Done::NOTHING
            }
            Self::Remember(told) => {
                if let Err(error) = routes::keep(&node, &us, &told, false).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "not remembered");
                }
                Done::NOTHING
            }
            Self::Confirm(until) => {
                // It is told once more then.
                if let Err(error) = node.calls.confirm_missed(&us.user, &us.device, until).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "not confirmed");
                }
                Done::NOTHING
            }
        }
    }
}

async fn place(
    node: &Node,
    from: Origin,
    (id, came): (RequestId, Instant),
    init: Init,
    granted: bool,
) -> Done {
    let opened = node.calls.open(from, (id, came), init, granted).await;
    let named = match &opened {
        Ok(Opened { ack: Placed(call) | Merged(call), before }) => {
            Some(Named { call: call.clone(), before: *before })
        }
        Ok(_) | Err(_) => None,
    };
    let settled = (!opened.as_ref().is_err_and(Failure::is_transient)).then_some(id);
    Done { named, settled, ..Done::of(id, opened.map(|opened| opened.ack)) }
}

async fn act(node: &Node, id: RequestId, call: CallId, input: Input, came: Instant) -> Done {
    let accepts = matches!(input, Input::Request { action: Action::Accept, .. });
    let applied = node.calls.apply_since(&call, input.clone(), Some(came)).await;
    let away = applied.as_ref().is_err_and(Failure::is_transient);
    if away && is_hang_up(&input) {
        node.calls.insist(call.clone(), input);
    }
    // A device may know a call from elsewhere, and take it before it rings there.
    let named = (applied.is_ok() && accepts).then(|| Named { call: call.clone(), before: true });
    let done = Done::of(id, applied.map(|applied| applied.ack));
    Done { named, failed: away.then_some((call, id)), ..done }
}

fn is_hang_up(input: &Input) -> bool {
    matches!(input, Input::Request { action: Action::End(_) | Action::Reject(_), .. })
}

fn unavailable(id: RequestId) -> ServerFrame {
    let error = ErrorFrame::new(Some(id.0), ErrorCode::Unavailable, "send it again, in order");
    ServerFrame::Error(error.retry_after(RETRY_MS))
}

fn reply(id: RequestId, result: Result<ringback_call::Ack, Failure>) -> ServerFrame {
    match result {
        Ok(ack) => ServerFrame::Ack(Ack::of(id, ack)),
        Err(Failure::Rejected(rejection)) => ServerFrame::Error(ErrorFrame::of(id, rejection)),
        Err(failure @ (Failure::TooManyCalls | Failure::TooSoon(_))) => {
            let wait = if let Failure::TooSoon(wait) = failure { wait } else { RETRY_MS };
            let error = ErrorFrame::new(Some(id.0), ErrorCode::RateLimited, failure.to_string());
            ServerFrame::Error(error.retry_after(wait))
        }
        Err(Failure::Store(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a request could not be served");
            unavailable(id)
        }
    }
}

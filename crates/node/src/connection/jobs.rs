//! Requests of one connection that need the store: one after the other, in the order they came.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc};

use ringback_call::{CallId, RequestId};
use ringback_session::{Identity, Step};
use ringback_wire::{Ack, ErrorCode, ErrorFrame, ServerFrame};

use super::handshake::RETRY_MS;
use crate::{app::App, calls::Failure};

/// Requests that may wait. When there are more, the socket is not read until one is done.
const MAX_WAITING: usize = 64;

/// A request's reply, and the call it made.
pub(super) struct Done {
    pub(super) reply: ServerFrame,
    pub(super) call: Option<CallId>,
}

type Running = Pin<Box<dyn Future<Output = Done> + Send>>;

pub(super) struct Jobs {
    app: Arc<App>,
    identity: Identity,
    running: Option<Running>,
    waiting: VecDeque<Step>,
}

impl Jobs {
    pub(super) const fn new(app: Arc<App>, identity: Identity) -> Self {
        Self { app, identity, running: None, waiting: VecDeque::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING
    }

    pub(super) fn push(&mut self, step: Step) {
        self.waiting.push_back(step);
    }

    /// The next one that is done; pending for ever when there is none. Can be dropped and called again.
    pub(super) async fn next(&mut self) -> Done {
        loop {
            if let Some(running) = &mut self.running {
                let done = running.await;
                self.running = None;
                return done;
            }
            match self.waiting.pop_front() {
                Some(step) => self.running = self.start(step),
                None => std::future::pending().await,
            }
        }
    }

    fn start(&self, step: Step) -> Option<Running> {
        let (app, from) = (Arc::clone(&self.app), self.identity.origin());
        match step {
            Step::Place(id, init) => Some(Box::pin(async move {
                let opened = app.calls.open(from, id, init).await;
                let call = match &opened {
                    Ok(ringback_call::Ack::Placed(call) | ringback_call::Ack::Merged(call)) => {
                        Some(call.clone())
                    }
                    Ok(_) | Err(_) => None,
                };
                Done { reply: reply(id, opened), call }
            })),
            Step::Act(id, call, input) => Some(Box::pin(async move {
                let applied = app.calls.apply(&call, input).await;
                Done { reply: reply(id, applied.map(|applied| applied.ack)), call: None }
            })),
            Step::Nothing | Step::Reply(_) | Step::Renew(..) | Step::Close(_) => None,
        }
    }

    /// What has not been applied yet, to be finished though the client is gone: it may come back for the reply.
    pub(super) async fn finish(mut self) -> Vec<CallId> {
        let mut calls = Vec::new();
        while self.running.is_some() || !self.waiting.is_empty() {
            calls.extend(self.next().await.call);
        }
        calls
    }
}

fn reply(id: RequestId, result: Result<ringback_call::Ack, Failure>) -> ServerFrame {
    match result {
        Ok(ack) => ServerFrame::Ack(Ack::of(id, ack)),
        Err(Failure::Rejected(rejection)) => ServerFrame::Error(ErrorFrame::of(id, rejection)),
        Err(failure @ Failure::TooManyCalls) => ServerFrame::Error(
            ErrorFrame::new(Some(id.0), ErrorCode::RateLimited, failure.to_string()).retry_after(RETRY_MS),
        ),
        Err(Failure::Store(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a request could not be served");
            ServerFrame::Error(
                ErrorFrame::new(Some(id.0), ErrorCode::Unavailable, "send it again").retry_after(RETRY_MS),
            )
        }
    }
}

//! The steps that scripts are made of.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};

use super::failure::Failure;
use crate::{
    measure::{Measures, count::Count, metric::Metric},
    protocol::{Kind, frame::Frame, request::Request},
    scenario::{CallPlan, wait::Wait},
    user::{Told, User},
};

/// One call under way.
#[derive(Debug)]
pub(crate) struct Script {
    /// What is in it.
    pub(crate) plan: Arc<CallPlan>,
    /// When it was to begin.
    pub(crate) intended: Instant,
    measures: Arc<Measures>,
    counted: bool,
    dice: fastrand::Rng,
    /// The calls it has placed.
    calls: Vec<Arc<str>>,
}

/// What came, and when.
#[derive(Debug)]
pub(crate) struct Came {
    /// At the receiver's socket.
    pub(crate) at: Instant,
    /// What it was.
    pub(crate) frame: Box<Frame>,
}

impl Script {
    /// Not begun yet.
    pub(crate) fn new(
        plan: Arc<CallPlan>,
        measures: Arc<Measures>,
        counted: bool,
        intended: Instant,
    ) -> Self {
        Self { plan, intended, measures, counted, dice: fastrand::Rng::new(), calls: Vec::new() }
    }

    /// Remembers a call, to end it should the script fail.
    pub(crate) fn placed(&mut self, call: &Arc<str>) {
        self.calls.push(Arc::clone(call));
    }

    /// A time that counts, unless this is a warm-up.
    pub(crate) fn time(&self, metric: Metric, took: Duration) {
        if self.counted {
            self.measures.time(metric, took);
        }
    }

    /// Lets some time pass, and says how much it was.
    pub(crate) async fn pause(&mut self, wait: Wait) -> Duration {
        let begun = Instant::now();
        let wait = wait.draw(&mut self.dice);
        if wait.is_zero() {
            return Duration::ZERO;
        }
        sleep(wait).await;
        begun.elapsed()
    }

    /// Who of two does something.
    pub(crate) fn either(&mut self) -> bool {
        self.dice.bool()
    }

    /// `user` asks, about `call`.
    pub(crate) async fn ask(&self, user: &mut User, request: Request) -> Result<Instant, Failure> {
        user.ask(request, self.counted).await
    }

    /// `from` asks, and `to` is told of it as `kind`.
    pub(crate) async fn pass(
        &self,
        from: &mut User,
        to: &mut User,
        call: &Arc<str>,
        request: Request,
        kind: Kind,
    ) -> Result<Came, Failure> {
        let sent = self.ask(from, request).await?;
        self.arrives(from, to, call, sent, kind).await
    }

    /// `to` is told as `kind` what `from` sent. What is refused fails at once; what is stored and does not come is lost.
    pub(crate) async fn arrives(
        &self,
        from: &mut User,
        to: &mut User,
        call: &Arc<str>,
        sent: Instant,
        kind: Kind,
    ) -> Result<Came, Failure> {
        let limit = self.plan.step_limit.0;
        let came = tokio::select! {
            biased;
            came = timeout(limit, self.expect(to, call, kind)) => came,
            failure = from.refusal(call) => return Err(failure),
        };
        match came {
            Ok(came) => {
                let came = came?;
                self.measures.count(Count::Delivered);
                if let Some(metric) = kind.delivery() {
                    self.time(metric, came.at.duration_since(sent));
                }
                Ok(came)
            }
            Err(_) if from.outstanding() > 0 => {
                self.measures.count_many(Count::Unanswered, from.outstanding() as u64);
                Err(Failure::NoReply)
            }
            Err(_) => {
                self.measures.count(Count::Lost);
                Err(Failure::Missing(kind))
            }
        }
    }

    /// The next that `user` is told of `call`, which must be `kind`; without a limit.
    async fn expect(&self, user: &mut User, call: &Arc<str>, kind: Kind) -> Result<Came, Failure> {
        loop {
            let (at, frame) = match user.next().await? {
                Told::Event(at, frame) => (at, frame),
                Told::Ack(..) => continue,
                Told::Refused(kind, code) => return Err(Failure::Refused(kind, code)),
            };
            if frame.call.as_ref() != Some(call) {
                // What is left of an earlier call.
                continue;
            }
            match frame.kind {
                got if got == kind => return Ok(Came { at, frame }),
                Kind::Ended => return Err(Failure::Ended(frame.reason.unwrap_or_default())),
                // Whoever calls back while it rings need not hear that it rings.
                Kind::Peer | Kind::Unknown | Kind::Incoming | Kind::Ringing => {}
                got => return Err(Failure::Unexpected { wanted: kind, got }),
            }
        }
    }

    /// The same within `limit`, where nobody in particular has sent it.
    pub(crate) async fn expect_within(
        &self,
        user: &mut User,
        call: &Arc<str>,
        kind: Kind,
        limit: Duration,
    ) -> Result<Came, Failure> {
        match timeout(limit, self.expect(user, call, kind)).await {
            Ok(came) => came.inspect(|_| self.measures.count(Count::Delivered)),
            Err(_) => Err(Failure::Missing(kind)),
        }
    }

    /// The ack of what `user` has asked just now.
    pub(crate) async fn ack(&self, user: &mut User, kind: Kind) -> Result<Box<Frame>, Failure> {
        match timeout(self.plan.step_limit.0, user.ack(kind)).await {
            Ok(acked) => acked,
            Err(_) => {
                self.measures.count(Count::Unanswered);
                Err(Failure::NoReply)
            }
        }
    }

    /// `user` is told that the call is over, for this reason. `sent` is when the other side ended it.
    pub(crate) async fn ended(
        &self,
        user: &mut User,
        call: &Arc<str>,
        reason: &str,
        sent: Option<Instant>,
    ) -> Result<(), Failure> {
        let limit = self.plan.step_limit.0;
        let came = match self.expect_within(user, call, Kind::Ended, limit).await {
            Err(failure @ Failure::Missing(_)) => {
                self.measures.count(Count::Lost);
                return Err(failure);
            }
            came => came?,
        };
        if let Some(sent) = sent {
            self.time(Metric::DeliveryEnd, came.at.duration_since(sent));
        }
        match came.frame.reason {
            Some(got) if got == reason => Ok(()),
            got => Err(Failure::Reason(got.unwrap_or_default())),
        }
    }

    /// What came is what was sent.
    pub(crate) fn same<T: PartialEq>(&self, came: &T, sent: &T) {
        if came != sent {
            self.measures.count(Count::Altered);
        }
    }

    /// All that was asked has been answered.
    pub(crate) async fn settle(&self, users: &mut [&mut User]) -> Result<(), Failure> {
        for user in users {
            match timeout(self.plan.step_limit.0, user.settle()).await {
                Ok(settled) => settled?,
                Err(_) => {
                    self.measures.count_many(Count::Unanswered, user.outstanding() as u64);
                    return Err(Failure::NoReply);
                }
            }
        }
        Ok(())
    }

    /// After a failure: ends what there is, so that nobody is busy in the next call.
    pub(crate) async fn clean_up(&self, users: &mut [User]) {
        for call in &self.calls {
            for user in &mut *users {
                // Who is gone has nothing to end.
                let _ = user.ask(Request::about(Kind::End, call), false).await;
            }
        }
        for user in users {
            // A refusal of what is over is no news.
            while matches!(
                timeout(self.plan.step_limit.0, user.settle()).await,
                Ok(Err(Failure::Refused(..)))
            ) {}
        }
    }
}

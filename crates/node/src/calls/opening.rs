//! `call:init`: a new call, or the accept of the call that crosses it.

use std::{sync::Arc, time::Duration};

use ringback_call::{Ack, Action, CallId, Input, Opening, Origin, Rejection, RequestId, StateName, UserId};
use ringback_store::{Claim, Pair, StoreError, Stored};
use ringback_telemetry::Glare;
use ringback_wire::Init;
use tokio::time::Instant;

use super::{Calls, Failure, Heard, Known, MAX_TRIES, Outcome, Plan};

/// A call that could not be placed by then is not placed by this attempt: who asked has had no reply, and asks again or
/// has gone, and nobody should be rung by somebody who has gone.
const STALE: Duration = Duration::from_secs(5);

/// What came of `call:init`.
#[derive(Debug)]
pub struct Opened {
    /// What the sender is told.
    pub ack: Ack,
    /// Whether the call was there before.
    pub before: bool,
}

impl Calls {
    /// Makes a call, or finds the one that this very request made before, or takes the call that the callee has
    /// just placed to the sender. One that is not granted is over at once.
    ///
    /// # Errors
    /// As [`Calls::apply`].
    pub async fn open(
        self: &Arc<Self>,
        from: Origin,
        (request, came): (RequestId, Instant),
        init: Init,
        granted: bool,
    ) -> Result<Opened, Failure> {
        let pair = Pair::of(&from.user, &init.to);
        let id = self.store.partitions().call_id(&pair, &from.session, request);
        let (at, begun) = (self.clock.now(), Instant::now());
        let opening = Opening {
            id: id.clone(),
            from: from.clone(),
            request,
            to: init.to,
            media: init.media,
            metadata: init.metadata,
            traceparent: init.traceparent,
            granted,
            at,
        };
        let decision = self.rules.open(&opening)?;
        self.enlist(&from.user, &id).await?;
        let again = Input::Request { from: from.clone(), id: Some(request), action: Action::Init };

        let mut slot = self.cache.slot(&id);
        let mut claim = Claim::Free;
        for _ in 0..MAX_TRIES {
            if begun.elapsed() > STALE {
                return Err(StoreError::unavailable("the call could not be placed in time").into());
            }
            let Some(mut place) = slot.lock().await else {
                slot = self.cache.slot(&id);
                continue;
            };
            let plan = Plan { from: None, claim: claim.clone(), came: Some(came) };
            let outcome = self.commit(&mut place, plan, decision.clone(), at).await?;
            drop(place);
            let (other, stored) = match outcome {
                Outcome::Stored(call) => {
                    self.afterwards(None, &call, decision.follow_up);
                    return Ok(Opened { ack: decision.ack, before: false });
                }
                // Our own call, made by this request when it was sent first.
                Outcome::Beaten(_) => {
                    return Ok(Opened {
                        ack: self.apply_since(&id, again, Some(came)).await?.ack,
                        before: true,
                    });
                }
                Outcome::PairTaken(other, stored) => (other, stored),
            };
            if let Some(stored) = stored {
                let crossed = self.cross(&from.user, &other, &stored, again.clone(), came).await;
                if !matches!(crossed, Err(Failure::Rejected(Rejection::InvalidState(StateName::Ended)))) {
                    if let Some(place) = slot.lock().await {
                        self.cache.release(&id, &slot, place);
                    }
                    self.delist_later(&from.user, &id);
                    if matches!(crossed, Ok(Ack::Merged(_))) {
                        self.metrics.glare.inc((Glare::Call,));
                    }
                    return crossed.map(|ack| Opened { ack, before: true });
                }
            }
            claim = Claim::After(other);
        }
        Err(StoreError::unavailable("too many calls between these two at once").into())
    }

    /// Puts `call:init` to the call that the pair has already.
    async fn cross(
        self: &Arc<Self>,
        user: &UserId,
        other: &CallId,
        stored: &Stored,
        input: Input,
        came: Instant,
    ) -> Result<Ack, Failure> {
        let known = Known::read(stored)?;
        // Its placing would do so too, which may be late or fail: the device may have come back by then, and not find it.
        if !known.call().has_ended() {
            self.store.enlist(user, other, self.clock.now(), usize::MAX, None).await?;
        }
        // Not instead of what is known: a failover may have lost something that is to be put back first.
        let (slot, has_ended) = (self.cache.slot(other), known.call().has_ended());
        self.cache.hear(other, &slot, Heard::of(known));
        match self.apply_since(other, input, Some(came)).await {
            // An ended call, and its time ran out just now.
            Err(Failure::Rejected(Rejection::NoSuchCall)) if has_ended => {
                Err(Rejection::InvalidState(StateName::Ended).into())
            }
            crossed => Ok(crossed?.ack),
        }
    }
}

#[cfg(test)]
mod tests {
    use ringback_store::{Calls as _, Partitions};

    use super::*;
    use crate::stage::Stage;

    #[tokio::test(start_paused = true)]
    async fn a_call_that_ended_and_whose_time_runs_out_just_now_is_not_in_the_way_of_the_next() {
        let stage = Stage::new();
        let ((alice, _a), (bob, _b)) = (stage.device("alice", 1), stage.device("bob", 1));
        let call = stage.answered(&alice, &bob).await;
        stage.apply(&call, Input::Terminate).await;
        let stored = stage.store.load(&call).await.unwrap().unwrap();
        // One of the same users, whose document is gone.
        let session = ringback_call::SessionId::new("s-before").unwrap();
        let parts = Partitions::new(4).unwrap();
        let gone = parts.call_id(&Pair::of(&alice.user, &bob.user), &session, RequestId(1));
        let again = Input::Request { from: alice.clone(), id: Some(RequestId(9)), action: Action::Init };
        let crossed = stage.node.calls.cross(&alice.user, &gone, &stored, again, Instant::now()).await;
        assert!(matches!(crossed, Err(Failure::Rejected(Rejection::InvalidState(StateName::Ended)))));
    }
}

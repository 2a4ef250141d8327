//! `call:init`: a new call, or the accept of the call that crosses it.

use std::sync::Arc;

use ringback_call::{Ack, Action, CallId, Input, Opening, Origin, Rejection, RequestId, StateName};
use ringback_store::{Claim, Committed, Pair, Version};
use ringback_wire::Init;

use super::{Calls, Failure, MAX_TRIES, Plan, cache::Known, decode};

impl Calls {
    /// Makes a call, or finds the one that this very request made before, or takes the call that the callee has
    /// just placed to the sender.
    ///
    /// # Errors
    /// As [`Calls::apply`].
    pub async fn open(
        self: &Arc<Self>,
        from: Origin,
        request: RequestId,
        init: Init,
    ) -> Result<Ack, Failure> {
        let pair = Pair::of(&from.user, &init.to);
        let id = self.store.partitions().call_id(&pair, &from.session, request);
        let at = self.clock.now();
        let opening = Opening {
            id: id.clone(),
            from: from.clone(),
            request,
            to: init.to,
            media: init.media,
            metadata: init.metadata,
            at,
        };
        let decision = self.rules.open(&opening)?;
        let Some(call) = decision.next else { return Ok(decision.ack) };
        self.enlist(&from.user, &id).await?;
        let again = || Input::Request { from: from.clone(), id: Some(request), action: Action::Init };

        let mut claim = Claim::Free;
        for _ in 0..MAX_TRIES {
            let plan = Plan { expected: Version::NONE, claim, deadline: decision.deadline };
            let commit =
                self.commit_of(&call, plan, decision.deliveries.clone(), decision.notes.clone(), at)?;
            claim = match self.store.commit(commit).await? {
                Committed::Applied(version) => {
                    self.cache.slot(&id).lock().await.known = Some(Known { version, call: call.clone() });
                    self.afterwards(None, &call, decision.follow_up);
                    return Ok(decision.ack);
                }
                // Our own call, made by this request when it was sent first.
                Committed::Conflict(_) => return Ok(self.apply(&id, again()).await?.ack),
                Committed::PairTaken { call: other, stored: None } => Claim::After(other),
                Committed::PairTaken { call: other, stored: Some(stored) } => {
                    let crossed = self.cross(&other, decode(&stored)?, again()).await;
                    if !matches!(crossed, Err(Failure::Rejected(Rejection::InvalidState(StateName::Ended)))) {
                        self.delist_later(&from.user, &id);
                        return crossed;
                    }
                    Claim::After(other)
                }
            };
        }
        Err(Rejection::InvalidState(StateName::Ended).into())
    }

    /// Puts `call:init` to the call that the pair has already.
    async fn cross(self: &Arc<Self>, other: &CallId, known: Known, input: Input) -> Result<Ack, Failure> {
        self.cache.slot(other).lock().await.known = Some(known);
        Ok(self.apply(other, input).await?.ack)
    }
}

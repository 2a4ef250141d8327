//! Requests that could not be served, which no later request of the same call may overtake.

use std::{collections::BTreeMap, time::Duration};

use ringback_call::{CallId, RequestId};
use tokio::time::Instant;

/// For how long a request is waited for once its client has got the refusal.
const PATIENCE: Duration = Duration::from_secs(2);
/// After this a client has got the refusal, or the connection is given up for its silence.
const SILENCE: Duration = Duration::from_secs(60);

/// Calls of which something may be owed at once. What a client names while the store is away need not exist.
const MOST: usize = 64;

/// What a client has to send again before anything later is served: that may be on its way already.
#[derive(Debug, Default)]
pub(super) struct Owed {
    calls: BTreeMap<CallId, Debt>,
}

#[derive(Debug)]
struct Debt {
    /// The one that is waited for.
    first: RequestId,
    /// The last one that was refused so. Should one of the others come from a client that has got the refusal, before
    /// the first, then it does not want the first any more.
    last: RequestId,
    /// The ping that was sent after the refusal.
    ping: Option<u64>,
    /// When the client has got the refusal.
    got: Instant,
}

impl Owed {
    /// A request could not be served. Of more calls than a client can have the longest owed is forgotten: a later request of
    /// that call may overtake it then.
    pub(super) fn owe(&mut self, call: CallId, id: RequestId) {
        let now = Instant::now();
        self.calls.retain(|_, debt| now < debt.got + PATIENCE);
        if self.calls.len() >= MOST {
            let oldest = self.calls.iter().min_by_key(|(_, debt)| debt.got).map(|(call, _)| call.clone());
            oldest.and_then(|oldest| self.calls.remove(&oldest));
        }
        self.calls.insert(call, Debt { first: id, last: id, ping: None, got: Instant::now() + SILENCE });
    }

    /// A later request of the same call was refused too.
    pub(super) fn also(&mut self, call: &CallId, id: RequestId) {
        if let Some(debt) = self.calls.get_mut(call) {
            debt.last = debt.last.max(id);
        }
    }

    /// A ping follows the refusals that have been sent.
    pub(super) fn pinged(&mut self, number: u64) {
        for debt in self.calls.values_mut() {
            debt.ping.get_or_insert(number);
        }
    }

    /// The client answers a ping, so it has got what was sent before, and what it had sent before that is here.
    pub(super) fn ponged(&mut self, number: u64) {
        for debt in self.calls.values_mut() {
            if debt.ping.is_some_and(|ping| ping <= number) {
                debt.got = debt.got.min(Instant::now());
            }
        }
    }

    /// Whether a request was on its way already when an earlier one of its call was refused, which is still to come. It
    /// may be one of those that were refused with that one: a client whose request for another call was refused has sent
    /// again all that followed, and several copies may be on their way.
    pub(super) fn comes_too_early(&mut self, call: &CallId, id: RequestId) -> bool {
        let Some(debt) = self.calls.get(call) else { return false };
        // A copy of what was answered before.
        if id < debt.first {
            return false;
        }
        let now = Instant::now();
        let early = match id {
            id if id == debt.first => false,
            id if id <= debt.last => now < debt.got,
            _ => now < debt.got + PATIENCE,
        };
        if !early {
            self.calls.remove(call);
        }
        early
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed() -> (Owed, CallId) {
        let (mut owed, call) = (Owed::default(), CallId::new("p0-1").unwrap());
        owed.owe(call.clone(), RequestId(5));
        owed.also(&call, RequestId(6));
        owed.pinged(3);
        (owed, call)
    }

    #[tokio::test(start_paused = true)]
    async fn later_requests_wait_until_the_client_has_got_the_refusal_and_had_time() {
        let (mut owed, call) = owed();
        tokio::time::advance(PATIENCE * 5).await;
        assert!(owed.comes_too_early(&call, RequestId(7)), "it may not have got the refusal yet");
        owed.ponged(2);
        tokio::time::advance(PATIENCE).await;
        assert!(owed.comes_too_early(&call, RequestId(8)), "it answered a ping from before");
        owed.ponged(3);
        assert!(owed.comes_too_early(&call, RequestId(9)), "it has only just got the refusal");
        tokio::time::advance(PATIENCE).await;
        assert!(!owed.comes_too_early(&call, RequestId(10)), "it does not want the first any more");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_any_more_when_one_of_the_refused_comes_again() {
        for again in [5, 6] {
            let (mut owed, call) = owed();
            assert!(owed.comes_too_early(&call, RequestId(7)));
            owed.ponged(3);
            assert!(!owed.comes_too_early(&call, RequestId(again)));
            assert!(!owed.comes_too_early(&call, RequestId(8)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_copy_of_what_was_refused_with_the_first_does_not_overtake_it() {
        let (mut owed, call) = owed();
        assert!(owed.comes_too_early(&call, RequestId(6)), "sent before the client had got the refusal");
        assert!(!owed.comes_too_early(&call, RequestId(4)), "answered before");
        assert!(owed.comes_too_early(&call, RequestId(6)));
        assert!(!owed.comes_too_early(&call, RequestId(5)), "in order again");
        assert!(!owed.comes_too_early(&call, RequestId(6)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_owed_is_bounded_and_ends() {
        let (mut owed, last) = (Owed::default(), CallId::new("p0-last").unwrap());
        for n in 0..1_000 {
            tokio::time::advance(Duration::from_millis(1)).await;
            owed.owe(CallId::new(format!("p0-{n}")).unwrap(), RequestId(1));
        }
        assert_eq!(owed.calls.len(), MOST);
        assert!(owed.calls.contains_key(&CallId::new("p0-999").unwrap()));
        tokio::time::advance(SILENCE + PATIENCE).await;
        owed.owe(last.clone(), RequestId(1));
        assert!(owed.calls.into_keys().eq([last]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_no_ping_is_not_waited_for_for_ever() {
        let (mut owed, call) = owed();
        tokio::time::advance(SILENCE + PATIENCE).await;
        assert!(!owed.comes_too_early(&call, RequestId(7)));
    }
}

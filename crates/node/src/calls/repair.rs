//! When the store holds something else than this gateway knew it to hold.
//!
//! Usually somebody else was quicker, and what is stored is what became of what was known. But a failover may lose the
//! newest commits, and a store may be emptied. Then what this gateway knows is put back, *if nothing else has happened
//! since*: where the stored document is one that ours was made from, or where there is none although there must be.
//! Where something else has happened the store's history stands, and the numbers that ours has handed out are not used
//! again, so that devices which have met them are not told something new by an old number. See
//! `docs/adr/0004-putting-calls-back.md`.

use std::{collections::BTreeMap, sync::Arc};

use ringback_call::{CallId, Command, Input, PerSide, Side, UserId};
use ringback_store::{Claim, Commit, Committed, Log, Pair, Partition, StoreError, Stored, Version};
use tokio::task::consume_budget;

use super::{Calls, Known, MAX_TRIES, Outcome, Plan, index, memory::Memory};

impl Calls {
    /// Takes note of what is stored instead of what was known; `false` if there is no such call (any more).
    pub(super) async fn reconcile(
        &self,
        memory: &mut Memory,
        known: Known,
        stored: Option<Stored>,
    ) -> Result<bool, StoreError> {
        let Some(stored) = stored else {
            if self.must_exist(&known) {
                return self.put_back(memory, known, None).await.map(|()| true);
            }
            memory.known = None;
            return Ok(false);
        };
        let stored = Known::read(&stored)?;
        if stored.version == known.version {
            memory.learn(known);
        } else if known.descends_from(stored.version) {
            self.put_back(memory, known, Some(&stored)).await?;
        } else if is_ahead(&stored, &known) {
            memory.learn(stored);
        } else {
            self.adopt(memory, &known, stored).await?;
        }
        Ok(true)
    }

    /// Has the store tell which of two histories stands that contradict each other: the one known, and another that was
    /// heard of. Numbers of the one that does not are not used again.
    pub(super) async fn clear_up(&self, memory: &mut Memory) -> Result<(), StoreError> {
        let Some(heard) = memory.contradiction.clone() else { return Ok(()) };
        let stored = self.store.load(&heard.call().id).await?;
        if let Some(known) = memory.known.clone() {
            Box::pin(self.reconcile(memory, known, stored)).await?;
        }
        if let Some(stands) = memory.known.clone()
            && !heard.descends_from(stands.version)
            && !stands.may_descend_from(heard.version)
        {
            Box::pin(self.adopt(memory, &heard, stands)).await?;
        }
        memory.contradiction = None;
        Ok(())
    }

    /// Whether a live call that is not stored has been lost, rather than ended and forgotten: one of its devices is
    /// connected here and would have heard of the end. That it was stored a moment ago proves nothing: its end may
    /// have been, too, and be lost with it.
    fn must_exist(&self, known: &Known) -> bool {
        self.attends(known.call())
    }

    /// Writes what was lost, as it was: under its own version, so that whoever knew it can go on from it. Who takes part in
    /// what is stored instead is told of an end that it may not know.
    async fn put_back(
        &self,
        memory: &mut Memory,
        known: Known,
        over: Option<&Known>,
    ) -> Result<(), StoreError> {
        let call = known.call();
        let mut entries = memory.recent.entries(call);
        for entry in &mut entries {
            if let (Log::Mailbox(side), Some(over), true) = (entry.log, over, call.has_ended()) {
                entry.nodes = over.call().nodes(side);
            }
        }
        // Its events were lost with it. One that was delivered before is told twice.
        let before = over.map(|over| over.call().clone());
        let outgoing = self.outgoing(before.as_ref(), call)?;
        let over = over.map_or(Version::NONE, |over| over.version);
        let commit = Commit {
            call: call.id.clone(),
            expected: over,
            version: known.version,
            document: known.bytes.clone(),
            ttl_ms: self.ttl_ms(call),
            deadline: self.deadline(call, self.rules.deadline(call)),
            renews: true,
            pair: Pair::of(&call.caller, &call.callee),
            claim: Claim::Held,
            entries,
            trims: Vec::new(),
            outgoing,
        };
        let (id, lost) = (call.id.clone(), known.version.count - over.count);
        memory.unlisted |= !call.has_ended();
        match self.store.commit(commit).await? {
            Committed::Applied => {
                tracing::warn!(call = ?id, changes = lost, "a call the store had lost was put back");
                self.metrics.calls_put_back.inc(());
                self.posted(before.as_ref(), known.call());
                memory.learn(known);
            }
            // Somebody else is at it.
            Committed::Conflict(stored) => match stored.as_ref().map(Known::read).transpose()? {
                Some(stored) => memory.learn(stored),
                None => memory.known = None,
            },
            Committed::PairTaken { .. } => memory.known = None,
        }
        Ok(())
    }

    /// What was lost with a call that was put back: that its users are in it. Their devices may have come to other
    /// gateways meanwhile, and were told that there is no such call. To be asked for when the call is known to be stored,
    /// for a listed call that is not counts for nothing.
    pub(super) fn list_if_owed(&self, memory: &mut Memory) {
        if !std::mem::take(&mut memory.unlisted) {
            return;
        }
        let Some(call) = memory.known.as_ref().map(Known::call).filter(|call| !call.has_ended()) else {
            return;
        };
        let at = self.clock.now();
        for side in Side::BOTH {
            let (store, background) = (Arc::clone(&self.store), Arc::clone(&self.background));
            let (user, id) = (call.user(side).clone(), call.id.clone());
            self.background.spawn(async move {
                let listed = background.insist(async || index::list(&*store, &user, &id, at).await);
                if let Err(error) = listed.await {
                    tracing::warn!(call = ?id, error = &error as &dyn std::error::Error, "not listed again");
                }
            });
        }
    }

    /// Puts a live call on the lists of those of its users whose lists may be lost, though the call is not: they are
    /// kept in other partitions. A device that has forgotten it, and comes back, is told of what is listed.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn list_where_lost(
        self: &Arc<Self>,
        call: &CallId,
        lost: &[Partition],
    ) -> Result<(), StoreError> {
        let Some(slot) = self.cache.find(call) else { return Ok(()) };
        let is_lost = |user: &&UserId| lost.contains(&self.store.partitions().of_user(user));
        let known = slot.lock().await.and_then(|memory| memory.known.clone());
        let Some(known) = known else { return Ok(()) };
        let users: Vec<UserId> =
            Side::BOTH.map(|side| known.call().user(side)).into_iter().filter(is_lost).cloned().collect();
        if users.is_empty() || self.load(call).await?.is_none_or(|known| known.call().has_ended()) {
            return Ok(());
        }
        for user in users {
            self.list_again(&user, call).await?;
        }
        Ok(())
    }

    /// The store's history stands; what ours has handed out is not used again.
    async fn adopt(&self, memory: &mut Memory, lost: &Known, stored: Known) -> Result<(), StoreError> {
        let side = |side| memory.recent.alone(side, lost, &stored);
        let numbers = PerSide { caller: side(Side::Caller), callee: side(Side::Callee) };
        let outcome = lost.call().outcome().cloned();
        tracing::warn!(call = ?stored.call().id, "the store has lost changes of a call, and others have been made since");
        let mut stored = stored;
        for _ in 0..MAX_TRIES {
            let input = Input::Rewritten { lost: numbers.clone(), outcome: outcome.clone() };
            let command = Command { at: self.clock.now(), input };
            let Ok(decision) = self.decide(stored.call(), &command) else { break };
            if decision.next.is_none() {
                break;
            }
            let plan = Plan { from: Some(&stored), claim: Claim::Held, came: None };
            match self.commit(memory, plan, decision, command.at).await? {
                Outcome::Stored(_) => return Ok(()),
                Outcome::Beaten(Some(newer)) => stored = Known::read(&newer)?,
                Outcome::Beaten(None) | Outcome::PairTaken(..) => break,
            }
        }
        memory.learn(stored);
        Ok(())
    }

    /// Compares what is known of a call with what is stored, and mends the one or the other.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn check(self: &Arc<Self>, call: &CallId) -> Result<(), StoreError> {
        let Some(slot) = self.cache.find(call) else { return Ok(()) };
        let Some(mut memory) = slot.lock().await else { return Ok(()) };
        self.make_sure(&mut memory).await?;
        self.clear_up(&mut memory).await?;
        let Some(known) = memory.known.clone() else { return Ok(()) };
        let stored = self.store.load(call).await?;
        // Else who knows the call alive could bring it back.
        let ended_and_lost = stored.is_none() && known.call().has_ended();
        // Boxed: they are large, and hardly ever needed.
        if ended_and_lost {
            Box::pin(self.put_back(&mut memory, known, None)).await?;
        } else {
            Box::pin(self.reconcile(&mut memory, known, stored)).await?;
        }
        self.list_if_owed(&mut memory);
        self.cache.release(call, &slot, memory);
        Ok(())
    }

    /// The calls that are known here and not known to have ended.
    pub(crate) fn known_live(&self) -> Vec<CallId> {
        self.cache.live().into_iter().map(|(call, _)| call).collect()
    }

    /// The calls of these partitions that are known here.
    pub(crate) async fn known_in(&self, partitions: &[Partition]) -> BTreeMap<Partition, Vec<CallId>> {
        let mut known: BTreeMap<_, Vec<_>> =
            partitions.iter().map(|&partition| (partition, Vec::new())).collect();
        for call in self.cache.all() {
            // There may be a hundred thousand: who has work to do has its turn between them.
            consume_budget().await;
            let partition = self.store.partitions().of_call(&call);
            if let Some(calls) = partition.and_then(|partition| known.get_mut(&partition)) {
                calls.push(call);
            }
        }
        known
    }
}

/// Whether the stored document is simply newer: made from the known one, or too far on for anybody to tell.
fn is_ahead(stored: &Known, known: &Known) -> bool {
    let far = stored.version.count > known.version.count + stored.document.ancestors.len() as u64;
    far || stored.descends_from(known.version)
}

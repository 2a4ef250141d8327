//! What the application's servers are told is what is stored: each event that a call has come to, in order, and no other.

use std::collections::BTreeMap;

use ringback_call::{Call, CallId, OutcomeEvent};
use ringback_store::{Outbox as _, Position};
use ringback_wire::{OutcomeEventHead, write_outcome_event};

use crate::world::World;

/// A call's letters by their id, each at its first place.
type Letters = Vec<(String, Vec<u8>)>;

impl World {
    pub(super) async fn check_outcomes(&self) {
        let letters = self.letters().await;
        let none = Letters::new();
        for id in self.depot.history.calls() {
            // Of one that is stored no more nothing can be said.
            if let Some(call) = self.stored_call(&id).await {
                self.check_letters(&call, letters.get(&id).unwrap_or(&none));
            }
        }
    }

    async fn letters(&self) -> BTreeMap<CallId, Letters> {
        let mut letters = BTreeMap::<CallId, Letters>::new();
        for partition in self.depot.partitions() {
            let all = self.depot.memory.browse(partition, Position::START, usize::MAX).await;
            for letter in all.unwrap_or_default() {
                let Ok(head) = OutcomeEventHead::read(&letter.body) else {
                    self.violated("outcome", "a letter that can't be read");
                    continue;
                };
                let known = letters.entry(head.call).or_default();
                match known.iter().find(|(id, _)| *id == head.id) {
                    Some((id, body)) if *body != letter.body => {
                        self.violated("outcome", format_args!("{id} says two things"));
                    }
                    Some(_) => {}
                    None => known.push((head.id, letter.body.to_vec())),
                }
            }
        }
        letters
    }

    fn check_letters(&self, call: &Call, letters: &Letters) {
        let written = |event| write_outcome_event(event, call, self.waking_ms, None).ok()?;
        let due = OutcomeEvent::ALL.into_iter().filter_map(written);
        let due: Vec<Vec<u8>> = due.collect();
        if !due.iter().eq(letters.iter().map(|(_, body)| body)) {
            let told: Vec<&str> = letters.iter().map(|(id, _)| id.as_str()).collect();
            let (id, state) = (call.id.as_str(), call.state_name().as_str());
            self.violated("outcome", format_args!("{id} is {state}, and told are {told:?}"));
        }
    }
}

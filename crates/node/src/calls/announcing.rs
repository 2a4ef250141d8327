//! What a change of a call tells the application's servers. It is stored with the change.

use ringback_call::{Call, OutcomeEvent, TraceParent};
use ringback_store::{Outgoing, StoreError};
use ringback_wire::write_outcome_event;

use super::Calls;

impl Calls {
    /// The letters of a change from `before`, if the call was there, to `now`.
    pub(super) fn outgoing(&self, before: Option<&Call>, now: &Call) -> Result<Outgoing, StoreError> {
        let retention = self.events.retention;
        let mut events = self.announced(before, now).peekable();
        if events.peek().is_none() {
            return Ok(Outgoing { letters: Vec::new(), retention });
        }
        let ours = self.tracer.as_ref().map(|tracer| tracer.traceparent(now));
        // Where nobody traces here, the caller's own trace goes on.
        let trace = ours.as_deref().or(now.traceparent.as_ref().map(TraceParent::as_str));
        let mut letters = Vec::new();
        for event in events {
            let written = write_outcome_event(event, now, self.rules.timeouts.waking_ms, trace);
            let written = written.map_err(|error| StoreError::corrupt("an outcome event", error))?;
            letters.extend(written.map(Into::into));
        }
        Ok(Outgoing { letters, retention })
    }

    /// They were stored.
    pub(super) fn posted(&self, before: Option<&Call>, now: &Call) {
        let mut any = false;
        for event in self.announced(before, now) {
            any = true;
            self.metrics.outcome_events.inc((event,));
        }
        let partition = self.store.partitions().of_call(&now.id).filter(|_| any);
        if let Some(partition) = partition.filter(|partition| self.cluster.looks_after(*partition)) {
            self.doorbell.ring(partition);
        }
    }

    fn announced(&self, before: Option<&Call>, now: &Call) -> impl Iterator<Item = OutcomeEvent> {
        OutcomeEvent::announced(before, now).filter(|event| self.events.types.contains(event))
    }
}

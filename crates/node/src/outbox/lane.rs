//! One partition's events on this gateway: those of one call one after another, different calls beside each other.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
};

use ringback_store::{Letter, Position};
use ringback_telemetry::Undelivered;
use ringback_wire::OutcomeEventHead;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Event, health::REMIND};
use crate::seldom::Seldom;

/// Events read and not settled yet, at most. A receiver that is down holds up so many, and the rest stays in the store.
pub(super) const WINDOW: usize = 128;

/// A letter, and the event that is in it, or why it can't be told.
pub(super) struct Parcel {
    pub(super) letter: Letter,
    pub(super) event: Result<Event, Undelivered>,
}

impl Parcel {
    fn open(letter: Letter) -> Self {
        Self::open_with(letter, OutcomeEventHead::read)
    }

    /// A panic over one letter would else end the courier, and that of every gateway that takes the partition over.
    fn open_with<E>(letter: Letter, read: impl FnOnce(&[u8]) -> Result<OutcomeEventHead, E>) -> Self {
        let event = match catch_unwind(AssertUnwindSafe(|| read(&letter.body))) {
            Ok(Ok(head)) => Ok(Event { head, body: letter.body.clone() }),
            Ok(Err(_)) => Err(Undelivered::Unreadable),
            Err(_) => Err(Undelivered::Panicked),
        };
        Self { letter, event }
    }

    /// What has to be told in order: a call, or this letter alone.
    fn queue(&self) -> String {
        match &self.event {
            Ok(event) => event.head.call.as_str().to_owned(),
            Err(_) => self.letter.position.to_string(),
        }
    }
}

/// A time during which this gateway has held the lease without a break.
#[derive(Clone)]
pub(super) struct Tenure {
    /// Tells one from the next.
    pub(super) number: u64,
    /// Until when the lease holds, as far as is known: nothing is sent after it.
    pub(super) lease: watch::Receiver<Instant>,
    /// Cancelled when it is over.
    pub(super) over: CancellationToken,
}

/// What is to be done next.
pub(super) struct Errand {
    pub(super) queue: String,
    pub(super) parcel: Parcel,
    pub(super) tenure: Tenure,
}

pub(super) struct Lane {
    tenure: Tenure,
    lease: watch::Sender<Instant>,
    held: BTreeSet<Position>,
    /// By call. The one that is under way is not in its queue any more, but the queue is there.
    queues: HashMap<String, VecDeque<Parcel>>,
    /// How far what was pending has been read.
    pub(super) pending_after: Option<Position>,
    /// Whether the store is known to have more.
    pub(super) more: bool,
    pub(super) reading: bool,
    /// Whether the lease may be ours.
    pub(super) leased: bool,
    /// It can't be read for good: it takes a person to mend that.
    pub(super) unreadable: Seldom,
}

impl Lane {
    pub(super) fn new() -> Self {
        let (lease, until) = watch::channel(Instant::now());
        let tenure = Tenure { number: 0, lease: until, over: CancellationToken::new() };
        Self {
            tenure,
            lease,
            held: BTreeSet::new(),
            queues: HashMap::new(),
            pending_after: None,
            more: false,
            reading: false,
            leased: false,
            unreadable: Seldom::new(REMIND),
        }
    }

    /// What is held counts for nothing any more: somebody else may deliver it.
    pub(super) fn start_over(&mut self) {
        self.tenure.over.cancel();
        self.tenure.over = CancellationToken::new();
        self.tenure.number += 1;
        self.held.clear();
        self.queues.clear();
        self.pending_after = None;
        self.more = false;
        self.leased = false;
    }

    pub(super) fn renew(&mut self, until: Instant) {
        self.leased = true;
        self.lease.send_replace(until);
    }

    pub(super) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.held.len())
    }

    pub(super) fn held(&self) -> &BTreeSet<Position> {
        &self.held
    }

    /// Takes a letter in; the errand, unless an earlier one of the same call is under way.
    pub(super) fn take(&mut self, letter: Letter) -> Option<Errand> {
        if !self.held.insert(letter.position) {
            return None;
        }
        let parcel = Parcel::open(letter);
        let queue = parcel.queue();
        if let Some(waiting) = self.queues.get_mut(&queue) {
            waiting.push_back(parcel);
            return None;
        }
        self.queues.insert(queue.clone(), VecDeque::new());
        Some(Errand { queue, parcel, tenure: self.tenure.clone() })
    }

    /// A letter is settled; the next errand of its call, if there is one.
    pub(super) fn settled(&mut self, tenure: u64, queue: String, position: Position) -> Option<Errand> {
        if tenure != self.tenure.number {
            return None;
        }
        self.held.remove(&position);
        match self.queues.get_mut(&queue).and_then(VecDeque::pop_front) {
            Some(parcel) => Some(Errand { queue, parcel, tenure: self.tenure.clone() }),
            None => {
                self.queues.remove(&queue);
                None
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.tenure.over.cancel();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ringback_call::Timestamp;

    use super::*;

    fn letter(at: u64, call: &str) -> Letter {
        let body = format!(r#"{{"id":"{call}_{at}","call":"{call}","type":"call.ended"}}"#);
        Letter { position: Position { at: Timestamp(at), seq: 0 }, body: body.into() }
    }

    fn at(errand: &Errand) -> u64 {
        errand.parcel.letter.position.at.0
    }

    #[test]
    fn events_of_one_call_take_turns_and_those_of_others_do_not_wait() {
        let mut lane = Lane::new();
        let first = lane.take(letter(1, "a")).unwrap();
        assert!(lane.take(letter(2, "a")).is_none());
        assert_eq!(at(&lane.take(letter(3, "b")).unwrap()), 3);
        assert!(lane.take(letter(1, "a")).is_none(), "known already");
        let next = lane.settled(0, first.queue, first.parcel.letter.position).unwrap();
        assert_eq!(at(&next), 2);
        assert!(lane.settled(0, next.queue, next.parcel.letter.position).is_none());
        assert_eq!((lane.room(), lane.queues.len()), (WINDOW - 1, 1));
    }

    #[test]
    fn what_cannot_be_read_holds_up_nobody() {
        let mut lane = Lane::new();
        for n in 0..3 {
            let position = Position { at: Timestamp(n), seq: 0 };
            let errand = lane.take(Letter { position, body: Bytes::from_static(b"{}") }).unwrap();
            assert!(matches!(errand.parcel.event, Err(Undelivered::Unreadable)));
        }
    }

    #[test]
    fn neither_does_what_is_panicked_over_when_it_is_read() {
        let parcel = Parcel::open_with::<()>(letter(1, "a"), |_| panic!("over alice"));
        assert!(matches!(parcel.event, Err(Undelivered::Panicked)));
        assert_eq!(parcel.queue(), parcel.letter.position.to_string());
    }

    #[test]
    fn after_a_break_what_was_settled_before_it_counts_for_nothing() {
        let mut lane = Lane::new();
        let before = lane.take(letter(1, "a")).unwrap();
        lane.start_over();
        assert!(before.tenure.over.is_cancelled());
        let again = lane.take(letter(1, "a")).unwrap();
        assert!(lane.take(letter(2, "a")).is_none());
        assert!(lane.settled(before.tenure.number, before.queue, before.parcel.letter.position).is_none());
        assert_eq!(lane.held().len(), 2);
        let next = lane.settled(again.tenure.number, again.queue, again.parcel.letter.position);
        assert_eq!(at(&next.unwrap()), 2);
    }
}

//! Requests that have had no reply, and when they are to be sent again.
//!
//! Those of one call keep their order: what comes behind one that could not be served waits with it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// A request without a reply for so long, on a connection that lives, is odd.
pub const PATIENCE: Duration = Duration::from_secs(20);

struct Waiting {
    frame: Value,
    /// When it was sent over this connection.
    sent: Instant,
    /// When it is to be sent again; `None` while a reply may come.
    again: Option<Instant>,
}

/// The requests of one device, by id.
#[derive(Default)]
pub struct Queue(BTreeMap<u64, Waiting>);

impl Queue {
    /// Adds a request; `false` if it must not be sent yet.
    pub fn add(&mut self, id: u64, frame: Value) -> bool {
        let again = self.turn_of(&frame);
        self.0.insert(id, Waiting { frame, sent: Instant::now(), again });
        again.is_none()
    }

    /// Whether this one waits.
    pub fn holds(&self, id: u64) -> bool {
        self.0.contains_key(&id)
    }

    /// It has its reply.
    pub fn settle(&mut self, id: u64) {
        self.0.remove(&id);
    }

    /// It could not be served, and is to be sent again then.
    pub fn postpone(&mut self, id: u64, until: Instant) {
        if let Some(waiting) = self.0.get_mut(&id) {
            waiting.again = Some(until);
        }
    }

    /// The frame, to be sent now.
    pub fn send(&mut self, id: u64) -> Option<Value> {
        let waiting = self.0.get_mut(&id)?;
        (waiting.again, waiting.sent) = (None, Instant::now());
        Some(waiting.frame.clone())
    }

    /// All ids, in order.
    pub fn ids(&self) -> Vec<u64> {
        self.0.keys().copied().collect()
    }

    /// Those to be sent again now, in order: all that waits of one call goes out together, when the last of it is due.
    pub fn due(&self, now: Instant) -> Vec<u64> {
        let due = |waiting: &Waiting| waiting.again.is_some() && now >= self.moment(waiting);
        self.0.iter().filter(|(_, waiting)| due(waiting)).map(|(id, _)| *id).collect()
    }

    /// One that has waited for its reply for too long.
    pub fn late(&self, now: Instant) -> Option<&Value> {
        let late = |waiting: &&Waiting| waiting.again.is_none() && now >= self.moment(waiting);
        self.0.values().find(late).map(|waiting| &waiting.frame)
    }

    /// When the next is due, or late.
    pub fn next(&self) -> Option<Instant> {
        self.0.values().map(|waiting| self.moment(waiting)).min()
    }

    fn moment(&self, waiting: &Waiting) -> Instant {
        match waiting.again {
            Some(at) => self.turn_of(&waiting.frame).unwrap_or(at),
            None => waiting.sent + PATIENCE,
        }
    }

    /// When what waits to be sent again about this request's call is to be sent, if anything does.
    fn turn_of(&self, frame: &Value) -> Option<Instant> {
        let same = |other: &&Waiting| frame["call"].is_string() && other.frame["call"] == frame["call"];
        self.0.values().filter(same).filter_map(|other| other.again).max()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_could_not_be_served_keeps_its_place() {
        let now = Instant::now();
        let soon = now + Duration::from_millis(100);
        let later = now + Duration::from_millis(200);
        let mut queue = Queue::default();
        for id in 1..=3 {
            assert!(queue.add(id, json!({"call": if id == 3 { "other" } else { "c" }})));
        }
        queue.postpone(2, soon);
        queue.postpone(1, later);
        assert!(!queue.add(4, json!({"call": "c"})), "it comes behind them");
        assert!(queue.add(5, json!({"call": "other"})) && queue.add(6, json!({"to": "bob"})));
        assert!(queue.due(soon).is_empty(), "the first is not due yet");
        assert_eq!(queue.due(later), [1, 2, 4]);
        assert_eq!(queue.next(), Some(later));
        assert!([1, 2, 4].map(|id| queue.send(id).is_some()) == [true; 3]);
        assert!(queue.due(later).is_empty());
        queue.settle(1);
        assert!(queue.late(now).is_none() && queue.late(Instant::now() + PATIENCE).is_some());
    }
}

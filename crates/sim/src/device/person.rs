//! What the person in front of the device does.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    Device,
    call::{Phase, Role},
    requests::Purpose,
};

/// How often a device places a call.
const BETWEEN_CALLS: Duration = Duration::from_secs(25);

/// Something to be done later, unless it makes no sense then.
#[derive(Clone, Debug)]
pub(super) enum Todo {
    Place,
    Ring(String),
    Accept(String),
    Reject(String),
    Cancel(String),
    Offer(String),
    OfferAnew(String),
    Answer { call: String, offer: String },
    Ice { call: String, of: u32, last: bool },
    Connected(String),
    Renegotiate(String),
    End(String, Option<&'static str>),
    Report(String),
}

impl Device {
    pub(super) fn plan(&mut self, at: Instant, todo: Todo) {
        self.todos += 1;
        self.todo.insert((at, self.todos), todo);
    }

    fn plan_in(&mut self, low: u64, high: u64, todo: Todo) {
        let at = Instant::now() + self.dice.ms(low, high);
        self.plan(at, todo);
    }

    pub(super) fn plan_a_call(&mut self) {
        let at = Instant::now() + self.dice.wait(BETWEEN_CALLS) + Duration::from_secs(3);
        self.plan(at, Todo::Place);
    }

    pub(super) fn plan_to_cancel(&mut self, id: &str) {
        if self.dice.chance(0.15) && !self.obliging {
            self.plan_in(500, 15_000, Todo::Cancel(id.to_owned()));
        }
    }

    /// Somebody calls. Devices of one user often decide at the same moment: their person has only two hands.
    pub(super) fn plan_an_answer(&mut self, id: &str, mark: &str) {
        let id = id.to_owned();
        if self.dice.chance(0.85) {
            self.plan_in(20, 300, Todo::Ring(id.clone()));
        }
        if self.obliging {
            return self.plan_in(100, 300, Todo::Accept(id));
        }
        let together = xxh3_64(mark.as_bytes());
        let base =
            if together.is_multiple_of(2) { 1_000 + together % 4_000 } else { self.dice.between(300, 9_000) };
        let choice = self.dice.below(100);
        if choice < 60 {
            self.plan_in(base, base + 40, Todo::Accept(id));
        } else if choice < 72 {
            self.plan_in(base, base + 40, Todo::Reject(id));
        }
    }

    pub(super) fn plan_an_offer(&mut self, id: &str) {
        self.plan_in(5, 200, Todo::Offer(id.to_owned()));
    }

    pub(super) fn plan_a_failure(&mut self, id: &str) {
        if self.dice.chance(0.06) && !self.obliging {
            let reason = *self.dice.pick(&["ice_failed", "media_denied"]);
            self.plan_in(500, 8_000, Todo::End(id.to_owned(), Some(reason)));
        }
    }

    /// The talk ends some time, or never.
    pub(super) fn plan_the_end(&mut self, id: &str) {
        if self.obliging {
            return;
        }
        if self.dice.chance(0.6) {
            self.plan_in(2_000, 60_000, Todo::End(id.to_owned(), None));
        }
        self.plan_in(1_000, 20_000, Todo::Renegotiate(id.to_owned()));
    }

    pub(super) fn plan_a_report(&mut self, id: &str) {
        self.plan_in(100, 5_000, Todo::Report(id.to_owned()));
    }

    pub(super) fn perform(&mut self, todo: Todo) {
        match todo {
            Todo::Place => {
                self.place_some_call();
                self.plan_a_call();
            }
            Todo::Ring(id) => {
                if self.rings(&id) {
                    self.ask("call:ringing", json!({"call": id}), Purpose::Ringing(id));
                }
            }
            Todo::Accept(id) => {
                if self.rings(&id) {
                    self.ask("call:accept", json!({"call": id}), Purpose::Accept(id));
                }
            }
            Todo::Reject(id) => self.reject(&id),
            Todo::Cancel(id) => {
                if self.calls.get(&id).is_some_and(|call| call.phase == Phase::Ringing) {
                    self.end(&id, None);
                }
            }
            Todo::Offer(id) => self.make_offer(&id),
            Todo::OfferAnew(id) => self.offer_anew(&id),
            Todo::Answer { call, offer } => self.make_answer(&call, &offer),
            Todo::Ice { call, of, last } => self.send_candidates(&call, of, last),
            Todo::Connected(id) => {
                if self.calls.contains_key(&id) {
                    self.ask("call:connected", json!({"call": id}), Purpose::Connected(id));
                }
            }
            Todo::Renegotiate(id) => self.renegotiate(&id),
            Todo::End(id, reason) => {
                if self.rings(&id) {
                    self.reject(&id)
                } else {
                    self.end(&id, reason)
                }
            }
            Todo::Report(id) => {
                let fields = json!({"call": id, "stats": {"rtt_ms": 40}});
                self.ask("call:report", fields, Purpose::Report);
            }
        }
    }

    fn place_some_call(&mut self) {
        let others: Vec<String> =
            self.world.users.iter().filter(|user| **user != self.who.user).cloned().collect();
        let to = self.dice.pick(&others).clone();
        let engaged = self.calls.values().any(|call| call.peer == to) || self.calls.len() >= 3;
        if self.places_calls && !engaged {
            self.call(&to);
        }
    }

    /// Calls somebody.
    pub(super) fn call(&mut self, to: &str) {
        let mark = format!("{} {}", self.page(), self.next_id);
        let fields = json!({"to": to, "media": {"audio": true, "video": true}, "metadata": {"mark": mark}});
        self.ask("call:init", fields, Purpose::Init { to: to.to_owned(), mark });
    }

    fn rings(&self, id: &str) -> bool {
        self.calls
            .get(id)
            .is_some_and(|call| call.role == Role::Callee && call.phase == Phase::Ringing && !call.leaving)
    }

    fn reject(&mut self, id: &str) {
        if self.rings(id) {
            if let Some(call) = self.calls.get_mut(id) {
                call.leaving = true;
            }
            self.ask("call:reject", json!({"call": id}), Purpose::Reject(id.to_owned()));
        }
    }

    fn end(&mut self, id: &str, reason: Option<&str>) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.leaving {
            return;
        }
        call.leaving = true;
        let fields = match reason {
            Some(reason) => json!({"call": id, "reason": reason}),
            None => json!({"call": id}),
        };
        self.ask("call:end", fields, Purpose::End(id.to_owned()));
    }

    fn renegotiate(&mut self, id: &str) {
        if self.negotiates && self.calls.get(id).is_some_and(|call| call.phase == Phase::Connected) {
            self.make_offer(id);
            self.plan_in(2_000, 30_000, Todo::Renegotiate(id.to_owned()));
        }
    }

    /// Places no more calls, and ends half of those there are.
    pub(super) fn settle(&mut self) {
        (self.places_calls, self.negotiates) = (false, false);
        let ids: Vec<String> = self.calls.keys().cloned().collect();
        for id in self.dice.some(&ids, 0.25) {
            self.plan_in(1_000, 20_000, Todo::End(id, None));
        }
    }

    /// Ends everything.
    pub(super) fn hang_up_all(&mut self) {
        let ids: Vec<String> = self.calls.keys().cloned().collect();
        for id in ids {
            if self.rings(&id) { self.reject(&id) } else { self.end(&id, None) }
        }
    }

    /// A request's session is gone, and with it the reply.
    pub(super) fn unanswered(&mut self, purpose: &Purpose) {
        match purpose {
            Purpose::End(id) | Purpose::Reject(id) => {
                if let Some(call) = self.calls.get_mut(id) {
                    call.leaving = false;
                    // Its person still wants it to end.
                    self.plan_in(200, 2_000, Todo::End(id.clone(), None));
                }
            }
            Purpose::Offer(id, _) | Purpose::Answer(id, _) => {
                if let Some(call) = self.calls.get_mut(id) {
                    call.offer = None;
                }
            }
            Purpose::Connected(id) => {
                if let Some(call) = self.calls.get_mut(id) {
                    call.said_connected = false;
                }
            }
            Purpose::Init { .. }
            | Purpose::Ringing(_)
            | Purpose::Accept(_)
            | Purpose::Ice(..)
            | Purpose::Report => {}
        }
    }
}

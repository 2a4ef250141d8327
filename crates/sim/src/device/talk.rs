//! Offers, answers and candidates.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Device,
    call::{Offer, Phase},
    person::Todo,
    requests::Purpose,
};
use crate::ledger::{Kind, Payload};

impl Device {
    fn payload(&self, kind: Kind, number: u32) -> Payload {
        Payload { page: self.page(), kind, number }
    }

    /// Makes an offer, unless one is open.
    pub(super) fn make_offer(&mut self, id: &str) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.leaving || call.phase == Phase::Ringing || call.offer.is_some() || call.asked.is_some() {
            return;
        }
        let number = self.numbers.entry(id.to_owned()).or_default().description();
        call.offer = Some(Offer { number, acked: false });
        // Once something has been agreed on, nobody can tell candidates of the next offer from late ones of the last
        // description: a page sends the offer first.
        let first = number == 1 && call.whole && !call.anew && call.phase == Phase::Connecting;
        let offer = self.payload(Kind::Description, number);
        let eager = first && self.eager(id, number);
        let fields = json!({"call": id, "sdp": format!("offer {offer}")});
        self.ask("webrtc:offer", fields, Purpose::Offer(id.to_owned(), offer));
        self.gather(id, number, eager);
    }

    /// Answers the peer's offer, if it still waits.
    pub(super) fn make_answer(&mut self, id: &str, offer: &str) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.leaving || call.asked.as_ref().is_none_or(|(words, _)| words != offer) {
            return;
        }
        let Some((_, seq)) = call.asked.take() else { return };
        let number = self.numbers.entry(id.to_owned()).or_default().description();
        let answer = self.payload(Kind::Description, number);
        let eager = self.eager(id, number);
        let fields = json!({"call": id, "sdp": format!("answer {answer} to {offer}"), "offer": seq});
        self.ask("webrtc:answer", fields, Purpose::Answer(id.to_owned(), answer));
        self.gather(id, number, eager);
        self.exchanged(id);
    }

    /// Now and then a page is so quick with its first candidates that they overtake their description.
    fn eager(&mut self, id: &str, of: u32) -> bool {
        let eager = self.dice.chance(0.25);
        if eager {
            self.send_candidates(id, of, false);
        }
        eager
    }

    fn gather(&mut self, id: &str, of: u32, eager: bool) {
        let batches = self.dice.between(u64::from(!eager), 3);
        let mut at = Instant::now();
        for batch in 0..batches {
            at += self.dice.ms(0, 400);
            let last = batch + 1 == batches;
            self.plan(at, Todo::Ice { call: id.to_owned(), of, last });
        }
    }

    pub(super) fn send_candidates(&mut self, id: &str, of: u32, last: bool) {
        let count = self.dice.between(1, 3);
        let numbers = self.numbers.entry(id.to_owned()).or_default();
        // Those of an offer that was rolled back are of no use to anybody.
        if self.calls.get(id).is_none_or(|call| call.leaving) || numbers.descriptions > of {
            return;
        }
        let numbers = numbers.candidates(count as u32);
        let payloads: Vec<Payload> =
            numbers.map(|number| self.payload(Kind::Candidate { of }, number)).collect();
        let mut candidates: Vec<Value> =
            payloads.iter().map(|payload| json!({"candidate": payload.to_string()})).collect();
        if last {
            candidates.push(Value::Null);
        }
        let fields = json!({"call": id, "candidates": candidates});
        self.ask("webrtc:ice", fields, Purpose::Ice(id.to_owned(), payloads));
    }

    pub(super) fn got_offer(&mut self, id: &str, sdp: &str, seq: u64) {
        let words = sdp.strip_prefix("offer ").unwrap_or_default();
        if self.got(id, words).is_none() {
            return;
        }
        // It comes again after continuity was refused, and its answer is under way already.
        let end = format!(" to {words}");
        let answers = |frame: &Value| frame["sdp"].as_str().is_some_and(|sdp| sdp.ends_with(&end));
        let answered = self.pending.iter().any(|pending| answers(&pending.frame));
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.is_offered(words) && !self.world.depot.history.is_torn(id) {
            // It was withdrawn before its own was taken, and waits for nobody's answer.
            return;
        }
        // Its own, if there is one, will be refused: it is rolled back.
        call.yielded = call.offer.take().map(|offer| offer.number);
        if answered {
            return;
        }
        call.asked = Some((words.to_owned(), seq));
        let at = Instant::now() + self.dice.ms(20, 400);
        self.plan(at, Todo::Answer { call: id.to_owned(), offer: words.to_owned() });
    }

    pub(super) fn got_answer(&mut self, id: &str, sdp: &str) {
        let words = sdp.strip_prefix("answer ").unwrap_or_default();
        let (words, to) = words.split_once(" to ").unwrap_or_default();
        if self.got(id, words).is_none() {
            return;
        }
        let page = self.page();
        let Some(call) = self.calls.get_mut(id) else { return };
        let ours = call.offer.map(|offer| Payload { page, kind: Kind::Description, number: offer.number });
        match ours {
            Some(ours) if ours.to_string() == to => {
                call.offer = None;
                call.anew = false;
                self.exchanged(id);
            }
            // To an offer of a page that is gone, or that was forgotten with everything else.
            _ if !call.whole || call.anew => self.negotiate_anew(id),
            ours => {
                let text = format!("{} got an answer to {to} in {id}, and has offered {ours:?}", self.name);
                self.world.violated("answer", text);
            }
        }
    }

    /// Both descriptions are known: media will flow soon.
    fn exchanged(&mut self, id: &str) {
        let Some(call) = self.calls.get_mut(id) else { return };
        call.anew = false;
        if !call.said_connected {
            call.said_connected = true;
            let at = Instant::now() + self.dice.ms(50, 900);
            self.plan(at, Todo::Connected(id.to_owned()));
        }
    }

    /// The reply to an offer.
    pub(super) fn offered(&mut self, id: &str, number: u32, code: Option<&str>, reply: &Value) {
        if let Some(call) = self.calls.get_mut(id)
            && call.yielded == Some(number)
        {
            call.yielded = None;
            if code.is_none() {
                // It was not refused after all: the peer's offer was withdrawn, as its page is another one now.
                (call.offer, call.asked) = (Some(Offer { number, acked: true }), None);
            }
        }
        if let Some(call) = self.calls.get_mut(id)
            && code.is_some()
        {
            call.one_is_open();
        }
        if let Some(call) = self.calls.get_mut(id)
            && let Some(offer) = &mut call.offer
            && offer.number == number
        {
            match code {
                None => offer.acked = true,
                Some(_) => call.offer = None,
            }
            if code.is_some() && call.anew {
                self.negotiate_anew(id);
            }
        }
        self.refused(id, code, reply);
    }

    /// Media has to be negotiated anew, if nobody else does it first.
    pub(super) fn negotiate_anew(&mut self, id: &str) {
        if let Some(call) = self.calls.get_mut(id) {
            call.anew = true;
            let at = Instant::now() + self.dice.ms(100, 2_000);
            self.plan(at, Todo::OfferAnew(id.to_owned()));
        }
    }

    pub(super) fn offer_anew(&mut self, id: &str) {
        let Some(call) = self.calls.get(id) else { return };
        if !call.anew {
            return;
        }
        if call.offer.is_none() && call.asked.is_none() {
            self.make_offer(id);
        } else {
            let at = Instant::now() + Duration::from_secs(3);
            self.plan(at, Todo::OfferAnew(id.to_owned()));
        }
    }
}

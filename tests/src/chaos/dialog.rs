//! From the accept to the end: descriptions and candidates, both ways, each with its number.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::phone::{PATIENCE, Phone, Stop};
use super::plan::Plan;
use super::tag::{Part, Side, Tag};

/// What a candidate asks of who gets it. It travels as a field that no browser knows, and passes through.
const WORD: &str = "word";
const ECHO: &str = "echo";
const OFFER: &str = "offer";
const HANG_UP: &str = "hang up";

/// One device's part in a call that is answered.
pub(super) struct Dialog<'a> {
    call: &'a str,
    side: Side,
    plan: &'a Plan,
    /// The latest negotiation heard of.
    round: u32,
    descriptions: u32,
    candidates: u32,
    /// Whether its own offer waits for an answer.
    offered: bool,
    told_connected: bool,
    connected: bool,
    /// Rounds of talk that are left.
    left: u32,
}

impl<'a> Dialog<'a> {
    pub(super) fn new(call: &'a str, side: Side, plan: &'a Plan) -> Self {
        let left = plan.rounds;
        Self {
            call,
            side,
            plan,
            round: 0,
            descriptions: 0,
            candidates: 0,
            offered: false,
            told_connected: false,
            connected: false,
            left,
        }
    }

    /// Plays its part until the call is over; gives the reason why it stopped.
    pub(super) async fn run(mut self, phone: &mut Phone) -> Stop {
        match self.play(phone).await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn play(&mut self, phone: &mut Phone) -> Result<std::convert::Infallible, Stop> {
        // Now and then a candidate is quicker than the description it belongs to: it has to wait.
        if phone.dice.below(4) == 0 {
            self.trickle(phone, 1, 1, None).await?;
        }
        if self.side == Side::Caller {
            self.offer(phone).await?;
        }
        let mut heard = Instant::now();
        loop {
            let talks = self.connected && self.side == self.plan.talker && !self.offered;
            let pause = Duration::from_millis(20 + phone.dice.below(100) as u64);
            let until = if talks { Instant::now() + pause } else { heard + PATIENCE };
            match phone.event(until).await {
                Ok(Some(event)) => {
                    heard = Instant::now();
                    self.react(phone, &event).await?;
                }
                Ok(None) if talks => {
                    heard = Instant::now();
                    self.go_on(phone).await?;
                }
                Ok(None) if self.offered => return Err(Stop::Late("an answer to its offer")),
                Ok(None) if !self.connected => return Err(Stop::Late("the call to be connected")),
                Ok(None) => return Err(Stop::Late("anything at all")),
                // Nothing was open: whatever is missing, the call can go on.
                Err(Stop::Unproved) if self.connected && !self.offered => {}
                Err(stop) => return Err(stop),
            }
        }
    }

    async fn react(&mut self, phone: &mut Phone, event: &Value) -> Result<(), Stop> {
        match event["type"].as_str().unwrap_or_default() {
            "webrtc:offer" => {
                if self.offered {
                    phone.odd("an offer came while its own was open".to_owned());
                }
                let round = super::tag::tags(event).first().map_or(self.round + 1, |tag| tag.round);
                if round <= self.round {
                    // Told again, after a snapshot: it is answered.
                    return Ok(());
                }
                self.round = round;
                self.describe(phone, "webrtc:answer").await?;
                let count = 1 + phone.dice.below(2);
                self.trickle(phone, self.round, count, None).await?;
                self.tell_connected(phone).await
            }
            "webrtc:answer" => {
                self.offered = false;
                self.tell_connected(phone).await
            }
            "webrtc:ice" => self.obey(phone, event).await,
            "call:connected" => {
                self.connected = true;
                phone.connected();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Does what candidates ask for.
    async fn obey(&mut self, phone: &mut Phone, event: &Value) -> Result<(), Stop> {
        for candidate in event["candidates"].as_array().into_iter().flatten() {
            match candidate[WORD].as_str() {
                Some(ECHO) => self.trickle(phone, self.round, 1, None).await?,
                Some(OFFER) if !self.offered => self.offer(phone).await?,
                Some(HANG_UP) => return self.hang_up(phone).await,
                _ => {}
            }
        }
        Ok(())
    }

    /// The talker's next step.
    async fn go_on(&mut self, phone: &mut Phone) -> Result<(), Stop> {
        if self.left == 0 || phone.winds_up() {
            if self.plan.asks_to_hang_up {
                // Once: then it is up to the other.
                self.connected = false;
                return self.trickle(phone, self.round, 1, Some(HANG_UP)).await;
            }
            return self.hang_up(phone).await;
        }
        self.left -= 1;
        match phone.dice.below(10) {
            0 | 1 => self.offer(phone).await,
            2 => self.trickle(phone, self.round, 1, Some(OFFER)).await,
            3 => {
                // Both offer at once: one of the two is refused.
                self.trickle(phone, self.round, 1, Some(OFFER)).await?;
                self.offer(phone).await
            }
            _ => {
                let requests = 1 + phone.dice.below(3);
                self.burst(phone, requests).await
            }
        }
    }

    async fn hang_up(&mut self, phone: &mut Phone) -> Result<(), Stop> {
        phone.ask("call:end", json!({"call": self.call})).await?;
        Err(Stop::Over)
    }

    async fn tell_connected(&mut self, phone: &mut Phone) -> Result<(), Stop> {
        if !std::mem::replace(&mut self.told_connected, true) {
            phone.ask("call:connected", json!({"call": self.call})).await?;
        }
        Ok(())
    }

    async fn offer(&mut self, phone: &mut Phone) -> Result<(), Stop> {
        self.round += 1;
        match self.describe(phone, "webrtc:offer").await {
            Ok(()) => {
                self.offered = true;
                let count = phone.dice.below(3);
                self.trickle(phone, self.round, count, None).await
            }
            // The other's offer stands, and has come or is about to.
            Err(Stop::Refused(code, _)) if code == "glare" => {
                self.round -= 1;
                Ok(())
            }
            Err(stop) => Err(stop),
        }
    }

    async fn describe(&mut self, phone: &mut Phone, kind: &str) -> Result<(), Stop> {
        self.descriptions += 1;
        let tag = self.tag(Part::Description, self.descriptions, self.round);
        let sdp = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns={tag}\r\nt=0 0\r\n");
        phone.ask(kind, json!({"call": self.call, "sdp": sdp})).await.map(drop)
    }

    /// Candidates in one request.
    async fn trickle(
        &mut self,
        phone: &mut Phone,
        round: u32,
        count: usize,
        word: Option<&str>,
    ) -> Result<(), Stop> {
        if count == 0 {
            return Ok(());
        }
        let id = self.post(phone, round, count, word).await;
        phone.reply(id).await.map(drop)
    }

    /// Several requests under way at once, the last of which wants an echo.
    async fn burst(&mut self, phone: &mut Phone, requests: usize) -> Result<(), Stop> {
        let mut ids = Vec::new();
        for n in 1..=requests {
            let word = (n == requests).then_some(ECHO);
            let count = 1 + phone.dice.below(3);
            ids.push(self.post(phone, self.round, count, word).await);
        }
        let mut result = Ok(());
        for id in ids {
            // Each reply is taken, though one stops the talk.
            result = phone.reply(id).await.map(drop).and(result);
        }
        result
    }

    async fn post(&mut self, phone: &mut Phone, round: u32, count: usize, word: Option<&str>) -> u64 {
        let candidates: Vec<Value> =
            (0..count).map(|n| self.candidate(round, word.filter(|_| n == 0))).collect();
        phone.post("webrtc:ice", json!({"call": self.call, "candidates": candidates})).await
    }

    fn candidate(&mut self, round: u32, word: Option<&str>) -> Value {
        self.candidates += 1;
        let n = self.candidates;
        let mut candidate = json!({
            "candidate": format!("candidate:{n} 1 udp 2122260223 127.0.0.1 {} typ host", 40_000 + n),
            "sdpMid": "0",
            "usernameFragment": self.tag(Part::Candidate, n, round).to_string(),
        });
        if let Some(word) = word {
            candidate[WORD] = json!(word);
        }
        candidate
    }

    fn tag(&self, part: Part, number: u32, round: u32) -> Tag {
        Tag { side: self.side, part, number, round }
    }
}

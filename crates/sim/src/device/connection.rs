//! Coming, staying and going: dialing with patience, signs of life, close codes.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::Instant;

use super::Device;
use crate::{frames, net::Link};

/// For how long calls that are over are named in `hello` (docs/protocol.md).
const NAMED: Duration = Duration::from_secs(60);
/// How long an acknowledgement of `hello` may take.
const GREETING: Duration = Duration::from_secs(8);
/// How long it may be silent before it is asked whether it lives, and how long the answer may take.
const IDLE: Duration = Duration::from_secs(9);
const PONG: Duration = Duration::from_secs(10);

/// Where a device stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// It dials at this moment.
    Away(Instant),
    /// It has dialed, and nothing will come of it; it knows so at this moment.
    Hopeless(Instant),
    /// It has said `hello` with this number, and gives up at this moment.
    Greeting(u64, Instant),
    /// It is in.
    In,
    /// It does not want to be.
    Left,
}

impl Stage {
    pub(super) const fn until(&self) -> Option<Instant> {
        match self {
            Self::Away(at) | Self::Hopeless(at) | Self::Greeting(_, at) => Some(*at),
            Self::In | Self::Left => None,
        }
    }
}

impl Device {
    pub(super) fn next_beat(&self) -> Option<Instant> {
        match (&self.stage, &self.ping) {
            _ if self.reads_from.is_some() => None,
            (Stage::In, Some((_, until))) => Some(*until),
            (Stage::In, None) => Some(self.heard + IDLE),
            _ => None,
        }
    }

    /// Does what is due on the connection.
    pub(super) fn keep_up(&mut self, now: Instant) {
        match self.stage {
            Stage::Away(at) if at <= now => self.dial(),
            Stage::Hopeless(at) if at <= now => self.retry(),
            Stage::Greeting(_, at) if at <= now => self.give_up("no answer to hello"),
            Stage::In if self.reads_from.is_none() => match self.ping {
                Some((_, until)) if until <= now => self.give_up("no answer to a ping"),
                None if self.heard + IDLE <= now => self.send_ping(now),
                Some(_) | None => {}
            },
            _ => {}
        }
    }

    fn dial(&mut self) {
        let ready = self.world.fleet.ready();
        let any = self.dice.below(self.world.fleet.len());
        let chosen = *self.dice.pick(&ready);
        let place = if self.dice.chance(0.1) { any } else { chosen };
        self.links += 1;
        let link = Link::new(&self.access, self.dice.of(&format!("link {}", self.links)));
        if self.access.swallows() {
            self.stage = Stage::Hopeless(Instant::now() + self.dice.ms(2_000, 5_000));
        } else if self.world.fleet.connect(place, &link, self.who.format) {
            self.world.trace.note(&self.name, format_args!("connects to gw-{}", place + 1));
            self.link = Some(link);
            self.ping = None;
            self.heard = Instant::now();
            self.reads_from = None;
            self.greet();
        } else {
            self.retry();
        }
    }

    fn greet(&mut self) {
        let id = self.take_id();
        let mut hello = json!({
            "type": "hello",
            "id": id,
            "token": self.who.user,
            "device": self.who.device,
            "client": {"name": "ringback-sim", "version": "1.0.0"},
        });
        if let Some(session) = &self.session {
            hello["session"] = json!(session);
            self.forget_what_is_long_over();
            hello["seen"] = json!(self.seen);
        }
        self.stage = Stage::Greeting(id, Instant::now() + GREETING);
        self.sends.clear();
        self.send_now(id, &hello);
    }

    /// Calls that are over are named for a while: what was said in them last may be on its way.
    fn forget_what_is_long_over(&mut self) {
        let (over, seen) = (&mut self.over, &mut self.seen);
        over.retain(|call, since| {
            let keep = since.elapsed() < NAMED;
            if !keep {
                seen.remove(call);
            }
            keep
        });
    }

    fn send_ping(&mut self, now: Instant) {
        let id = self.take_id();
        self.ping = Some((id, now + PONG));
        self.send_now(id, &json!({"type": "ping", "id": id}));
    }

    /// Sends a frame, if there is somebody to send it to.
    pub(super) fn send_now(&mut self, id: u64, frame: &serde_json::Value) {
        let Some(link) = &self.link else { return };
        let bytes = frames::encode(self.who.format, frame);
        self.world.trace.frame(&self.name, ">", &bytes);
        self.world.tally.count(|figures| figures.frames += 1);
        if id > 0 {
            self.sends.entry(id).or_default().sent += 1;
        }
        link.send(bytes);
    }

    fn give_up(&mut self, why: &str) {
        self.world.trace.note(&self.name, why);
        if let Some(link) = &self.link {
            link.leave();
        }
        self.lost();
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self) {
        if self.link.take().is_some() {
            self.world.trace.note(&self.name, "has no connection any more");
            let now = self.world.now();
            self.world.ledger().went(&self.name, now);
        }
        self.retry();
    }

    fn retry(&mut self) {
        self.failures += 1;
        let longest = (100_u64 << self.failures.min(6)).min(4_000);
        let wait = self.dice.ms(longest / 4, longest);
        self.come_back(wait);
    }

    /// Dials again after a while.
    pub(super) fn come_back(&mut self, after: Duration) {
        if matches!(self.stage, Stage::Left) || self.link.is_none() {
            self.stage = Stage::Away(Instant::now() + after);
        }
    }

    /// The server closes the connection.
    pub(super) fn closed(&mut self, code: u16) {
        self.world.trace.note(&self.name, format_args!("is closed with {code}"));
        // A network that swallows the hello for too long makes for a 4502: the client comes back all the same.
        if !(4_000..4_500).contains(&code) && code != 4_502 {
            // It sends no bad frames and no bad tokens, and never has two connections.
            self.world.violated("closed for good", format_args!("{} with {code}", self.name));
        }
        if let Some(link) = &self.link {
            link.leave();
        }
        self.lost();
    }

    /// The server asks it to connect anew.
    pub(super) fn go_away(&mut self, frame: &serde_json::Value) {
        let after = Duration::from_millis(frame["reconnect_after_ms"].as_u64().unwrap_or_default());
        self.disconnect();
        self.failures = 0;
        let jitter = self.dice.ms(0, 200);
        self.come_back(after + jitter);
    }

    fn disconnect(&mut self) {
        if let Some(link) = self.link.take() {
            link.leave();
            let now = self.world.now();
            self.world.ledger().went(&self.name, now);
        }
    }

    /// Goes, and does not come back by itself.
    pub(super) fn leave(&mut self) {
        self.world.trace.note(&self.name, "leaves");
        self.disconnect();
        self.stage = Stage::Left;
    }

    /// The page is loaded anew: nothing is left of what it knew.
    pub(super) fn reload(&mut self) {
        if matches!(self.stage, Stage::Left) {
            return;
        }
        self.world.trace.note(&self.name, "is loaded anew");
        self.disconnect();
        self.forget_requests();
        self.session = None;
        self.page += 1;
        self.seen.clear();
        self.over.clear();
        self.unreported.clear();
        self.calls.clear();
        self.numbers.clear();
        self.todo.clear();
        self.plan_a_call();
        self.failures = 0;
        let loading = self.dice.ms(100, 2_500);
        self.come_back(loading);
    }

    /// The link it has, for whoever has to know.
    pub(super) fn is_linked(&self) -> bool {
        self.link.as_ref().is_some_and(|link| Arc::strong_count(link) > 0)
    }
}

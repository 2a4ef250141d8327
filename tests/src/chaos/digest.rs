//! Diaries, sorted: for each call each device's account of it, and when each device was reachable.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::account::{Answer, Asked, Call, Device, Gap, Told, View};
use super::diary::{Diary, Note};
use super::tag::tags;

/// Everything.
#[derive(Debug, Clone, Default)]
pub struct Digest {
    /// In the order of their ids.
    pub calls: Vec<Call>,
    /// In the order of the diaries.
    pub devices: Vec<Device>,
}

impl Digest {
    /// Sorts diaries.
    pub fn of(diaries: &[Arc<Diary>]) -> Self {
        let mut calls: BTreeMap<String, Call> = BTreeMap::new();
        let mut devices = Vec::new();
        for diary in diaries {
            let mut reader = Reader::new(diary);
            for line in diary.lines() {
                reader.read(line.at, line.note);
            }
            let (device, views) = reader.close();
            devices.push(device);
            for (id, view) in views {
                calls.entry(id.clone()).or_insert_with(|| Call { id, views: Vec::new() }).views.push(view);
            }
        }
        Self { calls: calls.into_values().collect(), devices }
    }
}

/// Reads one diary from its beginning.
struct Reader {
    device: Device,
    views: BTreeMap<String, View>,
    /// Not settled yet, by id.
    open: HashMap<u64, Asked>,
    /// The `hello` of this connection: its id, and the session it named.
    hello: Option<(u64, Option<String>)>,
    connections: usize,
    here_since: Option<Duration>,
    now: Duration,
}

impl Reader {
    fn new(diary: &Diary) -> Self {
        let device = Device {
            user: diary.user.clone(),
            device: diary.device.clone(),
            there: Vec::new(),
            resumed: 0,
            unproved: 0,
            odd: Vec::new(),
            unsettled: Vec::new(),
            forgotten: Vec::new(),
        };
        Self {
            device,
            views: BTreeMap::new(),
            open: HashMap::new(),
            hello: None,
            connections: 0,
            here_since: None,
            now: Duration::ZERO,
        }
    }

    fn view(&mut self, call: &str) -> &mut View {
        self.views.entry(call.to_owned()).or_insert_with(|| View {
            user: self.device.user.clone(),
            device: self.device.device.clone(),
            asked: Vec::new(),
            told: Vec::new(),
            gaps: Vec::new(),
            unlisted: None,
            stuck: Vec::new(),
        })
    }

    fn read(&mut self, at: Duration, note: Note) {
        self.now = at;
        match note {
            Note::Up(_) => self.connections += 1,
            Note::Down(_) => self.leave(),
            Note::Odd(call, what) => self.device.odd.push((at, call, what)),
            Note::Stuck(call, what) => self.view(&call).stuck.push(what),
            Note::Sent(frame) => self.sent(frame),
            Note::Got(frame) => self.got(frame),
        }
    }

    fn leave(&mut self) {
        self.hello = None;
        if let Some(since) = self.here_since.take() {
            self.device.there.push((since, self.now));
        }
    }

    fn sent(&mut self, frame: Value) {
        let Some(id) = frame["id"].as_u64() else { return };
        match frame["type"].as_str().unwrap_or_default() {
            "hello" => self.hello = Some((id, frame["session"].as_str().map(str::to_owned))),
            "ping" => {}
            kind => {
                let (at, connection) = (self.now, self.connections);
                let new = || Asked {
                    kind: kind.to_owned(),
                    tags: tags(&frame),
                    sent: Vec::new(),
                    frame: frame.clone(),
                    answer: None,
                };
                self.open.entry(id).or_insert_with(new).sent.push((at, connection));
            }
        }
    }

    fn got(&mut self, frame: Value) {
        match frame["type"].as_str().unwrap_or_default() {
            "ack" | "error" => self.reply(frame),
            "goaway" => {}
            kind => {
                let Some(call) = frame["call"].as_str() else { return };
                let told = Told {
                    at: self.now,
                    seq: frame["seq"].as_u64().unwrap_or_default(),
                    kind: kind.to_owned(),
                    tags: tags(&frame),
                    frame: frame.clone(),
                };
                self.view(call).told.push(told);
            }
        }
    }

    fn reply(&mut self, frame: Value) {
        let Some(id) = frame["id"].as_u64() else { return };
        let acked = frame["type"] == "ack";
        if let Some((_, session)) = self.hello.clone().filter(|(hello, _)| *hello == id) {
            if acked {
                self.greeted(&frame, session.as_deref());
            }
            return;
        }
        if !acked && ["unavailable", "rate_limited", "draining"].iter().any(|code| frame["code"] == *code) {
            return;
        }
        let Some(mut asked) = self.open.remove(&id) else { return };
        let call = asked.frame["call"].as_str().or(frame["call"].as_str()).map(str::to_owned);
        asked.answer = Some((self.now, if acked { Answer::Ack(frame) } else { Answer::Error(frame) }));
        if let Some(call) = call {
            self.view(&call).asked.push(asked);
        }
    }

    fn greeted(&mut self, ack: &Value, session: Option<&str>) {
        let at = self.now;
        self.here_since = Some(at);
        if ack["resumed"] == true {
            self.device.resumed += 1;
            return;
        }
        let Some(session) = session else { return };
        self.device.unproved += 1;
        if ack["session"] != session {
            self.device.forgotten.push(at);
            // What became of these nobody can tell any more.
            self.file_open();
        }
        let listed: Vec<&str> =
            ack["calls"].as_array().into_iter().flatten().filter_map(|each| each["call"].as_str()).collect();
        for (call, view) in self.views.iter_mut().filter(|(_, view)| !view.has_ended()) {
            if listed.contains(&call.as_str()) {
                view.gaps.push(Gap { at, told: view.told.len() });
            } else {
                view.unlisted = Some(at);
            }
        }
    }

    /// Files the requests without a reply under their calls; returns them.
    fn file_open(&mut self) -> Vec<Value> {
        let open: Vec<Asked> = std::mem::take(&mut self.open).into_values().collect();
        let mut frames = Vec::new();
        for asked in open {
            frames.push(asked.frame.clone());
            if let Some(call) = asked.frame["call"].as_str().map(str::to_owned) {
                self.view(&call).asked.push(asked);
            }
        }
        frames
    }

    fn close(mut self) -> (Device, BTreeMap<String, View>) {
        self.leave();
        self.device.unsettled = self.file_open();
        // The order in which things were asked, not in which they were settled.
        for view in self.views.values_mut() {
            view.asked.sort_by_key(Asked::first_sent);
        }
        (self.device, self.views)
    }
}

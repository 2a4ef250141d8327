//! Diaries, sorted: for each call each device's account of it, and when each device was reachable.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::diary::{Diary, Note};
use super::tag::{Side, Tag, tags};

/// A reply that settles a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// It was acknowledged.
    Ack(Value),
    /// It was refused.
    Error(Value),
}

/// A request about a call.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its `type`.
    pub kind: String,
    /// The messages in it.
    pub tags: Vec<Tag>,
    /// When it was sent, and on which of the device's connections; more than once if it had no answer.
    pub sent: Vec<(Duration, usize)>,
    /// Its fields.
    pub frame: Value,
    /// What settled it, and when.
    pub answer: Option<(Duration, Answer)>,
}

impl Asked {
    /// When it was acknowledged.
    pub fn acked(&self) -> Option<Duration> {
        match &self.answer {
            Some((at, Answer::Ack(_))) => Some(*at),
            _ => None,
        }
    }

    /// The ack.
    pub fn ack(&self) -> Option<&Value> {
        match &self.answer {
            Some((_, Answer::Ack(ack))) => Some(ack),
            _ => None,
        }
    }

    /// When it was sent first.
    pub fn first_sent(&self) -> Duration {
        self.sent.first().map(|(at, _)| *at).unwrap_or_default()
    }
}

/// An event of a call.
#[derive(Debug, Clone)]
pub struct Told {
    /// When it came.
    pub at: Duration,
    /// Its number.
    pub seq: u64,
    /// Its `type`.
    pub kind: String,
    /// The messages in it.
    pub tags: Vec<Tag>,
    /// All of it.
    pub frame: Value,
}

/// A `hello` that was answered with `resumed: false` while the call was in its list: what was said before may be lost,
/// and the server says so.
#[derive(Debug, Clone, Copy)]
pub struct Gap {
    /// When the ack came.
    pub at: Duration,
    /// After how many events.
    pub told: usize,
}

/// One device's account of a call.
#[derive(Debug, Clone)]
pub struct View {
    /// Whose.
    pub user: String,
    /// Which device.
    pub device: String,
    /// What it asked, in order.
    pub asked: Vec<Asked>,
    /// What it was told, in order.
    pub told: Vec<Told>,
    /// Where continuity was not proved.
    pub gaps: Vec<Gap>,
    /// When a snapshot without continuity did not name the call any more.
    pub unlisted: Option<Duration>,
    /// What it waited for in vain.
    pub stuck: Vec<&'static str>,
}

impl View {
    /// The requests of this kind.
    pub fn all_asked<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Asked> {
        self.asked.iter().filter(move |asked| asked.kind == kind)
    }

    /// The events of this kind.
    pub fn all_told<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Told> {
        self.told.iter().filter(move |told| told.kind == kind)
    }

    /// How often it had to start anew from a snapshot before the event at this place: what came before may come again.
    pub fn epoch(&self, place: usize) -> usize {
        self.gaps.iter().filter(|gap| gap.told <= place).count()
    }

    /// Whether it was refused because nobody knows such a call.
    pub fn told_of_no_such_call(&self) -> bool {
        let mut answers = self.asked.iter().filter_map(|asked| asked.answer.as_ref());
        answers.any(|(_, answer)| matches!(answer, Answer::Error(error) if error["code"] == "no_such_call"))
    }

    /// The reason it was given because it asked to end or reject a call that had ended.
    pub fn told_when_asked(&self) -> Option<&str> {
        self.asked.iter().filter_map(Asked::ack).find_map(|ack| ack["already"].as_str())
    }

    fn has_ended(&self) -> bool {
        self.unlisted.is_some() || self.told.iter().any(|told| told.kind == "call:ended")
    }
}

/// A call as all its devices saw it.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// Its name.
    pub id: String,
    /// Each device's account.
    pub views: Vec<View>,
}

impl Call {
    /// The device that called.
    pub fn caller(&self) -> Option<&View> {
        self.views.iter().find(|view| {
            let mut inits = view.all_asked("call:init").filter_map(Asked::ack);
            inits.any(|ack| ack["role"] != "callee")
        })
    }

    /// The device that was the first to accept.
    pub fn callee(&self) -> Option<&View> {
        let told = self.views.iter().flat_map(|view| view.all_told("call:accepted"));
        let named = told.map(|told| &told.frame["by"]).next();
        self.views.iter().find(|view| match named {
            Some(by) => by["user"] == view.user && by["device"] == view.device,
            None => {
                let glare =
                    view.all_asked("call:init").filter_map(Asked::ack).any(|ack| ack["role"] == "callee");
                glare || view.all_asked("call:accept").any(|asked| asked.acked().is_some())
            }
        })
    }

    /// The bound device of a side.
    pub fn bound(&self, side: Side) -> Option<&View> {
        match side {
            Side::Caller => self.caller(),
            Side::Callee => self.callee(),
        }
    }

    /// When it was asked for.
    pub fn began(&self) -> Duration {
        let inits = self.views.iter().flat_map(|view| view.all_asked("call:init")).map(Asked::first_sent);
        let told = self.views.iter().flat_map(|view| view.told.iter()).map(|told| told.at);
        inits.chain(told).min().unwrap_or_default()
    }

    /// When anything about it was said last.
    pub fn last(&self) -> Duration {
        let told = self.views.iter().flat_map(|view| view.told.iter()).map(|told| told.at);
        let asked = self.views.iter().flat_map(|view| view.asked.iter());
        let asked = asked.map(|asked| asked.answer.as_ref().map_or(asked.first_sent(), |(at, _)| *at));
        told.chain(asked).max().unwrap_or_default()
    }

    /// When both sides had heard that it is connected.
    pub fn connected(&self) -> Option<Duration> {
        let heard = |side| self.bound(side)?.all_told("call:connected").map(|told| told.at).next();
        Some(heard(Side::Caller)?.max(heard(Side::Callee)?))
    }
}

/// One device's time.
#[derive(Debug, Clone)]
pub struct Device {
    /// Whose.
    pub user: String,
    /// Which.
    pub device: String,
    /// From each ack of a `hello` to the end of its connection, as far as the device noticed.
    pub there: Vec<(Duration, Duration)>,
    /// Answers to a `hello` that named a session: with continuity, and without.
    pub resumed: usize,
    /// And without.
    pub unproved: usize,
    /// What no server should do, and in which call.
    pub odd: Vec<(Duration, Option<String>, String)>,
    /// Requests that were never settled.
    pub unsettled: Vec<Value>,
    /// When it was answered with another session than the one it named.
    pub forgotten: Vec<Duration>,
}

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

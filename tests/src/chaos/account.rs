//! What each device can tell of a call, and of itself.

use std::time::Duration;

use serde_json::Value;

use super::tag::{Side, Tag};

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

    /// Whether the device knows that it is over.
    pub fn has_ended(&self) -> bool {
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

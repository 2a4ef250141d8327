//! What one device wrote down: every frame it sent and got, and how its connections came and went.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::shape::brief;

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Note {
    /// A frame went out.
    Sent(Value),
    /// A frame came in.
    Got(Value),
    /// A socket to this gateway is open; `hello` follows.
    Up(usize),
    /// The connection is gone, and why.
    Down(String),
    /// Something no server should do, in this call if it is about one.
    Odd(Option<String>, String),
    /// The device waited in vain, in this call, for that.
    Stuck(String, &'static str),
}

/// When, and what.
#[derive(Debug, Clone)]
pub struct Line {
    /// Since the run began.
    pub at: Duration,
    /// What.
    pub note: Note,
}

/// The diary of one device.
#[derive(Debug)]
pub struct Diary {
    /// Whose.
    pub user: String,
    /// Which of its devices.
    pub device: String,
    start: Instant,
    lines: Mutex<Vec<Line>>,
}

impl Diary {
    /// An empty one, of a run that began at `start`.
    pub fn new(user: &str, device: &str, start: Instant) -> Arc<Self> {
        Arc::new(Self { user: user.to_owned(), device: device.to_owned(), start, lines: Mutex::default() })
    }

    /// Adds a line.
    pub fn write(&self, note: Note) {
        let at = self.start.elapsed();
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(Line { at, note });
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A diary that is made up.
    #[cfg(test)]
    pub(crate) fn made_up(user: &str, device: &str, lines: Vec<Line>) -> Arc<Self> {
        Arc::new(Self {
            user: user.to_owned(),
            device: device.to_owned(),
            start: Instant::now(),
            lines: Mutex::new(lines),
        })
    }
}

impl Diary {
    /// What is about this call, or about the connection.
    pub fn about(&self, call: &str) -> Vec<Line> {
        let mut lines = self.lines();
        // A reply names its request, and the reply to `call:init` the call.
        let mut ids = HashSet::new();
        for line in &lines {
            if let Note::Sent(frame) | Note::Got(frame) = &line.note
                && (frame["call"] == call || frame["type"] == "hello" || frame["to"].is_string())
            {
                ids.extend(frame["id"].as_u64());
            }
        }
        lines.retain(|line| match &line.note {
            Note::Sent(frame) | Note::Got(frame) => match frame["call"].as_str() {
                Some(other) => other == call,
                None => frame["id"].as_u64().is_some_and(|id| ids.contains(&id)) || frame["type"] == "goaway",
            },
            Note::Odd(about, _) => about.as_deref().is_none_or(|about| about == call),
            Note::Stuck(about, _) => about == call,
            Note::Up(_) | Note::Down(_) => true,
        });
        lines
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.note {
            Note::Sent(frame) => write!(f, "→ {}", brief(frame)),
            Note::Got(frame) => write!(f, "← {}", brief(frame)),
            Note::Up(gateway) => write!(f, "  connected to gateway {}", gateway + 1),
            Note::Down(why) => write!(f, "✕ {why}"),
            Note::Odd(_, what) => write!(f, "! {what}"),
            Note::Stuck(_, what) => write!(f, "! waited in vain for {what}"),
        }
    }
}

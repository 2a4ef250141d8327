//! A call as one page knows it.

use std::ops::RangeInclusive;

use super::CallView;

/// Which side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Who placed it.
    Caller,
    /// Who was called.
    Callee,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nobody has answered.
    Ringing,
    /// Somebody has.
    Connecting,
    /// Media flows.
    Connected,
}

/// This page's offer that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) number: u32,
    pub(super) acked: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) role: Role,
    pub(super) peer: String,
    pub(super) phase: Phase,
    /// Whether the page has known it from its beginning, without a break.
    pub(super) whole: bool,
    pub(super) peer_away: bool,
    /// It has asked for the end.
    pub(super) leaving: bool,
    pub(super) said_connected: bool,
    /// Media has to be negotiated anew.
    pub(super) anew: bool,
    pub(super) offer: Option<Offer>,
    /// The peer's offer that waits for this page's answer.
    pub(super) asked: Option<String>,
    /// Its own offer that was rolled back for the peer's, and has had no reply yet.
    pub(super) yielded: Option<u32>,
}

/// What one page has sent in one call: the numbers go on even in one that comes back to life.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) descriptions: u32,
    candidates: u32,
}

impl Numbers {
    pub(super) const fn description(&mut self) -> u32 {
        self.descriptions += 1;
        self.descriptions
    }

    pub(super) const fn candidates(&mut self, count: u32) -> RangeInclusive<u32> {
        let first = self.candidates + 1;
        self.candidates += count;
        first..=self.candidates
    }
}

impl Call {
    pub(super) fn new(role: Role, peer: &str, phase: Phase) -> Self {
        Self {
            role,
            peer: peer.to_owned(),
            phase,
            whole: true,
            peer_away: false,
            leaving: false,
            said_connected: false,
            anew: false,
            offer: None,
            asked: None,
            yielded: None,
        }
    }

    pub(super) fn view(&self) -> CallView {
        CallView { role: self.role, phase: self.phase, peer: self.peer.clone(), peer_away: self.peer_away }
    }
}

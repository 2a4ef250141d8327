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
    /// The peer's offer that waits for this page's answer, and the number it came with.
    pub(super) asked: Option<(String, u64)>,
    /// Its own offer that was rolled back for the peer's, and has had no reply yet.
    pub(super) yielded: Option<u32>,
    /// The peer's offer that came while this page's own was open, until it is said which of them does not count.
    pub(super) rival: Option<String>,
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
            rival: None,
        }
    }

    /// The peer's offer comes. Says whether this page's own counts: it was taken, so the peer's had been withdrawn.
    pub(super) fn is_offered(&mut self, offer: &str) -> bool {
        self.rival = self.offer.map(|_| offer.to_owned());
        self.offer.is_some_and(|own| own.acked)
    }

    /// Only one offer is open: this page's own was refused, or the peer's withdrawn, as its page is another one now.
    pub(super) fn one_is_open(&mut self) {
        self.rival = None;
    }

    /// The peer's offer that can't count, as this page's own was taken, although nothing has been said of its end. That has
    /// to come before anything that was said once this page's own was taken.
    pub(super) fn two_open(&self) -> Option<&str> {
        self.rival.as_deref().filter(|_| self.offer.is_some_and(|own| own.acked))
    }

    pub(super) fn view(&self) -> CallView {
        CallView {
            role: self.role,
            phase: self.phase,
            peer: self.peer.clone(),
            peer_away: self.peer_away,
            two_open: self.two_open().map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Offer = Offer { number: 2, acked: false };

    fn call(acked: bool) -> Call {
        let own = Offer { acked, ..OWN };
        Call { offer: Some(own), ..Call::new(Role::Caller, "bob", Phase::Connected) }
    }

    #[test]
    fn an_offer_that_was_withdrawn_before_ours_was_taken_may_come_after_the_reply() {
        let mut call = call(true);
        assert!(call.is_offered("theirs"), "ours counts");
        assert_eq!(call.two_open(), Some("theirs"), "nobody has said so yet");
        call.one_is_open();
        assert_eq!(call.two_open(), None);
    }

    #[test]
    fn or_before_it() {
        let mut call = call(false);
        assert!(!call.is_offered("theirs"), "ours may be refused");
        assert_eq!(call.two_open(), None);
        call.offer = Some(Offer { acked: true, ..OWN });
        assert_eq!(call.two_open(), Some("theirs"));
    }

    #[test]
    fn an_offer_that_ours_is_refused_for_is_no_second_one() {
        let mut call = call(false);
        call.is_offered("theirs");
        call.one_is_open();
        call.offer = Some(Offer { number: 3, acked: true });
        assert_eq!(call.two_open(), None, "theirs was answered before");
    }

    #[test]
    fn nor_is_one_that_comes_when_none_of_ours_is_open() {
        let mut call = Call::new(Role::Caller, "bob", Phase::Connected);
        assert!(!call.is_offered("theirs"));
        call.offer = Some(Offer { acked: true, ..OWN });
        assert_eq!(call.two_open(), None);
    }
}

//! What a device does: it acts on what it has seen, which may be long ago, and keeps to the protocol as it sees it.

use std::collections::VecDeque;

use ringback_call::{Ack, Candidate, Event, Rejection, Sdp};

/// A request, small enough to be copied a million times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    Init,
    Ringing,
    Accept,
    Reject,
    End,
    /// Its sender's n-th description.
    Offer(u8),
    Answer(u8),
    /// A candidate of the sender's n-th description, and its number among all of them.
    Ice(u8, u8),
    Connected,
}

/// How often a device may still want to do a thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Wishes {
    pub(crate) init: u8,
    pub(crate) ringing: u8,
    pub(crate) accept: u8,
    pub(crate) reject: u8,
    pub(crate) end: u8,
    pub(crate) offers: u8,
    pub(crate) ice: u8,
    pub(crate) connected: u8,
}

/// Where a device believes the call to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Quiet,
    Calling,
    /// Its own `call:init` was taken as the accept of the other's.
    Merged,
    Incoming,
    Talking,
    Over(ringback_call::EndReason),
}

/// Whose offer a device believes to be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Turn {
    Nobody,
    Mine,
    Theirs,
}

/// What a device should never experience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shock {
    AfterEnded,
    EarlyCandidate,
    LostCandidate,
    TwoOffers,
    OutOfTurn,
}

/// A request that was sent: what it was, and its ack if it was applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sent {
    pub(crate) ask: Ask,
    pub(crate) ack: Option<Ack>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    pub(crate) online: bool,
    pub(crate) connection: u8,
    /// What is on its way: in order, and as late as it likes.
    pub(crate) inbox: VecDeque<Event>,
    pub(crate) phase: Phase,
    pub(crate) calls: bool,
    pub(crate) merged: bool,
    pub(crate) turn: Turn,
    /// Its own descriptions that were taken.
    pub(crate) described: u8,
    /// Its peer's descriptions that it has seen.
    pub(crate) heard: u8,
    pub(crate) ice_sent: u8,
    pub(crate) ice_heard: u8,
    pub(crate) left: Wishes,
    pub(crate) sent: Vec<Sent>,
}

impl Client {
    pub(crate) const fn new(online: bool, left: Wishes) -> Self {
        Self {
            online,
            connection: 10,
            inbox: VecDeque::new(),
            phase: Phase::Quiet,
            calls: false,
            merged: false,
            turn: Turn::Nobody,
            described: 0,
            heard: 0,
            ice_sent: 0,
            ice_heard: 0,
            left,
            sent: Vec::new(),
        }
    }

    /// What it may want to do next.
    pub(crate) fn wants(&self, asks: &mut Vec<Ask>) {
        let left = self.left;
        let mut want = |budget: u8, ask: Ask| {
            if budget > 0 {
                asks.push(ask);
            }
        };
        match self.phase {
            Phase::Quiet => want(left.init, Ask::Init),
            Phase::Calling | Phase::Merged => want(left.end, Ask::End),
            Phase::Incoming => {
                want(left.ringing, Ask::Ringing);
                want(left.accept, Ask::Accept);
                want(left.reject, Ask::Reject);
                want(left.init, Ask::Init);
            }
            Phase::Talking => {
                want(left.end, Ask::End);
                let first = self.calls || self.described > 0;
                match self.turn {
                    Turn::Nobody if first => want(left.offers, Ask::Offer(self.described + 1)),
                    Turn::Theirs => want(1, Ask::Answer(self.described + 1)),
                    Turn::Nobody | Turn::Mine => {}
                }
                want(left.ice, Ask::Ice(self.generation(), self.ice_sent + 1));
                if self.described > 0 && self.heard > 0 {
                    want(left.connected, Ask::Connected);
                }
            }
            Phase::Over(_) => {}
        }
    }

    /// The description its next candidate belongs to: gathering begins before the description is sent.
    fn generation(&self) -> u8 {
        let upcoming = self.described == 0 || self.turn == Turn::Theirs;
        self.described + u8::from(upcoming)
    }

    pub(crate) const fn spend(&mut self, ask: Ask) {
        match ask {
            Ask::Init => self.left.init -= 1,
            Ask::Ringing => self.left.ringing -= 1,
            Ask::Accept => self.left.accept -= 1,
            Ask::Reject => self.left.reject -= 1,
            Ask::End => self.left.end -= 1,
            Ask::Offer(_) => self.left.offers -= 1,
            Ask::Answer(_) => {}
            Ask::Ice(..) => self.left.ice -= 1,
            Ask::Connected => self.left.connected -= 1,
        }
    }

    /// The reply has come.
    pub(crate) fn replied(&mut self, ask: Ask, reply: &Result<Ack, Rejection>) {
        if matches!(self.phase, Phase::Over(_)) {
            return;
        }
        match (ask, reply) {
            (Ask::Init, Ok(Ack::Placed(_))) => (self.phase, self.calls) = (Phase::Calling, true),
            (Ask::Init, Ok(Ack::Merged(_))) => (self.phase, self.merged) = (Phase::Merged, true),
            (Ask::Accept, Ok(_)) => self.phase = Phase::Talking,
            (Ask::Offer(n), Ok(_)) => (self.turn, self.described) = (Turn::Mine, n),
            (Ask::Answer(n), Ok(_)) => (self.turn, self.described) = (Turn::Nobody, n),
            // It will hear why: the call is over.
            (Ask::Answer(_), Err(_)) => self.turn = Turn::Nobody,
            (Ask::Ice(_, n), Ok(_)) => self.ice_sent = n,
            _ => {}
        }
    }

    /// The next event has arrived.
    pub(crate) fn hear(&mut self) -> Result<(), Shock> {
        let Some(event) = self.inbox.pop_front() else { return Ok(()) };
        if matches!(self.phase, Phase::Over(_)) {
            return Err(Shock::AfterEnded);
        }
        match event {
            Event::Incoming { .. } if self.phase == Phase::Quiet => self.phase = Phase::Incoming,
            // It rang while the device called by itself: the ack, which came first, says the same and more.
            Event::Incoming { .. } if self.merged => {}
            Event::Accepted { .. } if self.phase != Phase::Quiet => self.phase = Phase::Talking,
            Event::Ringing if self.phase == Phase::Calling => {}
            Event::Offer(_) | Event::Answer(_) | Event::Ice(_) if self.phase == Phase::Talking => {
                return self.hear_of_media(&event);
            }
            Event::Connected { .. } | Event::Peer(_) if self.phase == Phase::Talking => {}
            Event::Ended { reason, .. } => self.phase = Phase::Over(reason),
            _ => return Err(Shock::OutOfTurn),
        }
        Ok(())
    }

    fn hear_of_media(&mut self, event: &Event) -> Result<(), Shock> {
        match event {
            Event::Offer(_) if self.turn == Turn::Nobody => self.turn = Turn::Theirs,
            Event::Answer(_) if self.turn == Turn::Mine => self.turn = Turn::Nobody,
            Event::Offer(_) | Event::Answer(_) => return Err(Shock::TwoOffers),
            Event::Ice(list) => {
                for candidate in list {
                    let (generation, number) = read(candidate);
                    if generation > self.heard {
                        return Err(Shock::EarlyCandidate);
                    }
                    if number != self.ice_heard + 1 {
                        return Err(Shock::LostCandidate);
                    }
                    self.ice_heard = number;
                }
                return Ok(());
            }
            _ => return Ok(()),
        }
        self.heard += 1;
        Ok(())
    }
}

/// Nobody reads a description; that it came is all that counts.
pub(crate) fn sdp() -> Sdp {
    Sdp::new("v=0")
}

pub(crate) fn candidate(generation: u8, number: u8) -> Candidate {
    Candidate::new(format!("{generation}{number}"))
}

fn read(candidate: &Candidate) -> (u8, u8) {
    let digits = candidate.as_str().as_bytes();
    (digits[0] - b'0', digits[1] - b'0')
}

//! Requests sent twice are applied once.
//!
//! A client that has had no reply sends a request again with the same id, perhaps through another gateway. So the
//! call itself remembers which requests made it what it is: for each session that sent one, a sliding window over
//! the request ids (as RFC 4303 section 3.4.3 does against replayed packets), which is small and of constant size.

use serde::{Deserialize, Serialize};

use crate::{RequestId, SessionId, stored::without_names};

/// How far back a request is remembered: a client keeps at most this many requests without a reply.
const WINDOW: u64 = 128;
/// Sessions remembered in one call: every device of two users, and some that came back with a new session.
const SESSIONS: usize = 20;

/// The requests one call has applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replay {
    windows: Vec<Window>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Window {
    session: SessionId,
    newest: RequestId,
    /// Bit `n` of the 128 stands for the request `newest - n`. Two words, since MessagePack has no wider integer.
    low: u64,
    high: u64,
}

without_names!(Window { session, newest, low, high });

impl Window {
    fn bits(&self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    fn set_bits(&mut self, bits: u128) {
        self.low = bits as u64;
        self.high = (bits >> 64) as u64;
    }

    fn contains(&self, id: RequestId) -> bool {
        match self.newest.0.checked_sub(id.0) {
            None => false,
            // Older than the window: it was answered long ago.
            Some(age) if age >= WINDOW => true,
            Some(age) => self.bits() >> age & 1 == 1,
        }
    }

    fn insert(&mut self, id: RequestId) {
        if id > self.newest {
            let shift = u32::try_from(id.0 - self.newest.0).unwrap_or(u32::MAX);
            self.set_bits(self.bits().checked_shl(shift).unwrap_or(0) | 1);
            self.newest = id;
        } else if self.newest.0 - id.0 < WINDOW {
            self.set_bits(self.bits() | 1 << (self.newest.0 - id.0));
        }
    }
}

impl Replay {
    /// Whether it remembers no more than it may.
    pub(crate) const fn is_sound(&self) -> bool {
        self.windows.len() <= SESSIONS
    }

    /// Whether this session's request has been applied.
    pub fn contains(&self, session: &SessionId, id: RequestId) -> bool {
        self.windows.iter().any(|w| w.session == *session && w.contains(id))
    }

    /// How many of the last requests of a session have been applied.
    pub fn count(&self, session: &SessionId) -> u32 {
        let window = self.windows.iter().find(|window| window.session == *session);
        window.map_or(0, |window| window.bits().count_ones())
    }

    /// Whether a later request of this session has been applied.
    pub fn has_passed(&self, session: &SessionId, id: RequestId) -> bool {
        self.windows.iter().any(|window| window.session == *session && window.newest > id)
    }

    /// Remembers a request; the session that was silent longest is forgotten when there are too many.
    pub fn insert(&mut self, session: &SessionId, id: RequestId) {
        let mut window = match self.windows.iter().position(|w| w.session == *session) {
            Some(at) => self.windows.remove(at),
            None => Window { session: session.clone(), newest: id, low: 0, high: 0 },
        };
        window.insert(id);
        if self.windows.len() == SESSIONS {
            self.windows.remove(0);
        }
        self.windows.push(window);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(name: &str) -> SessionId {
        SessionId::new(name).unwrap()
    }

    #[test]
    fn remembers_what_was_applied_and_only_that() {
        let (mut replay, s) = (Replay::default(), session("s"));
        assert_eq!(replay.count(&s), 0);
        for id in [5, 7, 6, 300] {
            assert!(!replay.contains(&s, RequestId(id)));
            replay.insert(&s, RequestId(id));
            assert!(replay.contains(&s, RequestId(id)));
        }
        assert!(!replay.contains(&s, RequestId(299)), "skipped, so not applied");
        assert!(replay.contains(&s, RequestId(7)), "older than the window counts as answered");
        assert!(!replay.contains(&session("other"), RequestId(5)));
        assert_eq!(replay.count(&s), 1, "the others are out of the window");
    }

    #[test]
    fn first_request_of_a_session_is_remembered() {
        let (mut replay, s) = (Replay::default(), session("s"));
        replay.insert(&s, RequestId(9));
        assert!(replay.contains(&s, RequestId(9)));
        assert!(!replay.contains(&s, RequestId(8)));
        assert!(!replay.contains(&s, RequestId(10)));
    }

    #[test]
    fn forgets_the_session_silent_longest() {
        let mut replay = Replay::default();
        for n in 0..=SESSIONS {
            replay.insert(&session(&format!("s{n}")), RequestId(1));
        }
        assert!(!replay.contains(&session("s0"), RequestId(1)));
        assert!(replay.contains(&session("s1"), RequestId(1)));
    }
}

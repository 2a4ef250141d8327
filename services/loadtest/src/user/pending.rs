//! Requests without a reply: sent again, with the same number and in order, by a session that comes back, and when the
//! store could not be reached.

use std::{collections::BTreeMap, time::Instant};

use tokio_tungstenite::tungstenite::Message;

use crate::protocol::Kind;

/// By their numbers.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    requests: BTreeMap<u64, Waiting>,
}

/// One request on its way.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// What was asked.
    pub(crate) kind: Kind,
    /// When.
    pub(crate) at: Instant,
    /// Whether its times count.
    pub(crate) counted: bool,
    /// As it was sent.
    pub(crate) frame: Message,
    /// Whether it was refused as `unavailable`, and is to be sent again.
    pub(crate) refused: bool,
}

impl Pending {
    /// One more that is sent now.
    pub(crate) fn add(&mut self, id: u64, waiting: Waiting) {
        self.requests.insert(id, waiting);
    }

    /// Its reply has come.
    pub(crate) fn take(&mut self, id: u64) -> Option<Waiting> {
        self.requests.remove(&id)
    }

    /// It was refused for now; whether there is such a one.
    pub(crate) fn refuse(&mut self, id: u64) -> bool {
        self.requests.get_mut(&id).map(|waiting| waiting.refused = true).is_some()
    }

    /// Those that were refused for now, in order, to be sent again.
    pub(crate) fn refused(&mut self) -> Vec<Message> {
        self.again(|waiting| waiting.refused)
    }

    /// All of them, in order, to be sent again.
    pub(crate) fn all(&mut self) -> Vec<Message> {
        self.again(|_| true)
    }

    fn again(&mut self, which: impl Fn(&Waiting) -> bool) -> Vec<Message> {
        let chosen = self.requests.values_mut().filter(|waiting| which(waiting));
        chosen
            .map(|waiting| {
                waiting.refused = false;
                waiting.frame.clone()
            })
            .collect()
    }
}

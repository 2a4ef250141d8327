//! When devices were connected, and when they started from nothing.

use super::Ledger;

/// That nobody of a user was there.
#[derive(Debug)]
pub(super) struct Offline {
    call: String,
    user: String,
    from: u64,
    to: u64,
}

/// One device's times, in virtual milliseconds.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// When its starts from nothing were acknowledged: the first, a page loaded anew, continuity refused.
    starts: Vec<u64>,
    /// From the ack of `hello` to the end of the connection.
    up: Vec<(u64, Option<u64>)>,
}

impl Ledger {
    fn presence(&mut self, device: &str) -> &mut Presence {
        self.devices.entry(device.to_owned()).or_default()
    }

    /// A connection of a device was acknowledged. Without continuity it starts from nothing.
    pub fn came(&mut self, device: &str, at: u64, continues: bool) {
        let presence = self.presence(device);
        presence.up.push((at, None));
        if !continues {
            presence.starts.push(at);
        }
    }

    /// It has no connection any more.
    pub fn went(&mut self, device: &str, at: u64) {
        if let Some((_, to @ None)) = self.presence(device).up.last_mut() {
            *to = Some(at);
        }
    }

    /// How often a device has started from nothing.
    pub(super) fn epoch(&self, device: &str) -> usize {
        self.devices.get(device).map_or(0, |presence| presence.starts.len())
    }

    /// How many connections it has had.
    pub(super) fn connections(&self, device: &str) -> usize {
        self.devices.get(device).map_or(0, |presence| presence.up.len())
    }

    /// When it did so last.
    pub(super) fn last_start(&self, device: &str) -> Option<u64> {
        self.devices.get(device)?.starts.last().copied()
    }

    /// Whether a device was connected at any time between these two.
    pub fn was_up(&self, device: &str, from: u64, to: u64) -> bool {
        let Some(presence) = self.devices.get(device) else { return false };
        presence.up.iter().any(|(came, went)| *came <= to && went.is_none_or(|went| went >= from))
    }

    /// A call has ended because nobody of this user was there.
    pub fn claim_offline(&mut self, call: &str, user: &str, from: u64, to: u64) {
        self.offline.push(Offline { call: call.to_owned(), user: user.to_owned(), from, to });
    }

    /// Calls that ended so although somebody was there.
    pub fn not_offline(&self) -> Vec<String> {
        let there = |claim: &&Offline| self.user_was_there(&claim.user, claim.from, claim.to);
        let wrong = self.offline.iter().filter(there);
        wrong.map(|claim| format!("{} ended as offline; {} was there", claim.call, claim.user)).collect()
    }

    /// Whether a user had the same connection of some device all the time between these two.
    fn user_was_there(&self, user: &str, from: u64, to: u64) -> bool {
        let theirs = self.devices.iter().filter(|(device, _)| device.split('/').next() == Some(user));
        theirs
            .flat_map(|(_, presence)| &presence.up)
            .any(|(came, went)| *came <= from && went.is_none_or(|went| went >= to))
    }
}

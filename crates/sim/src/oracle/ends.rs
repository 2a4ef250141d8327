//! Whether the server had a reason to end a call.

use crate::{clock::EPOCH_MS, fault::Fault, ledger::Over, world::World};

/// By how much the clocks of nodes may disagree with the store's, and how long telling each other may take.
const SLACK_MS: u64 = 4_000;
/// How long a device may be without a connection.
const RECONNECT_MS: u64 = 20_000;

impl World {
    /// A call was ended at this moment by the server's clock.
    pub(crate) fn check_end(&self, call: &str, peer: Option<&str>, over: &Over, at: u64) {
        let any = |faults: &[Fault]| faults.iter().any(|fault| self.faults.has(*fault));
        // The clock can't be compared with ours, routes have been lost with everything else, or a client does not know
        // that it was given up.
        if any(&[Fault::Skew, Fault::Failover, Fault::Losses, Fault::Wipe, Fault::SlowReader]) {
            return;
        }
        let at = at.saturating_sub(EPOCH_MS);
        match over.reason.as_str() {
            // A node that can't prove that it lives is as good as dead, and so are its connections.
            "offline" if !any(&[Fault::StoreCut, Fault::StoreAway, Fault::StoreSlow, Fault::Hole]) => {
                // The node may have noticed before the client did: to be looked at later.
                let Some(peer) = peer else { return };
                self.ledger().claim_offline(call, peer, at.saturating_sub(SLACK_MS), at + SLACK_MS);
            }
            "connection_lost" if !any(&[Fault::StoreCut, Fault::Hole]) => {
                let since = (at + SLACK_MS).saturating_sub(RECONNECT_MS);
                let until = at.saturating_sub(SLACK_MS);
                let ledger = self.ledger();
                let Some((caller, callee)) = ledger.parties(call) else { return };
                if ledger.was_up(caller, since, until) && ledger.was_up(callee, since, until) {
                    let text = format!("{call} ended as connection_lost; {caller} and {callee} were there");
                    drop(ledger);
                    self.violated("no reason", text);
                }
            }
            _ => {}
        }
    }
}

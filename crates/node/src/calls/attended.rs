//! The calls that a device connected here takes part in. A gateway hears what becomes of these, and of no others: of a call
//! whose devices have come back elsewhere it does not even hear the end, so that does not count as one of ours.

use ringback_call::{Call, Link, Side};

use super::Calls;

impl Calls {
    /// Whether the call lives, and a device that takes part is connected to this gateway.
    pub(super) fn attends(&self, call: &Call) -> bool {
        !call.has_ended() && Side::BOTH.into_iter().any(|side| self.is_here(call, side))
    }

    /// Whether this is the gateway that a live call counts at: where its caller is. While the caller is away, that is
    /// where the one is who is told of it: the callee who has answered.
    pub(super) fn is_ours(&self, call: &Call) -> bool {
        if self.is_here(call, Side::Caller) {
            return true;
        }
        call.state.dialog().is_some()
            && call.caller_leg.absent_since.is_some()
            && self.is_here(call, Side::Callee)
    }

    fn is_here(&self, call: &Call, side: Side) -> bool {
        call.legs(side).iter().any(|leg| {
            let Link { node, connection } = &leg.link;
            node == self.cluster.node() && self.registry.has(call.user(side), &leg.device, *connection)
        })
    }
}

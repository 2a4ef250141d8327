//! What devices have seen is taken out of their mailboxes, and what a lost history has handed out is not used again.

use std::ops::RangeInclusive;

use crate::{
    Ack, Call, Decision, DeviceId, Endpoint, Negotiation, Outcome, PerSide, Rules, Side, Timestamp, Trim,
    UserId,
};

use super::draft::Draft;
use crate::party::Party;

impl Rules {
    /// A device says what it has seen. Nothing is stored where nothing can be taken out.
    pub(super) fn seen(
        &self,
        call: &Call,
        user: &UserId,
        device: &DeviceId,
        seq: u64,
        at: Timestamp,
    ) -> Decision {
        let mut draft = Draft::new(call, at);
        let sender = Endpoint { user: user.clone(), device: device.clone() };
        if trim(&mut draft, &sender, seq) {
            draft.decide(self, Ack::Done)
        } else {
            Decision::unchanged(Ack::Done)
        }
    }

    /// Numbers that devices may have met in a history which the store has lost are not used again: what follows
    /// would be taken for something that was delivered already.
    pub(super) fn rewritten(
        &self,
        call: &Call,
        lost: &PerSide<Option<RangeInclusive<u64>>>,
        outcome: Option<&Outcome>,
        at: Timestamp,
    ) -> Decision {
        let over = outcome.filter(|_| !call.has_ended());
        if over.is_none() && Side::BOTH.into_iter().all(|side| lost[side].is_none()) {
            return Decision::unchanged(Ack::Done);
        }
        let mut draft = Draft::new(call, at);
        for side in Side::BOTH {
            if let Some(lost) = &lost[side] {
                draft.call.mailboxes[side].skip(lost);
            }
        }
        if let Some(outcome) = over {
            draft.end_because(outcome.reason, outcome.by.clone(), outcome.detail.clone());
        }
        draft.decide(self, Ack::Done)
    }
}

/// Bounds what is kept for devices that never say what they have seen.
pub(super) fn bound(draft: &mut Draft, max_unseen: u64) {
    for side in Side::BOTH {
        let through = draft.call.mailboxes[side].all_but(max_unseen);
        take_out(draft, side, through);
    }
}

/// Takes out what the sender has seen, if its device is bound to the call. An offer that awaits its answer stays, with
/// all that follows it: the device may have to be told again.
pub(super) fn trim(draft: &mut Draft, sender: &Endpoint, seen: u64) -> bool {
    match Party::of(&draft.call, sender) {
        Party::Bound(side) => take_out(draft, side, seen),
        Party::Rung | Party::Loser | Party::Stranger => false,
    }
}

fn take_out(draft: &mut Draft, side: Side, through: u64) -> bool {
    let keep = match draft.call.state.dialog() {
        Some(dialog) if dialog.negotiation == Negotiation::Open(side.other()) => Some(dialog.offered),
        Some(_) | None => None,
    };
    match draft.call.mailboxes[side].trim(through, keep) {
        Some(entries) => {
            draft.trims.push(Trim { side, entries });
            true
        }
        None => false,
    }
}

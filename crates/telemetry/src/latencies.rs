//! How long it took to store a call's changes and to send what they say: gateways measure it, and tell with a later note.

use std::collections::HashMap;

use ringback_call::{DeviceId, Millis, Side};
use ringback_store::record::{Measured, NoteRecord};

/// What is known of that, by what it was measured of.
#[derive(Debug, Default)]
pub struct Latencies {
    stored: HashMap<u64, u64>,
    delivered: HashMap<(Side, u64), Vec<(DeviceId, Millis)>>,
}

impl Latencies {
    /// Out of a call's log.
    pub fn of(notes: &[(u64, NoteRecord)]) -> Self {
        let mut known = Self::default();
        for measured in notes.iter().flat_map(|(_, record)| &record.measured) {
            match measured {
                Measured::Stored(note, us) => {
                    known.stored.insert(*note, *us);
                }
                Measured::Delivered(side, seq, device, ms) => {
                    known.delivered.entry((*side, *seq)).or_default().push((device.clone(), *ms));
                }
            }
        }
        known
    }

    /// The microseconds it took to store the change with this note, if its gateway has told.
    pub fn stored_us(&self, note: u64) -> Option<u64> {
        self.stored.get(&note).copied()
    }

    /// The devices that an entry of a mailbox was sent to, as far as their gateways have told, and the milliseconds from
    /// the decision to then. One that missed it first is there twice where it got it twice.
    pub fn delivered(&self, side: Side, seq: u64) -> &[(DeviceId, Millis)] {
        self.delivered.get(&(side, seq)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use ringback_call::{NodeId, Note, StateName, Step, Timestamp, What};

    use super::*;

    fn note(seq: u64, measured: Vec<Measured>) -> (u64, NoteRecord) {
        let step = Step { what: What::Seen, by: None, seen: 0, state: StateName::Ringing, told: Vec::new() };
        let node = NodeId::new("gw-1").unwrap();
        (seq, NoteRecord { at: Timestamp(1), node, note: Note::Step(step), queued_us: None, measured })
    }

    #[test]
    fn what_later_notes_tell_is_found_by_what_it_is_of() {
        let phone = DeviceId::new("phone").unwrap();
        let notes = [
            note(1, Vec::new()),
            note(2, vec![Measured::Stored(1, 700)]),
            note(3, vec![Measured::Delivered(Side::Callee, 1, phone.clone(), 4)]),
        ];
        let known = Latencies::of(&notes);
        assert_eq!((known.stored_us(1), known.stored_us(2)), (Some(700), None));
        assert_eq!(known.delivered(Side::Callee, 1), [(phone, 4)]);
        assert!(known.delivered(Side::Caller, 1).is_empty());
    }
}

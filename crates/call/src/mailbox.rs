//! The numbering of one side's mailbox. The entries themselves are the store's; what is here decides which of them
//! must be there, so that a gateway can *prove* that a device which says what it has seen has missed nothing else.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::stored::is_default;

/// No number is greater: JavaScript counts exactly so far (2^53 - 1), and nothing that is added here overflows.
pub(crate) const GREATEST: u64 = (1 << 53) - 1;

/// How far numbers jump over what a lost history may have handed out.
const JUMP: u64 = 1_000;

/// What was put into a side's mailbox, and what has been taken out again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mailbox {
    /// The number of the last entry. They are numbered from 1; only [`Void`] is left out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub last: u64,
    /// Entries after this one are for the bound device alone; `None` while none is bound.
    #[serde(default, skip_serializing_if = "is_default")]
    pub own: Option<u64>,
    /// Entries after `own` up to this one have been taken out: the bound device has seen them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trimmed: u64,
    /// The newest range of numbers that were never used.
    #[serde(default, skip_serializing_if = "is_default")]
    pub void: Option<Void>,
}

/// Numbers that were never used, in this history: the store lost one that may have used them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Void {
    /// From here on a device may have been told something else by that history.
    pub from: u64,
    /// The last number before.
    pub after: u64,
    /// The last of them.
    pub through: u64,
}

impl Mailbox {
    /// Of a side whose device is bound from the start.
    pub(crate) fn bound() -> Self {
        Self { own: Some(0), ..Self::default() }
    }

    /// Whether the rules can have made it: they count on this.
    pub(crate) fn is_sound(&self) -> bool {
        let Self { last, own, trimmed, void } = *self;
        let in_order = void.is_none_or(|void| void.after <= void.through && void.through <= last);
        last <= GREATEST && own.unwrap_or_default().max(trimmed) <= last && in_order
    }

    /// The number of a new entry.
    pub(crate) const fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// What follows is for one device.
    pub(crate) const fn bind(&mut self) {
        self.own = Some(self.last);
    }

    /// The numbers that a device has to be given which has seen everything up to `seen`, oldest first; each of them
    /// is in the store. `None` where that can't be: some are gone, or `seen` is of another history.
    pub fn unread(&self, seen: u64, is_bound: bool) -> Option<Vec<RangeInclusive<u64>>> {
        let lost = self.void.is_some_and(|void| void.from <= seen && seen < void.through);
        if seen > self.last || lost {
            return None;
        }
        let last = match self.own {
            Some(own) if !is_bound => own,
            Some(own) if seen.max(own) < self.trimmed => return None,
            Some(_) | None => self.last,
        };
        let mut ranges = match self.void {
            Some(void) => vec![seen + 1..=last.min(void.after), (seen + 1).max(void.through + 1)..=last],
            None => vec![seen + 1..=last],
        };
        ranges.retain(|range| !range.is_empty());
        Some(ranges)
    }

    /// The entry up to which one would have to take out to keep so many.
    pub(crate) fn all_but(&self, keep: u64) -> u64 {
        match self.void {
            Some(void) if self.last - void.through < keep => {
                void.after.saturating_sub(keep - (self.last - void.through))
            }
            Some(_) | None => self.last.saturating_sub(keep),
        }
    }

    /// Takes out what the bound device has seen, but nothing from `keep` on. Returns what that was.
    pub(crate) fn trim(&mut self, seen: u64, keep: Option<u64>) -> Option<RangeInclusive<u64>> {
        let gone = self.trimmed.max(self.own?);
        let through = seen.min(self.last).min(keep.map_or(u64::MAX, |keep| keep.saturating_sub(1)));
        if through <= gone {
            return None;
        }
        self.trimmed = through;
        // A void is as good as trimmed; it is larger than any real range, so the store is spared it.
        let first = match self.void {
            Some(void) if through <= void.through => return None,
            Some(void) if gone < void.through => void.through + 1,
            Some(_) | None => gone + 1,
        };
        Some(first..=through)
    }

    /// Another history has handed out these numbers: none of them is used again.
    pub(crate) fn skip(&mut self, lost: &RangeInclusive<u64>) {
        let after = self.last;
        self.last = after.max(*lost.end()) + JUMP;
        self.void = Some(Void { from: *lost.start(), after, through: self.last });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox(last: u64, own: Option<u64>) -> Mailbox {
        Mailbox { last, own, ..Mailbox::default() }
    }

    #[test]
    fn what_was_not_seen_is_unread() {
        assert_eq!(mailbox(5, Some(0)).unread(3, true), Some(vec![4..=5]));
        assert_eq!(mailbox(5, Some(0)).unread(5, true), Some(vec![]));
        assert_eq!(mailbox(5, Some(0)).unread(6, true), None, "of another history");
    }

    #[test]
    fn entries_for_the_bound_device_are_no_loss_to_others() {
        let mut mailbox = mailbox(9, Some(2));
        assert_eq!(mailbox.unread(1, false), Some(vec![2..=2]));
        assert_eq!(mailbox.trim(7, None), Some(3..=7));
        assert_eq!(mailbox.unread(1, false), Some(vec![2..=2]));
        assert_eq!(mailbox.unread(1, true), None, "3 to 7 are gone");
        assert_eq!(mailbox.unread(7, true), Some(vec![8..=9]));
    }

    #[test]
    fn nothing_is_trimmed_before_a_device_is_bound_nor_from_what_is_kept_on() {
        assert_eq!(mailbox(5, None).trim(5, None), None);
        let mut mailbox = mailbox(9, Some(1));
        assert_eq!(mailbox.trim(8, Some(5)), Some(2..=4));
        assert_eq!(mailbox.trim(8, Some(5)), None, "again");
        assert_eq!(mailbox.trim(99, None), Some(5..=9), "no further than there is");
    }

    #[test]
    fn a_lost_history_leaves_a_void_that_nobody_reads() {
        let mut mailbox = mailbox(10, Some(0));
        mailbox.skip(&(11..=12));
        assert_eq!((mailbox.last, mailbox.next()), (1_012, 1_013));
        assert_eq!(mailbox.unread(9, true), Some(vec![10..=10, 1_013..=1_013]));
        assert_eq!(mailbox.unread(10, true), Some(vec![1_013..=1_013]));
        assert_eq!(mailbox.unread(12, true), None, "it has seen what is lost");
        assert_eq!(mailbox.unread(1_012, true), Some(vec![1_013..=1_013]), "told by a snapshot");
        assert_eq!((mailbox.all_but(1), mailbox.all_but(3)), (1_012, 8), "a void is no entry");
        assert_eq!(mailbox.trim(1_013, None), Some(1_013..=1_013));
        assert_eq!(mailbox.unread(1_013, true), Some(vec![]));
    }

    #[test]
    fn who_has_met_a_number_that_means_two_things_starts_anew() {
        let mut mailbox = mailbox(10, Some(0));
        mailbox.skip(&(9..=12));
        assert_eq!(mailbox.unread(8, true), Some(vec![9..=10]), "it has met the ones before");
        assert_eq!(mailbox.unread(9, true), None, "nobody knows which ninth it has met");
        assert_eq!(mailbox.unread(10, true), None);
    }
}

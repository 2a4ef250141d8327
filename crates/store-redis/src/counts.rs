//! How far a node has heard its channels.
//!
//! Every message on a node's channel in a partition has a number (`publish.lua`). A number left out is a message that
//! was missed: the server still knows what it was, if it was one of the last [`REMEMBERED`]. A number lower than one
//! heard before means that the server has lost what it counted.

use std::collections::HashMap;

use ringback_store::Partition;

/// Messages that the server can still tell of (the 64 in `publish.lua`).
pub(crate) const REMEMBERED: u32 = 64;

/// What a message's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is the next one, or the first that is known.
    InTurn,
    /// Those from `first` to `last` were missed.
    Missed { first: u32, last: u32 },
    /// It counts from another start: the count was lost.
    Restarted,
}

/// The last numbers heard, by node and partition.
#[derive(Debug, Default)]
pub(crate) struct Counts(HashMap<(String, u16), u32>);

impl Counts {
    /// A message with this number has come.
    pub(crate) fn message(&mut self, node: &str, partition: Partition, number: u32) -> Heard {
        self.step(node, partition, number, number.wrapping_sub(1))
    }

    /// A probe says that this was the number of the last message.
    pub(crate) fn probe(&mut self, node: &str, partition: Partition, number: u32) -> Heard {
        self.step(node, partition, number, number)
    }

    /// Takes `number` as the last one heard; everything up to `all_up_to` should have been heard before.
    fn step(&mut self, node: &str, partition: Partition, number: u32, all_up_to: u32) -> Heard {
        let key = (node.to_owned(), partition.0);
        let Some(before) = self.0.insert(key, number) else { return Heard::InTurn };
        // Numbers wrap around; a difference of more than half the circle is one backwards.
        match all_up_to.wrapping_sub(before) {
            0 => Heard::InTurn,
            missed if missed < u32::MAX / 2 => {
                Heard::Missed { first: before.wrapping_add(1), last: all_up_to }
            }
            _ => Heard::Restarted,
        }
    }

    /// Of a node that does not listen any more nothing is kept.
    pub(crate) fn keep(&mut self, nodes: &[String]) {
        self.0.retain(|(node, _), _| nodes.contains(node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: Partition = Partition(3);

    #[test]
    fn what_comes_in_turn_is_no_news() {
        let mut counts = Counts::default();
        assert_eq!(counts.probe("n", P, 40), Heard::InTurn, "nothing was known before");
        assert_eq!(counts.message("n", P, 41), Heard::InTurn);
        assert_eq!(counts.message("other", P, 7), Heard::InTurn);
        assert_eq!(counts.probe("n", P, 41), Heard::InTurn);
        assert_eq!(counts.message("n", P, 42), Heard::InTurn);
    }

    #[test]
    fn a_gap_names_what_was_missed() {
        let mut counts = Counts::default();
        counts.message("n", P, 1);
        assert_eq!(counts.message("n", P, 4), Heard::Missed { first: 2, last: 3 });
        assert_eq!(counts.message("n", P, 5), Heard::InTurn, "it is told once");
        assert_eq!(counts.probe("n", P, 6), Heard::Missed { first: 6, last: 6 }, "the last one too");
    }

    #[test]
    fn a_count_that_begins_anew_is_noticed() {
        let mut counts = Counts::default();
        counts.message("n", P, 900);
        assert_eq!(counts.message("n", P, 1), Heard::Restarted);
        assert_eq!(counts.message("n", P, 2), Heard::InTurn);
        assert_eq!(counts.probe("n", P, 0), Heard::Restarted);
    }

    #[test]
    fn numbers_wrap_around() {
        let mut counts = Counts::default();
        counts.message("n", P, u32::MAX);
        assert_eq!(counts.message("n", P, 0), Heard::InTurn);
        assert_eq!(counts.message("n", P, 2), Heard::Missed { first: 1, last: 1 });
    }
}

//! Which slot of a cluster a partition is, and whose the slots are.

use std::ops::RangeInclusive;

use fred::{
    types::{Value, config::Server},
    util::redis_keyslot,
};
use ringback_store::Partition;

use crate::reply::{self, Unexpected};

/// The slot of a partition's keys: CRC16 of the hash tag.
pub(crate) fn slot_of(partition: Partition) -> u16 {
    redis_keyslot(partition.to_string().as_bytes())
}

/// The primaries of a cluster and their slots, as one of its nodes sees them.
#[derive(Debug, Default)]
pub(crate) struct Slots(Vec<(RangeInclusive<u16>, Server)>);

impl Slots {
    /// Reads the reply of `CLUSTER SLOTS`: a list of [first, last, primary, replicas...], where a node is
    /// [address, port, ...] and a missing address stands for the one we asked.
    pub(crate) fn read(reply: Value, asked: &Server) -> Result<Self, Unexpected> {
        let mut ranges = Vec::new();
        for row in reply::list(reply)? {
            let mut row = reply::list(row)?.into_iter();
            let first = reply::integer(reply::next(&mut row)?)?;
            let last = reply::integer(reply::next(&mut row)?)?;
            let mut primary = reply::list(reply::next(&mut row)?)?.into_iter();
            let host = match reply::next(&mut primary)? {
                Value::Null => String::new(),
                host => reply::text(host)?,
            };
            let host = if host.is_empty() || host == "?" { asked.host.to_string() } else { host };
            let port = reply::integer(reply::next(&mut primary)?)?;
            let narrow = |number: i64| u16::try_from(number).map_err(|_| Unexpected("a slot or a port"));
            ranges.push((narrow(first)?..=narrow(last)?, Server::from((host, narrow(port)?))));
        }
        Ok(Self(ranges))
    }

    /// Whose a slot is; `None` where it is nobody's.
    pub(crate) fn owner(&self, slot: u16) -> Option<&Server> {
        self.0.iter().find(|(range, _)| range.contains(&slot)).map(|(_, server)| server)
    }

    /// Everybody who has slots.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &Server> {
        self.0.iter().map(|(_, server)| server)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringback_store::Partitions;

    #[test]
    fn slots_are_those_of_redis() {
        // As Redis 7.0 answers `CLUSTER KEYSLOT {p0}` and so on.
        assert_eq!([0, 1, 63].map(|n| slot_of(Partition(n))), [15_882, 11_819, 12_555]);
    }

    #[test]
    fn partitions_spread_evenly_over_three_primaries() {
        let mut counts = [0; 3];
        for partition in Partitions::DEFAULT.all() {
            counts[usize::from(slot_of(partition)) * 3 / 16_384] += 1;
        }
        assert_eq!(counts, [20, 20, 24]);
        let slots: std::collections::BTreeSet<u16> = Partitions::DEFAULT.all().map(slot_of).collect();
        assert_eq!(slots.len(), 64, "no two partitions share a slot");
    }

    #[test]
    fn a_missing_address_is_the_one_that_was_asked() {
        let node = Value::Array(vec![Value::Null, Value::Integer(7001), "id".into()]);
        let row = Value::Array(vec![Value::Integer(0), Value::Integer(16_383), node]);
        let asked = Server::from(("10.0.0.1", 7000));
        let slots = Slots::read(Value::Array(vec![row]), &asked).unwrap();
        assert_eq!(slots.owner(42), Some(&Server::from(("10.0.0.1", 7001))));
    }
}

//! What a node of a Cluster says of all of it.

use std::{collections::BTreeMap, time::Duration};

use fred::types::config::Server;
use ringback_store::Partitions;

use super::{
    Asked,
    visit::{Trouble, Visit},
};
use crate::{
    reply,
    slots::{self, Slots},
};

/// One node's view.
#[derive(Clone, Debug)]
pub struct ClusterView {
    /// Whether it takes the Cluster to be in order.
    pub is_ok: bool,
    /// How many of the 16384 slots somebody serves, as far as it knows.
    pub served_slots: usize,
    /// Nodes that it knows of.
    pub nodes: usize,
    /// How many partitions each primary has. One without slots is not among them.
    pub partitions: BTreeMap<String, usize>,
    /// Partitions that are nobody's.
    pub orphans: usize,
}

impl ClusterView {
    /// The primaries' addresses.
    pub fn primaries(&self) -> Vec<String> {
        self.partitions.keys().cloned().collect()
    }
}

/// The view to go by: of one that takes the Cluster to be in order, if there is one.
pub(super) fn best(views: &[Asked<ClusterView>]) -> Option<&ClusterView> {
    let known = || views.iter().filter_map(|view| view.answer.as_ref().ok());
    known().find(|view| view.is_ok).or_else(|| known().next())
}

pub(super) async fn view(
    visit: Visit,
    asked: &Server,
    partitions: Partitions,
    limit: Duration,
) -> Result<ClusterView, Trouble> {
    visit
        .ask(limit, async |guest| {
            let info = reply::text(guest.ask("CLUSTER", &["INFO"]).await?)?;
            let slots = Slots::read(guest.ask("CLUSTER", &["SLOTS"]).await?, asked)?;
            Ok(read(&info, &slots, partitions))
        })
        .await
}

fn read(info: &str, slots: &Slots, partitions: Partitions) -> ClusterView {
    let field =
        |name: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
    let number = |name: &str| field(name).and_then(|text| text.parse().ok()).unwrap_or_default();
    // A primary that has slots, but none of a partition's, gateways are connected to no less.
    let mut shares: BTreeMap<String, usize> = slots.owners().map(|server| (server.to_string(), 0)).collect();
    let mut orphans = 0;
    for partition in partitions.all() {
        match slots.owner(slots::slot_of(partition)) {
            Some(owner) => *shares.entry(owner.to_string()).or_default() += 1,
            None => orphans += 1,
        }
    }
    ClusterView {
        is_ok: field("cluster_state") == Some("ok"),
        served_slots: number("cluster_slots_ok"),
        nodes: number("cluster_known_nodes"),
        partitions: shares,
        orphans,
    }
}

#[cfg(test)]
mod tests {
    use fred::types::Value;

    use super::*;

    #[test]
    fn partitions_are_shared_out_as_slots_are() {
        let row = |first: i64, last: i64, port: i64| {
            let node = Value::Array(vec!["10.0.0.1".into(), Value::Integer(port), "id".into()]);
            Value::Array(vec![Value::Integer(first), Value::Integer(last), node])
        };
        let asked = Server::from(("10.0.0.1", 1));
        // The last third is nobody's.
        let slots = Slots::read(Value::Array(vec![row(0, 5460, 1), row(5461, 10922, 2)]), &asked).unwrap();
        let info = "cluster_state:fail\r\ncluster_slots_ok:10923\r\ncluster_known_nodes:3\r\n";
        let view = read(info, &slots, Partitions::DEFAULT);
        let shares: Vec<usize> = view.partitions.values().copied().collect();
        assert_eq!((shares, view.orphans), (vec![20, 20], 24));
        assert!(!view.is_ok && view.served_slots == 10_923 && view.nodes == 3);
    }
}

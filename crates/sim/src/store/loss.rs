//! Failovers: what was newest is gone.

use std::{sync::Arc, time::Duration};

use ringback_store::{BusEvent, Partition, memory::Snapshot};
use tokio::time::sleep;

use super::Depot;
use crate::mutant::Mutant;

/// A primary that dies, and what takes its place.
#[derive(Clone, Debug)]
pub struct Failover {
    /// What it held.
    pub partitions: Vec<Partition>,
    /// What is left of that.
    pub kept: Kept,
    /// How long nobody serves.
    pub away: Duration,
}

/// What another primary has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All that was acknowledged; for so long before the end nothing was.
    Acknowledged(Duration),
    /// All but the commits of so long before the end.
    AllBut(Duration),
    /// Nothing.
    Nothing,
}

impl Depot {
    /// Performs one, and returns once another primary serves.
    pub async fn fail_over(self: &Arc<Self>, failover: &Failover) {
        let Failover { partitions, kept, away } = failover;
        self.trace.note("store", format_args!("{partitions:?} will fail over, and keep {kept:?}"));
        let from = self.history.now();
        let replica = self.memory.snapshot(partitions);
        let left = match *kept {
            Kept::Acknowledged(behind) => {
                self.ground().doom(partitions);
                sleep(behind).await;
                replica
            }
            Kept::AllBut(behind) => {
                sleep(behind).await;
                replica
            }
            Kept::Nothing => Snapshot::empty(partitions),
        };
        self.history.failing_over(partitions, from);
        self.set_away(partitions, true);
        self.memory.restore(&left);
        self.ground().undoom(partitions);
        sleep(*away).await;
        match kept {
            Kept::Acknowledged(_) => {}
            Kept::AllBut(_) => self.history.lost(partitions, from),
            Kept::Nothing => self.history.lost(partitions, 0),
        }
        self.set_away(partitions, false);
        for line in self.lines() {
            if self.mutant != Some(Mutant::NothingPutBack) {
                let after = self.throw(|dice| dice.ms(0, 3_000));
                line.tell(after, BusEvent::Regressed(partitions.clone()));
            }
        }
    }
}

//! What a seed makes of a simulation: how many of everything, and which faults.

use std::{fmt, time::Duration};

use ringback_store::Partitions;

use crate::{
    dice::Dice,
    fault::{Faults, Menu},
    mutant::Mutant,
};

/// What somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which faults there may be.
    pub menu: Menu,
    /// What is wrong on purpose.
    pub mutant: Option<Mutant>,
    /// Whether everything that happens is printed.
    pub printed: bool,
}

/// A seed's plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many devices each user has.
    pub devices: Vec<usize>,
    /// How many places for nodes there are.
    pub nodes: usize,
    /// Into how many parts the store is cut.
    pub partitions: Partitions,
    /// How long calls are placed and faults happen.
    pub active: Duration,
    /// For how long a call waits for a callee's device that is woken, in milliseconds.
    pub waking_ms: u64,
    /// Whether the application has its say in calls.
    pub policy: bool,
    /// What can go wrong.
    pub faults: Faults,
}

impl Plan {
    /// The plan of these dice.
    pub fn draw(menu: &Menu, dice: &Dice) -> Self {
        let mut dice = dice.of("plan");
        let users = dice.between(2, 5);
        let devices = (0..users).map(|_| [1, 1, 1, 2, 2, 3][dice.below(6)]).collect();
        let nodes = [1, 2, 2, 3, 3, 4][dice.below(6)];
        let partitions = Partitions::new([1, 2, 4][dice.below(3)]).unwrap_or(Partitions::DEFAULT);
        let active = Duration::from_secs(dice.between(40, 140));
        let faults = Faults::draw(menu, &mut dice.of("faults"));
        let waking_ms = [0, 0, 10_000][dice.of("waking").below(3)];
        let policy = dice.of("policy").below(3) == 0;
        Self { devices, nodes, partitions, active, waking_ms, policy, faults }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { devices, nodes, partitions, active, waking_ms, policy, faults } = self;
        let count = partitions.count();
        write!(f, "devices {devices:?}, {nodes} nodes, {count} partitions, {active:?}")?;
        if *policy {
            f.write_str(", a policy")?;
        }
        if *waking_ms > 0 {
            write!(f, ", devices are woken")?;
        }
        write!(f, "; faults: {faults}")
    }
}

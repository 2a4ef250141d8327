//! How the ground lies under a call on the store.

use std::{collections::BTreeSet, time::Duration};

use ringback_store::Partition;

use crate::{
    dice::Dice,
    fault::{Fault, Faults},
};

/// The state of the store as all nodes meet it.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) dice: Dice,
    weather: Weather,
    away: BTreeSet<Partition>,
    /// What is written here now will be lost before a replica has it.
    doomed: BTreeSet<Partition>,
}

/// Probabilities of what happens to one call or message.
#[derive(Debug, Default)]
pub(super) struct Weather {
    slow: f64,
    fails: f64,
    unknown: f64,
    pub(super) drop: f64,
    pub(super) double: f64,
    pub(super) delay_ms: u64,
}

/// What will become of one call.
pub(super) struct Fate {
    pub(super) there: Duration,
    pub(super) back: Duration,
    pub(super) fails: bool,
    pub(super) unknown: bool,
    /// How long a store that is away lets its caller wait.
    pub(super) patience: Duration,
    pub(super) faults: Vec<Fault>,
}

impl Ground {
    pub(super) fn new(faults: &Faults, dice: Dice) -> Self {
        let weather = Weather {
            slow: faults.strength(Fault::StoreSlow) * 0.06,
            fails: faults.strength(Fault::StoreFails) * 0.06,
            unknown: faults.strength(Fault::StoreUnknown) * 0.06,
            drop: faults.strength(Fault::BusDrop) * 0.3,
            double: faults.strength(Fault::BusDouble) * 0.3,
            delay_ms: (faults.strength(Fault::BusDelay) * 800.0) as u64,
        };
        Self { dice, weather, away: BTreeSet::new(), doomed: BTreeSet::new() }
    }

    pub(super) fn calm(&mut self) {
        self.weather = Weather::default();
    }

    pub(super) fn weather(&mut self) -> (&Weather, &mut Dice) {
        (&self.weather, &mut self.dice)
    }

    pub(super) fn set_away(&mut self, partitions: &[Partition], away: bool) {
        for partition in partitions {
            if away {
                self.away.insert(*partition)
            } else {
                self.away.remove(partition)
            };
        }
    }

    pub(super) fn is_away(&self, partition: Partition) -> bool {
        self.away.contains(&partition)
    }

    pub(super) fn doom(&mut self, partitions: &[Partition]) {
        self.doomed.extend(partitions);
    }

    pub(super) fn undoom(&mut self, partitions: &[Partition]) {
        self.doomed.retain(|partition| !partitions.contains(partition));
    }

    pub(super) fn is_doomed(&self, partition: Partition) -> bool {
        self.doomed.contains(&partition)
    }

    pub(super) fn fate(&mut self) -> Fate {
        let (weather, dice) = (&self.weather, &mut self.dice);
        let mut fate = Fate {
            there: dice.ms(0, 2),
            back: dice.ms(0, 2),
            fails: dice.chance(weather.fails),
            unknown: dice.chance(weather.unknown),
            patience: if dice.chance(0.5) { dice.ms(0, 20) } else { Duration::MAX },
            faults: Vec::new(),
        };
        let slow = dice.chance(weather.slow);
        let long = if dice.chance(0.5) { dice.ms(0, 300) } else { dice.ms(0, 3_500) };
        if slow {
            if dice.chance(0.5) {
                fate.there += long
            } else {
                fate.back += long
            }
            fate.faults.push(Fault::StoreSlow);
        }
        if fate.fails {
            fate.faults.push(Fault::StoreFails);
        }
        if fate.unknown {
            fate.faults.push(Fault::StoreUnknown);
        }
        fate
    }
}

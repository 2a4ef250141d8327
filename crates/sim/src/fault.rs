//! What can go wrong, and how much of it does.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::dice::Dice;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// A kind of fault. Each can be switched on alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[$doc])* $variant),* }

        impl Fault {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

faults! {
    /// A message from the store to a node is lost; within three seconds the node is told that it missed something.
    BusDrop = "bus-drop",
    /// Messages take their time, so that those of two partitions change their order.
    BusDelay = "bus-delay",
    /// A node's subscription to some partitions breaks, and what is published meanwhile is lost.
    BusCut = "bus-cut",
    /// A message arrives twice. No store does this: only when asked for.
    BusDouble = "bus-double",
    /// A call on the store takes long, perhaps longer than its caller waits: then it is applied after it has failed.
    StoreSlow = "store-slow",
    /// A call on the store fails before it is applied.
    StoreFails = "store-fails",
    /// A call on the store is applied, and its answer is lost.
    StoreUnknown = "store-unknown",
    /// A node is cut off from the store for a while.
    StoreCut = "store-cut",
    /// The store is away, for everybody or in some partitions.
    StoreAway = "store-away",
    /// A primary dies; its replica has all that was acknowledged, and takes its place.
    Failover = "failover",
    /// A primary dies; its replica lacks the newest commits, acknowledged or not.
    Losses = "losses",
    /// The store comes back empty.
    Wipe = "wipe",
    /// The store's clock jumps, and the machines' are wrong.
    Skew = "skew",
    /// A node is killed, and another is started in its place.
    Kill = "kill",
    /// A node is drained and replaced, as in a deploy.
    Deploy = "deploy",
    /// A client's connection is reset.
    Cut = "cut",
    /// A client's network swallows everything for a while.
    Hole = "hole",
    /// A client does not read for a while.
    SlowReader = "slow-reader",
    /// A page is loaded anew: its device comes back having forgotten everything.
    Reload = "reload",
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().copied().find(|fault| fault.name() == text);
        found.ok_or_else(|| format!("no such fault: {text}; there are all, none, {}", known()))
    }
}

/// Which faults a simulation may draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Menu {
    /// Each seed draws its own selection from all but these.
    AllBut(Vec<Fault>),
    /// These, in every seed.
    Only(Vec<Fault>),
}

impl Default for Menu {
    fn default() -> Self {
        Self::AllBut(Vec::new())
    }
}

impl FromStr for Menu {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |names: &str, mark: &str| {
            let names = names.split(',').filter(|name| !name.is_empty());
            names.map(|name| name.strip_prefix(mark).unwrap_or(name).parse()).collect::<Result<_, _>>()
        };
        match text.strip_prefix("all") {
            Some(but) => parse(but, "-").map(Self::AllBut),
            None if text == "none" => Ok(Self::Only(Vec::new())),
            None => parse(text, "").map(Self::Only),
        }
    }
}

impl fmt::Display for Menu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllBut(faults) => {
                f.write_str("all")?;
                faults.iter().try_for_each(|fault| write!(f, ",-{fault}"))
            }
            Self::Only(faults) if faults.is_empty() => f.write_str("none"),
            Self::Only(faults) => {
                f.write_str(&faults.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// The faults of one seed, each with its strength from 0 to 1.
#[derive(Clone, Debug, Default)]
pub struct Faults(BTreeMap<Fault, f64>);

impl Faults {
    /// Draws from a menu. A few faults that come often find what a few of each do not, so most seeds have few kinds.
    pub fn draw(menu: &Menu, dice: &mut Dice) -> Self {
        let appetite = [0.1, 0.25, 0.5][dice.below(3)];
        let mut faults = BTreeMap::new();
        for &fault in Fault::ALL {
            let strength = [0.15, 0.4, 1.0][dice.below(3)];
            let rarity = match fault {
                Fault::BusDouble => 0.0,
                Fault::Losses | Fault::Wipe => 0.4,
                _ => 1.0,
            };
            let drawn = dice.chance(appetite * rarity);
            let on = match menu {
                Menu::AllBut(but) => drawn && !but.contains(&fault),
                Menu::Only(only) => only.contains(&fault),
            };
            if on {
                faults.insert(fault, strength);
            }
        }
        Self(faults)
    }

    /// How much there is of a kind; 0 for none.
    pub fn strength(&self, fault: Fault) -> f64 {
        self.0.get(&fault).copied().unwrap_or_default()
    }

    /// Whether there is any of a kind.
    pub fn has(&self, fault: Fault) -> bool {
        self.0.contains_key(&fault)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (fault, strength) in &self.0 {
            write!(f, "{fault}={strength} ")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_is_written_as_it_is_read() {
        for text in ["all", "all,-losses,-wipe", "none", "kill", "bus-drop,kill"] {
            assert_eq!(text.parse::<Menu>().map(|menu| menu.to_string()), Ok(text.to_owned()));
        }
        assert!("kil".parse::<Menu>().is_err());
    }
}

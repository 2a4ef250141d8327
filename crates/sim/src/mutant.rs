//! Clusters with one rule taken out. A simulator that finds nothing in them would prove nothing about the right ones.

mod rules;

use std::{fmt, str::FromStr};

use ringback_node::mutants::{self, Decide, Mutant as Node};

macro_rules! mutants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// What is wrong with a cluster.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant { $($(#[$doc])* $variant),* }

        impl Mutant {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

mutants! {
    /// A connection passes an entry on although something before it is missing.
    GapsIgnored = "gaps-ignored",
    /// A message that was lost is never told.
    LossesUntold = "losses-untold",
    /// What the store has lost is not put back.
    NothingPutBack = "nothing-put-back",
    /// What is put back brings back none of its outcome events.
    PutBackUntold = "put-back-untold",
    /// The numbers of a history that the store has lost are used again.
    NumbersUsedAgain = "numbers-used-again",
    /// A node that is killed counts as alive for ever.
    DeadLiveOn = "dead-live-on",
    /// A late accept takes the call from the device that has it.
    SecondAcceptWins = "second-accept-wins",
    /// Candidates are forwarded as they come.
    NothingHeld = "nothing-held",
    /// Candidates that were held are forwarded last first.
    HeldBackwards = "held-backwards",
    /// A request that is sent again is applied again.
    DuplicatesApplied = "duplicates-applied",
    /// An offer is taken while the peer's is open.
    NoGlare = "no-glare",
    /// The devices that lost the race to answer are not told.
    LosersRingOn = "losers-ring-on",
    /// Time ends no call.
    NoDeadlines = "no-deadlines",
    /// What could not be written into users' logs at once is left unwritten.
    LogsLeft = "logs-left",
    /// The callee is told another reason than the caller.
    ReasonsDiffer = "reasons-differ",
}

impl Mutant {
    /// The faults without which it hardly shows; empty where any will do.
    pub const fn shows_by(self) -> &'static str {
        match self {
            Self::NumbersUsedAgain => "failover,losses,kill,reload,store-cut",
            Self::LogsLeft => "kill,store-cut,store-fails",
            Self::PutBackUntold => "failover,losses",
            _ => "all",
        }
    }

    /// Lets the nodes of this thread be so; `None` heals them. Some are the store's: see [`crate::store`].
    pub fn release(this: Option<Self>) {
        let decide: Option<Decide> = match this {
            Some(Self::SecondAcceptWins) => Some(rules::a_second_accept_wins),
            Some(Self::NothingHeld) => Some(rules::nothing_is_held),
            Some(Self::HeldBackwards) => Some(rules::held_backwards),
            Some(Self::DuplicatesApplied) => Some(rules::no_memory),
            Some(Self::NoGlare) => Some(rules::no_glare),
            Some(Self::LosersRingOn) => Some(rules::losers_ring_on),
            Some(Self::NoDeadlines) => Some(rules::no_deadlines),
            Some(Self::ReasonsDiffer) => Some(rules::reasons_differ),
            Some(Self::NumbersUsedAgain) => Some(rules::numbers_used_again),
            Some(
                Self::GapsIgnored
                | Self::LossesUntold
                | Self::NothingPutBack
                | Self::PutBackUntold
                | Self::DeadLiveOn
                | Self::LogsLeft,
            )
            | None => None,
        };
        mutants::release(Node {
            decide,
            ignores_gaps: this == Some(Self::GapsIgnored),
            leaves_logs: this == Some(Self::LogsLeft),
        });
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mutant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.iter().map(|mutant| mutant.name()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().copied().find(|mutant| mutant.name() == text);
        found.ok_or_else(|| format!("no such mutant: {text}; there are {}", known()))
    }
}

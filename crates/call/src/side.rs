//! The two sides of a call.

use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

use crate::stored::without_names;

/// Caller or callee (the protocol's `role`; SIP's UAC and UAS of the INVITE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Who placed the call.
    Caller,
    /// Who was called.
    Callee,
}

impl Side {
    /// Both, the caller first.
    pub const BOTH: [Self; 2] = [Self::Caller, Self::Callee];

    /// The peer's side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }

    /// As the protocol spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
        }
    }
}

/// One value for each side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub struct PerSide<T> {
    /// The caller's.
    pub caller: T,
    /// The callee's.
    pub callee: T,
}

without_names!(PerSide<T> { caller, callee });

impl<T> Index<Side> for PerSide<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }
}

impl<T> IndexMut<Side> for PerSide<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }
}

//! Who a connection belongs to.

use ringback_call::{DeviceId, Timestamp, UserId};

use crate::Grants;

/// Who a connection belongs to, until when, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`, of its tenant.
    pub user: UserId,
    /// The only device that may use the token, if it names one.
    pub device: Option<DeviceId>,
    /// The token's `exp`; `None` where it never expires (development).
    pub expires_at: Option<Timestamp>,
    /// What it lets its user do.
    pub grants: Grants,
}

impl Identity {
    /// Of a user about whom nothing else is said.
    pub fn of(user: UserId) -> Self {
        Self { user, device: None, expires_at: None, grants: Grants::default() }
    }

    /// Whether another token is of the same owner, and good for this device.
    pub fn is_renewed_by(&self, other: &Self, device: &DeviceId) -> bool {
        self.user == other.user && other.device.as_ref().is_none_or(|bound| bound == device)
    }
}

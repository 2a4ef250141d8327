//! Who a connection belongs to.

use std::{fmt, sync::Arc};

use ringback_call::{DeviceId, Timestamp, UserId};

use crate::Grants;

/// Who a connection belongs to, until when, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`.
    pub user: UserId,
    /// The application it is a user of, where a cluster serves several.
    pub tenant: Option<Tenant>,
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
        Self { user, tenant: None, device: None, expires_at: None, grants: Grants::default() }
    }

    /// Whether another token is of the same owner, and good for this device.
    pub fn is_renewed_by(&self, other: &Self, device: &DeviceId) -> bool {
        let same = (&self.user, &self.tenant) == (&other.user, &other.tenant);
        same && other.device.as_ref().is_none_or(|bound| bound == device)
    }
}

/// One of several applications that a cluster serves: 1–64 of `A-Za-z0-9._-`. Not private.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// Checks and takes the name.
    pub fn new(name: &str) -> Option<Self> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=64).contains(&name.len()) && name.bytes().all(valid)).then(|| Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

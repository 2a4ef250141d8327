//! What one address may have of a gateway: connections, attempts to connect, and refused hellos.
//!
//! An address stands for whoever shares it, so the bounds are wide; and one that can't be kept count of is let in, since the
//! bounds of the whole gateway hold all the same.

mod counted;

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::Quota;
use tokio::time::Instant;

use crate::{
    config::AddressLimits,
    rate::{Held, Shares},
};

pub use counted::{Counted, OneOf};

/// Addresses that are remembered at most, of those that have been here lately.
const MAX_KNOWN: usize = 50_000;
/// When an address that has as many connections as it may should try again.
const LATER: Duration = Duration::from_secs(10);
/// For each attempt to connect that may be, so many are answered; more are closed without a word, which costs a tenth.
const ANSWERED: NonZeroU32 = NonZeroU32::new(2).unwrap();
/// How long an address is not let in of which too many connections have failed.
const BARRED: Duration = Duration::from_secs(30);

/// Where somebody comes from, as far as it is told apart: an IPv4 address, or the /64 of an IPv6 one, which is what one
/// customer has at the least.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(IpAddr);

impl Address {
    /// Of this address.
    pub fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 => v4,
        })
    }
}

/// It tells where somebody lives.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_ipv4() { "Address(v4)" } else { "Address(v6)" })
    }
}

/// Why an address is not let in, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    /// It has as many connections as it may.
    Connections(Duration),
    /// It connects too often.
    Rate(Duration),
    /// Too many of its hellos were refused.
    Failures(Duration),
}

/// What is kept of all addresses.
#[derive(Debug)]
pub(crate) struct Addresses {
    connections: Arc<Counted>,
    upgrades: Option<Shares<Address>>,
    /// Connections of any kind, of which those that are refused an upgrade are some.
    knocks: Option<Shares<Address>>,
    failures: Option<Shares<Address>>,
    /// Those that are not let in, and until when.
    barred: Mutex<HashMap<Address, Instant>>,
}

impl Addresses {
    pub(crate) fn new(limits: &AddressLimits) -> Self {
        let quota = |period: Duration, burst: u32| {
            let burst = NonZeroU32::new(burst)?;
            Some(Quota::with_period(period.checked_div(burst.get())?)?.allow_burst(burst))
        };
        let burst = NonZeroU32::new(limits.upgrade_burst).unwrap_or(NonZeroU32::MIN);
        let upgrades = NonZeroU32::new(limits.upgrades_per_second);
        let quota_of = |times| {
            upgrades.map(|rate| {
                Quota::per_second(rate.saturating_mul(times)).allow_burst(burst.saturating_mul(times))
            })
        };
        let failures = quota(Duration::from_secs(60), limits.failures_per_minute);
        Self {
            connections: Counted::new(limits.connections),
            upgrades: quota_of(NonZeroU32::MIN).map(|quota| Shares::new(quota, MAX_KNOWN)),
            knocks: quota_of(ANSWERED).map(|quota| Shares::new(quota, MAX_KNOWN)),
            failures: failures.map(|quota| Shares::new(quota, MAX_KNOWN)),
            barred: Mutex::default(),
        }
    }

    /// Whether a connection of an address is listened to at all. Beyond a number of refusals there is nothing left to be said.
    pub(crate) fn knock(&self, address: Address) -> bool {
        !matches!(self.knocks.as_ref().map(|knocks| knocks.check(&address)), Some(Err(Held::For(_))))
    }

    /// One more connection of an address, until what is returned is dropped.
    pub(crate) fn enter(self: &Arc<Self>, address: Address) -> Result<Stay, Crowded> {
        self.admit(address)?;
        if let Some(Err(Held::For(wait))) = self.upgrades.as_ref().map(|upgrades| upgrades.check(&address)) {
            return Err(Crowded::Rate(wait));
        }
        let one = self.connections.enter(address).ok_or(Crowded::Connections(LATER))?;
        Ok(Stay { addresses: Arc::clone(self), address, _one: one })
    }

    /// Whether an address is let in at all.
    pub(crate) fn admit(&self, address: Address) -> Result<(), Crowded> {
        let mut barred = self.barred();
        let Some(until) = barred.get(&address) else { return Ok(()) };
        let wait = until.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            barred.remove(&address);
            return Ok(());
        }
        Err(Crowded::Failures(wait))
    }

    /// Somebody from there could not say who they are.
    pub(crate) fn failed(&self, address: Address) {
        let failures = self.failures.as_ref().map(|failures| failures.check(&address));
        if !matches!(failures, Some(Err(Held::For(_)))) {
            return;
        }
        let (mut barred, now) = (self.barred(), Instant::now());
        if barred.len() >= MAX_KNOWN {
            barred.retain(|_, until| *until > now);
        }
        if barred.len() < MAX_KNOWN {
            barred.insert(address, now + BARRED);
        }
    }

    fn barred(&self) -> MutexGuard<'_, HashMap<Address, Instant>> {
        self.barred.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection of an address.
#[derive(Debug)]
pub(crate) struct Stay {
    addresses: Arc<Addresses>,
    address: Address,
    _one: OneOf,
}

impl Stay {
    pub(crate) fn failed(&self) {
        self.addresses.failed(self.address);
    }
}

#[cfg(test)]
mod tests;

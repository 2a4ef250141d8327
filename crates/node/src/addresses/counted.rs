//! So many of something for each address at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Address;

/// How many each address has; only of those that have any.
#[derive(Debug)]
pub struct Counted {
    most: usize,
    counts: Mutex<HashMap<Address, usize>>,
}

/// One of an address, until it is dropped.
#[derive(Debug)]
pub struct OneOf {
    all: Arc<Counted>,
    address: Address,
}

impl Counted {
    /// So many of each at most; 0: any number.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, counts: Mutex::default() })
    }

    /// One more of an address. `None`: it has as many as it may.
    pub fn enter(self: &Arc<Self>, address: Address) -> Option<OneOf> {
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if self.most > 0 && *count >= self.most {
            return None;
        }
        *count += 1;
        Some(OneOf { all: Arc::clone(self), address })
    }

    /// Whether nobody has any.
    pub fn is_empty(&self) -> bool {
        self.counts().is_empty()
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Address, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OneOf {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

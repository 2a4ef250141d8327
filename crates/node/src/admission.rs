//! How many connections a gateway takes, and how many it greets at once: a herd that comes back after a deploy must not
//! sink the gateway it comes to.

use std::sync::Arc;

use ringback_session::Departure;
use ringback_wire::CloseCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    addresses::{Addresses, Stay},
    config::Limits,
    strain::Strain,
};

pub use crate::addresses::{Address, Counted, Crowded, OneOf};

/// The doors.
#[derive(Debug)]
pub struct Admission {
    connections: Arc<Semaphore>,
    greetings: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    /// Whether there is too much to do to take anybody else.
    pub strain: Arc<Strain>,
}

/// Who wants to come in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Newcomer {
    /// From where, unless nothing is limited by that.
    pub address: Option<Address>,
    /// Whether it has been here before, and says that it comes back to its session.
    pub resumes: bool,
}

/// A place. Given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    _connection: OwnedSemaphorePermit,
    greeting: Option<OwnedSemaphorePermit>,
    stay: Option<Box<Stay>>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The gateway has as many connections as it takes.
    Connections,
    /// Too many are being greeted at the moment: worth trying again soon.
    Greetings,
    /// There is more to do than gets done.
    Overloaded,
    /// Its address has had its share.
    Address(Crowded),
}

impl Admission {
    /// Doors of this width.
    pub fn new(limits: &Limits) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(limits.connections)),
            greetings: Arc::new(Semaphore::new(limits.greetings)),
            addresses: Arc::new(Addresses::new(&limits.per_address)),
            strain: Arc::new(Strain::new(limits.lag)),
        }
    }

    /// Takes a place for a new connection.
    ///
    /// # Errors
    /// When there is none.
    pub fn enter(&self, newcomer: Newcomer) -> Result<Place, Full> {
        // First: who floods the gateway should not be told that it is full, and others not find it so.
        let stay = newcomer.address.map(|address| self.addresses.enter(address).map(Box::new));
        let stay = stay.transpose().map_err(Full::Address)?;
        // Its word is taken for it: nothing is known of a session yet. All other bounds are the same for both.
        if self.strain.is_too_much() && !newcomer.resumes {
            return Err(Full::Overloaded);
        }
        let connection = Arc::clone(&self.connections).try_acquire_owned().map_err(|_| Full::Connections)?;
        let greeting = Arc::clone(&self.greetings).try_acquire_owned().map_err(|_| Full::Greetings)?;
        Ok(Place { _connection: connection, greeting: Some(greeting), stay })
    }

    /// Whether a connection from an address is listened to, or closed without a word.
    pub fn knock(&self, from: Option<Address>) -> bool {
        from.is_none_or(|address| self.addresses.knock(address))
    }

    /// Whether an address is listened to, otherwise than by a connection.
    ///
    /// # Errors
    /// When it is not, for now.
    pub fn admit(&self, from: Option<Address>) -> Result<(), Crowded> {
        from.map_or(Ok(()), |address| self.addresses.admit(address))
    }

    /// Somebody from there could not say who they are.
    pub fn failed(&self, from: Option<Address>) {
        if let Some(address) = from {
            self.addresses.failed(address);
        }
    }
}

impl Place {
    /// The connection has been greeted, or will not be: somebody else may be.
    pub(crate) fn greeted(&mut self) {
        self.greeting = None;
    }

    /// There is no session, and this is why. A client that has left, or that the store could not serve, has done nothing.
    pub(crate) fn refused(&self, why: Departure) {
        use CloseCode::{BadFrame, BadToken, FrameTooLarge, NoHello};
        if matches!(why, Departure::Closed(BadToken | NoHello | BadFrame | FrameTooLarge)) {
            self.failed();
        }
    }

    /// The connection is over, and this is why. Who does not keep to the protocol, or to what may be asked, would only come
    /// back to go on like that.
    pub(crate) fn broken_off(&self, why: Departure) {
        use CloseCode::{BadFrame, FrameTooLarge, TooManyRequests};
        if matches!(why, Departure::Closed(BadFrame | FrameTooLarge | TooManyRequests)) {
            self.failed();
        }
    }

    fn failed(&self) {
        if let Some(stay) = &self.stay {
            stay.failed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;

    #[test]
    fn places_are_given_back() {
        let limits = Limits { connections: 2, greetings: 1, ..config("n").limits };
        let doors = Admission::new(&limits);
        let mut first = doors.enter(Newcomer::default()).unwrap();
        assert_eq!(doors.enter(Newcomer::default()).unwrap_err(), Full::Greetings);
        first.greeted();
        let second = doors.enter(Newcomer::default()).unwrap();
        assert_eq!(doors.enter(Newcomer::default()).unwrap_err(), Full::Connections);
        drop(second);
        assert!(doors.enter(Newcomer::default()).is_ok());
    }
}

//! How many connections a gateway takes, and how many it greets at once: a herd that comes back after a deploy must not
//! sink the gateway it comes to.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// The doors.
#[derive(Debug)]
pub struct Admission {
    connections: Arc<Semaphore>,
    greetings: Arc<Semaphore>,
}

/// A place. Given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    _connection: OwnedSemaphorePermit,
    greeting: Option<OwnedSemaphorePermit>,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The gateway has as many connections as it takes.
    Connections,
    /// Too many are being greeted at the moment: worth trying again soon.
    Greetings,
}

impl Admission {
    /// Doors of this width.
    pub fn new(limits: &Limits) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(limits.connections)),
            greetings: Arc::new(Semaphore::new(limits.greetings)),
        }
    }

    /// Takes a place for a new connection.
    ///
    /// # Errors
    /// When there is none.
    pub fn enter(&self) -> Result<Place, Full> {
        let connection = Arc::clone(&self.connections).try_acquire_owned().map_err(|_| Full::Connections)?;
        let greeting = Arc::clone(&self.greetings).try_acquire_owned().map_err(|_| Full::Greetings)?;
        Ok(Place { _connection: connection, greeting: Some(greeting) })
    }
}

impl Place {
    /// The connection has been greeted, or will not be: somebody else may be.
    pub(crate) fn greeted(&mut self) {
        self.greeting = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let limits = Limits {
            connections: 2,
            greetings: 1,
            requests_per_second: 1,
            request_burst: 1,
            devices_per_user: 1,
            outbox_frames: 1,
        };
        let doors = Admission::new(&limits);
        let mut first = doors.enter().unwrap();
        assert_eq!(doors.enter().unwrap_err(), Full::Greetings);
        first.greeted();
        let second = doors.enter().unwrap();
        assert_eq!(doors.enter().unwrap_err(), Full::Connections);
        drop(second);
        assert!(doors.enter().is_ok());
    }
}
